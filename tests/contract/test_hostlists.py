# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostlists are read and written as Slurm does it."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist

HOSTLISTS = [
    "node1",
    "node[1-3,7],gpu07",
    "n[08-11]",
    "n[001-3,010]",
    "n9[8-11]",
    "n[1-3]-ib",
    "r[1-2]n[1-2]x,b",
    "n[1,01,2,02],n1",
    "login,7login,login7",
]


def scontrol_show_hostnames(text: str) -> list[str]:
    command = ["scontrol", "show", "hostnames", text]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("text", HOSTLISTS)
def test_a_hostlist_has_the_names_that_slurm_reads(text: str) -> None:
    names = hostlist.expand(text)
    assert sorted(names) == sorted(set(scontrol_show_hostnames(text)))
    assert sorted(scontrol_show_hostnames(hostlist.fold(names))) == sorted(names)


def test_a_range_from_high_to_low_is_none() -> None:
    command = ["scontrol", "show", "hostnames", "n[3-1]"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # its status is 0
    assert "Invalid hostlist: n[3-1]" in shown.stdout + shown.stderr
    with pytest.raises(SlurmError, match="not a hostlist"):
        hostlist.expand("n[3-1]")
