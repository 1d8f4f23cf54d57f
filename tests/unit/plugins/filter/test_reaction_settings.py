# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter reaction_settings: what the first sync and the status page show."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.reaction_settings import FilterModule

FILTER = FilterModule().filters()["reaction_settings"]


def settings(names, hostvars):
    options = {"hpc_slurm_repair_tasks": {}, "hpc_slurm_answer_limit": {}}
    specs = {"argument_specs": {"node_down": {"options": options}}}
    return {it["name"]: it["value"] for it in FILTER(names, {"controller": {}, **hostvars}, "controller", specs)}


def test_nothing_is_set():
    assert settings(["n1"], {"n1": {}}) == {
        "repair tasks": "not set",
        "check tasks": "not set",
        "tasks for drained nodes": "not set",
        "tasks that test repaired nodes": "not set",
        "seconds to respond after a repair": "not set",
        "tasks for notifications": "not set",
        "most unavailable nodes of a partition": "not set",
        "circuit breaker, nodes": "not set",
        "circuit breaker, of a partition": "not set",
        "pause": "not set",
        "nodes without a host in the inventory": "none",
        "unknown variables of nodes": "none",
    }


def test_what_is_set_and_for_how_many_nodes():
    hosts = {f"n{number}": {"hpc_slurm_repair_tasks": "/a.yml", "hpc_slurm_answer_limit": 60} for number in range(1, 6)}
    hosts["n3"] = {"hpc_slurm_repair_tasks": "", "hpc_slurm_check_tasks": "/b.yml"}
    hosts["controller"] = {"hpc_slurm_max_unavailable": "10%"}
    found = settings([f"n{number}" for number in range(1, 10)], hosts)
    assert found["repair tasks"] == "/a.yml for 4 of 5 nodes"
    assert found["check tasks"] == "/b.yml for 1 of 5 nodes"
    assert found["seconds to respond after a repair"] == "60 for 4 of 5 nodes"
    assert found["most unavailable nodes of a partition"] == "10%"
    assert found["nodes without a host in the inventory"] == "n[6-9]"


def test_many_values_are_shortened():
    hosts = {f"n{number}": {"hpc_slurm_repair_tasks": f"/{'x' * 300}{number}"} for number in range(9)}
    value = settings(list(hosts), hosts)["repair tasks"]
    assert len(value) == 500
    short = {f"n{number}": {"hpc_slurm_repair_tasks": f"/{number}"} for number in range(9)}
    assert settings(list(short), short)["repair tasks"].endswith("for 1 of 9 nodes; ...")


@pytest.mark.parametrize("names", [[None], [7], [["n1"]]])
def test_what_are_no_names(names):
    with pytest.raises(AnsibleFilterError, match="needs the names of nodes"):
        settings(names, {})


def test_misspelled_variables_are_named():
    found = settings(["n1", "n2"], {"n1": {"hpc_slurm_repair_task": "/a.yml"}, "n2": {}})
    assert found["unknown variables of nodes"] == "hpc_slurm_repair_task: did you mean hpc_slurm_repair_tasks?"
