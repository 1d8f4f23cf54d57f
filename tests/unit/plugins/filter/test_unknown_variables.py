# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter unknown_variables: misspelled names, with what was meant."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.unknown_variables import FilterModule

FILTER = FilterModule().filters()["unknown_variables"]
SPECS = {
    "argument_specs": {
        "one": {"options": {"hpc_slurm_repair_tasks": {}, "hpc_slurm_pause": {}}},
        "two": {"options": {"hpc_slurm_pause": {}, "hpc_slurm_events": {}}},
    }
}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], []),
        (["hpc_slurm_pause", "hpc_slurm_events", "pause", "ansible_host", "slurm_pauses"], []),
        (["hpc_slurm_repair_task"], ["hpc_slurm_repair_task: did you mean hpc_slurm_repair_tasks?"]),
        (
            ["hpc_slurm_x", "hpc_slurm_paus", "hpc_slurm_paus"],
            [
                "hpc_slurm_paus: did you mean hpc_slurm_pause?",
                "hpc_slurm_x: there are hpc_slurm_events, hpc_slurm_pause, hpc_slurm_repair_tasks",
            ],
        ),
    ],
)
def test_names(names: list[str], found: list[str]) -> None:
    assert FILTER(names, SPECS) == found


@pytest.mark.parametrize("specs", [None, ["argument_specs"], {}, {"argument_specs": {"one": {}}}])
def test_what_are_no_specifications(specs: object) -> None:
    with pytest.raises(AnsibleFilterError, match="needs a file of argument_specs"):
        FILTER(["hpc_slurm_x"], specs)
