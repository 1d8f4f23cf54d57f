# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration: its parameters under the names of slurm.conf(5) and of pyslurm."""

from __future__ import annotations

import difflib
import re
from typing import Any

from ..adapter.errors import SlurmError
from ..adapter.slurm import Slurm
from ..common.plan import Plan

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
    "SlurmSchedLogFile": "scheduler_log_file",
    "SlurmSchedLogLevel": "scheduler_logging_enabled",
    "SlurmUser": "slurm_user_name",
    "SlurmctldDebug": "slurmctld_log_level",
    "SlurmctldPrimaryOffProg": "slurmctld_primary_off_program",
    "SlurmctldPrimaryOnProg": "slurmctld_primary_on_program",
    "SlurmctldSyslogDebug": "slurmctld_syslog_level",
    "SlurmdDebug": "slurmd_log_level",
    "SlurmdSpoolDir": "slurmd_spool_directory",
    "SlurmdSyslogDebug": "slurmd_syslog_level",
    "SlurmdUser": "slurmd_user_name",
    "SuspendExcNodes": "suspend_exclude_nodes",
    "SuspendExcParts": "suspend_exclude_partitions",
    "SuspendExcStates": "suspend_exclude_states",
    "TaskPluginParam": "task_plugin_parameters",
    "TmpFS": "temporary_filesystem",
    "TopologyParam": "topology_parameters",
    "VSizeFactor": "virtual_memory_size_factor",
}


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_config_info: a reading, nothing else."""
    config = slurm.config()
    if params["item"] is None:
        return Plan({"config": config})
    return Plan({"config": {asked: config[find(asked, config)] for asked in params["item"]}})


def find(name: str, config: dict[str, Any]) -> str:
    """Return pyslurm's name of a parameter, given in either spelling, without regard to case as in slurm.conf(5).

    :raises SlurmError: for an unknown name, with those that look like it.
    """
    spellings = {_folded(ours): ours for ours in config}
    spellings.update({_folded(theirs): ours for theirs, ours in SPELLINGS.items() if ours in config})
    if _folded(name) in spellings:
        return spellings[_folded(name)]
    near = [spellings[match] for match in difflib.get_close_matches(_folded(name), spellings, n=3)]
    meant = f"did you mean {', '.join(dict.fromkeys(near))}?" if near else "leave item out to see all"
    raise SlurmError(f"pyslurm reads no parameter {name} of slurm.conf: {meant}")


def _folded(name: str) -> str:
    return re.sub("[_ ]", "", name).lower()
