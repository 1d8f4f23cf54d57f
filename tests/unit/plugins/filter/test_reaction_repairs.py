# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter reaction_repairs; what it decides is in the tests of reactions.py."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.reaction_repairs import FilterModule

FILTER = FilterModule().filters()["reaction_repairs"]
REASON = "hpc.slurm.node_down by hand"
NODES = {f"n{number}": {"state": ["DOWN", "DRAIN"], "reason": REASON} for number in range(1, 5)}


def test_tasks_are_those_of_the_hosts() -> None:
    hostvars = {"h1": {"hpc_slurm_repair_tasks": "/r.yml"}, "h2": {"hpc_slurm_repair_tasks": ""}, "h3": {}}
    found = FILTER(NODES, {"n1": "h1", "n2": "h2", "n3": "h3"}, hostvars, reason=REASON)
    assert [(it["nodes"], it["decision"], it["names"]) for it in found] == [
        ("n1", "repair", ["n1"]),
        ("n[2-3]", "held", ["n2", "n3"]),
        ("n4", "held", ["n4"]),
    ]


@pytest.mark.parametrize("nodes", [None, ["n1"], {"n1": {}}, {"n1": None}])
def test_what_are_no_nodes(nodes: object) -> None:
    with pytest.raises(AnsibleFilterError, match="needs nodes with their state and reason"):
        FILTER(nodes, {"n1": "h1"}, {"h1": {"hpc_slurm_repair_tasks": "/r.yml"}}, reason=REASON)
