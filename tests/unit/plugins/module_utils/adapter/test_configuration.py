# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration, read with pyslurm and with scontrol."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.configuration import parse_config
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import Command

SHOWN = """Configuration data as of 2026-11-26T01:15:47
AccountingStorageTRES   = cpu,mem,energy
AllowSpecResourcesUsage = no
BOOT_TIME               = 1795654940
BatchStartTimeout       = 10 sec
CompleteWait            = 0 sec
DebugFlags              = (null)
Epilog[0]               = /etc/slurm/epilog
Epilog[1]               = /etc/slurm/epilog.d/*
JobRequeue              = 1
Licenses                = lab:10,matlab
PluginDir               = /usr/lib/slurm:/opt/slurm
PrEpPlugins             = prep/script
PriorityDecayHalfLife   = 7-00:00:00
PriorityFlags           =
PrivateData             = none
SlurmUser               = slurm(64030)
SlurmctldPort           = 6817
SlurmdParameters        = config_overrides,limit=3
SrunPortRange           = 0-0
SuspendTime             = INFINITE
TrackWCKey              = no
UrlParserType           = (null)

Cgroup Support Configuration:
SlurmUser               = nobody(99)

Slurmctld(primary) at lab is UP
"""
READ: dict[str, Any] = {
    "accounting_storage_tres": ["cpu", "mem", "energy"],
    "allow_spec_resource_usage": False,
    "batch_start_timeout": 10,
    "complete_wait_time": 0,
    "debug_flags": [],
    "epilog": ["/etc/slurm/epilog", "/etc/slurm/epilog.d/*"],
    "epilog_slurmctld": [],
    "job_requeue": True,
    "licenses": {"lab": 10, "matlab": 1},
    "plugin_dirs": ["/usr/lib/slurm", "/opt/slurm"],
    "prep_plugins": ["prep/script"],
    "priority_decay_half_life": 604800,
    "priority_flags": [],
    "private_data": [],
    "prolog": [],
    "prolog_slurmctld": [],
    "slurm_user_name": "slurm",
    "slurmctld_boot_time": 1795654940,
    "slurmctld_port": "6817",
    "slurmd_parameters": {"config_overrides": True, "limit": 3},
    "srun_port_range": "0-0",
    "suspend_time": "UNLIMITED",
    "track_wckey": False,
    "url_parser_type": None,
}


def test_the_parameters_that_scontrol_shows() -> None:
    assert parse_config(SHOWN) == READ


class Config:
    """What pyslurm 24.11 reads of the configuration."""

    cluster = preempt_mode = suspend_program = resume_program = None


@pytest.mark.parametrize("item", ["SlurmUser", "slurm_user_name"])
def test_a_pyslurm_that_reads_four_parameters(pyslurm: ModuleType, command: Command, item: str) -> None:
    vars(pyslurm).update(slurmctld=SimpleNamespace(Config=Config))
    command("scontrol", f"""test "$1" = --version || /bin/cat <<'END'\n{SHOWN}\nEND""")
    assert Slurm().config() == READ
