# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's configuration, read with pyslurm, or with scontrol where pyslurm cannot read it."""

from __future__ import annotations

import re
from typing import Any

from .connection import Connection
from .error_numbers import translated
from .values import properties, record

# Names of slurm.conf(5) whose pyslurm name is not the same words in snake case.
SPELLINGS = {
    "AccountingStorageExternalHost": "accounting_storage_external_hosts",
    "AcctGatherEnergyType": "accounting_gather_energy_type",
    "AcctGatherFilesystemType": "accounting_gather_filesystem_type",
    "AcctGatherInterconnectType": "accounting_gather_interconnect_type",
    "AcctGatherNodeFreq": "accounting_gather_node_frequency",
    "AcctGatherProfileType": "accounting_gather_profile_type",
    "AllowSpecResourcesUsage": "allow_spec_resource_usage",
    "BcastExclude": "bcast_exclude_paths",
    "BOOT_TIME": "slurmctld_boot_time",
    "CompleteWait": "complete_wait_time",
    "CpuFreqDef": "default_cpu_frequency_governor",
    "CpuFreqGovernors": "cpu_frequency_governors",
    "CredType": "credential_type",
    "DefMemPerCPU": "default_memory_per_cpu",
    "DefMemPerNode": "default_memory_per_node",
    "EnforcePartLimits": "enforce_partition_limits",
    "GpuFreqDef": "default_gpu_frequency",
    "JobAcctGatherFrequency": "job_accounting_gather_frequency",
    "JobAcctGatherParams": "job_accounting_gather_parameters",
    "JobAcctGatherType": "job_accounting_gather_type",
    "JobCompHost": "job_completion_host",
    "JobCompLoc": "job_completion_location",
    "JobCompParams": "job_completion_parameters",
    "JobCompPort": "job_completion_port",
    "JobCompType": "job_completion_type",
    "JobCompUser": "job_completion_user",
    "KillWait": "kill_wait_time",
    "MailProg": "mail_program",
    "MaxMemPerCPU": "max_memory_per_cpu",
    "MaxMemPerNode": "max_memory_per_node",
    "MpiParams": "mpi_parameters",
    "NamespaceType": "namespace_plugin",
    "PluginDir": "plugin_dirs",
    "PlugStackConfig": "plugin_stack_config",
    "ResvEpilog": "reservation_epilog",
    "ResvOverRun": "reservation_over_run",
    "ResvProlog": "reservation_prolog",
    "SLURM_CONF": "slurm_conf_path",
    "SLURM_VERSION": "version",
    "SlurmctldDebug": "slurmctld_log_level",
    "SlurmctldPrimaryOffProg": "slurmctld_primary_off_program",
    "SlurmctldPrimaryOnProg": "slurmctld_primary_on_program",
    "SlurmctldSyslogDebug": "slurmctld_syslog_level",
    "SlurmdDebug": "slurmd_log_level",
    "SlurmdSpoolDir": "slurmd_spool_directory",
    "SlurmdSyslogDebug": "slurmd_syslog_level",
    "SlurmdUser": "slurmd_user_name",
    "SlurmSchedLogFile": "scheduler_log_file",
    "SlurmSchedLogLevel": "scheduler_logging_enabled",
    "SlurmUser": "slurm_user_name",
    "SuspendExcNodes": "suspend_exclude_nodes",
    "SuspendExcParts": "suspend_exclude_partitions",
    "SuspendExcStates": "suspend_exclude_states",
    "TaskPluginParam": "task_plugin_parameters",
    "TmpFS": "temporary_filesystem",
    "TopologyParam": "topology_parameters",
    "VSizeFactor": "virtual_memory_size_factor",
}
# The types of parameters, by pyslurm's names; others are texts, or numbers where scontrol shows one.
_LISTS = frozenset(
    (
        *("accounting_storage_enforce", "accounting_storage_external_hosts", "accounting_storage_tres"),
        *("accounting_store_flags", "auth_alt_types", "auth_info", "bcast_exclude_paths", "certmgr_parameters"),
        *("cli_filter_plugins", "cpu_frequency_governors", "debug_flags", "federation_parameters", "gres_types"),
        *("health_check_node_state", "job_accounting_gather_parameters", "job_submit_plugins", "launch_parameters"),
        *("mcs_parameters", "node_features_plugins", "plugin_dirs", "prep_parameters", "prep_plugins"),
        *("priority_flags", "private_data", "prolog_flags", "propagate_resource_limits"),
        *("propagate_resource_limits_except", "reconfig_flags", "scron_parameters", "select_type_parameters"),
        *("suspend_exclude_partitions", "suspend_exclude_states", "task_plugin_parameters", "tls_parameters"),
        "x11_parameters",
    )
)
_MAPPINGS = frozenset(
    (
        *("accounting_storage_parameters", "auth_alt_parameters", "bcast_parameters", "communication_parameters"),
        *("dependency_parameters", "job_completion_parameters", "job_defaults", "licenses", "mpi_parameters"),
        *("preempt_parameters", "priority_weight_tres", "scheduler_parameters"),
        *("slurmctld_parameters", "slurmd_parameters", "switch_parameters", "topology_parameters"),
    )
)
_SWITCHES = frozenset(
    (
        *("allow_spec_resource_usage", "disable_root_jobs", "group_update_force", "job_file_append", "job_requeue"),
        *("kill_on_bad_exit", "priority_favor_small", "scheduler_logging_enabled", "track_wckey", "use_pam"),
    )
)
_TEXTS = frozenset(("cluster_name", "job_completion_user", "slurm_user_name", "slurmctld_port", "slurmd_user_name"))
# Lists of which scontrol prints each element on a line, and none if there is none.
_SCRIPTS = ("epilog", "epilog_slurmctld", "prolog", "prolog_slurmctld")
_UNSET = frozenset(("", "(null)", "(null type)", "n/a", "none", "unknown"))
_NUMBER = re.compile(r"(\d+)(?: (?:u?sec|min|percent|nodes/min))?")
_DURATION = re.compile(r"(?:(\d+)-)?(\d+):(\d+):(\d+)")


class ConfigurationRequests(Connection):
    """Requests about slurm.conf(5), as the controller has it."""

    def config(self) -> dict[str, Any]:
        """Return the parameters under pyslurm's names, such as C(kill_wait_time)."""
        pyslurm = self._pyslurm()
        names = properties(pyslurm.slurmctld.Config)
        if "slurm_user_name" not in names:  # pyslurm 24.11 reads four parameters
            return parse_config(self._run("scontrol", "show", "config"))
        with translated(pyslurm, "REQUEST_BUILD_INFO"):
            return record(pyslurm.slurmctld.Config.load(), names, self._unreadable.of("slurm.conf", ""))


def parse_config(text: str) -> dict[str, Any]:
    """Return the parameters that C(scontrol show config) prints, under pyslurm's names and with its types.

    A number 0 is 0 here; pyslurm returns null for many of them.
    """
    # After an empty line scontrol prints cgroup.conf and other files, then the state of slurmctld.
    lines = text.partition("\n\n")[0].splitlines()
    found: dict[str, Any] = {name: [] for name in _SCRIPTS}
    for match in filter(None, (re.match(r"(\w+)(\[\d+\])? += ?(.*)", line) for line in lines)):
        name, text = _name(match[1]), match[3].strip()
        if match[2]:
            found.setdefault(name, []).append(text)
        else:
            found[name] = _value(name, text)
    return found


def _name(spelling: str) -> str:
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", spelling).lower()
    return SPELLINGS.get(spelling, words.replace("pr_ep_", "prep_").replace("_wc_key", "_wckey"))


def _value(name: str, text: str) -> Any:
    unset = text.lower() in _UNSET
    if name in _LISTS:
        return [] if unset else text.split(":" if name == "plugin_dirs" else ",")
    if name in _MAPPINGS:
        return {} if unset else _mapping(text, ":", 1) if name == "licenses" else _mapping(text, "=", True)
    if name in _SWITCHES:
        return text.lower() in ("yes", "1")
    if unset:
        return None
    if name in _TEXTS:
        return text.partition("(")[0] if name.endswith("_user_name") else text
    if match := _NUMBER.fullmatch(text):
        return int(match[1])
    if match := _DURATION.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return "UNLIMITED" if text == "INFINITE" else text


def _mapping(text: str, separator: str, default: Any) -> dict[str, Any]:
    pairs = (item.partition(separator) for item in text.split(","))
    return {key: (int(value) if value.isdecimal() else value) if found else default for key, found, value in pairs}
