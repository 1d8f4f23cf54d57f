# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of slurm_node_info."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.info import plan_info
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.fake_jobs import NEW_JOB
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import cluster


def info(slurm: FakeSlurm, **given: Any) -> dict[str, Any]:
    options = {**dict.fromkeys(("nodes", "partitions", "states", "attributes")), "future": False, **given}
    outcome = execute(plan_info, slurm, options, check_mode=False)
    assert (outcome.pop("changed"), outcome.pop("diff"), outcome.pop("warnings")) == (
        False,
        {"before": {}, "after": {}},
        [],
    )
    return outcome


@pytest.fixture
def rack() -> FakeSlurm:
    slurm = cluster("IDLE", "IDLE+DRAIN", "DOWN+NOT_RESPONDING", "MIXED")
    slurm.records["n4"]["partitions"] = ["gpu", "main"]
    slurm.records["n10"] = {**slurm.records["n4"], "partitions": []}
    return slurm


@pytest.mark.parametrize(
    ("options", "hostlist"),
    [
        ({}, "n[1-4,10]"),
        ({"nodes": ["n[2-3]", "n1"]}, "n[1-3]"),
        ({"nodes": []}, ""),
        ({"partitions": ["gpu"]}, "n4"),
        ({"partitions": ["main"]}, "n[1-4]"),
        ({"partitions": []}, ""),
        ({"states": ["DOWN", "drain"]}, "n[2-3]"),
        ({"states": ["not_responding"]}, "n3"),
        ({"states": []}, ""),
        ({"states": ["MIXED"], "partitions": ["main"]}, "n4"),
        ({"nodes": ["n[1-2]"], "states": ["MIXED"]}, ""),
    ],
)
def test_info_selects(rack: FakeSlurm, options: dict[str, Any], hostlist: str) -> None:
    outcome = info(rack, **options)
    assert outcome["hostlist"] == hostlist
    assert list(outcome["nodes"]) == outcome["names"]
    assert rack.reads["nodes"] == 1


def test_info_sorts_names_naturally(rack: FakeSlurm) -> None:
    assert info(rack)["names"] == ["n1", "n2", "n3", "n4", "n10"]


def test_info_returns_all_attributes_or_those_named(rack: FakeSlurm) -> None:
    assert sorted(info(rack)["nodes"]["n1"]) == rack.node_attributes()
    assert info(rack, nodes=["n1"], attributes=["weight"])["nodes"] == {"n1": {"weight": 1}}
    assert info(rack, nodes=["n1"], states=["IDLE"], attributes=[])["nodes"] == {"n1": {}}


def test_info_refuses_unknown_names(rack: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match=r"a node has no attribute wight: did you mean weight\?"):
        info(rack, attributes=["weight", "wight", "x"])
    with pytest.raises(SlurmError, match="the cluster has no node n7"):
        info(rack, nodes=["n[1,7]"])
    with pytest.raises(SlurmError, match=r"a node has no state MAINT: did you mean MAINTENANCE or DRAIN\?"):
        info(rack, states=["down", "maint"])
    with pytest.raises(SlurmError, match="a node has no partition nowhere: "):
        info(rack, partitions=["nowhere"])


def test_info_accepts_a_state_of_a_later_release(rack: FakeSlurm) -> None:
    rack.records["n2"]["state"] = ["IDLE", "LEVITATING"]
    assert info(rack, states=["levitating"])["names"] == ["n2"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["n1", "n2"]),
        ({"nodes": ["ALL"]}, ["n1", "n2"]),
        ({"future": True}, ["n1", "n2", "n3"]),
        ({"states": ["future"]}, ["n3"]),
        ({"states": ["FUTURE", "DRAIN"]}, ["n2", "n3"]),
        ({"states": ["IDLE"], "future": True}, ["n1", "n2"]),
        ({"nodes": ["n3"], "future": True}, ["n3"]),
    ],
)
def test_info_shows_nodes_in_state_future_where_asked_for(options: dict[str, Any], names: list[str]) -> None:
    assert info(cluster("IDLE", "IDLE+DRAIN", "FUTURE"), **options)["names"] == names


def test_info_says_that_a_node_is_in_state_future() -> None:
    with pytest.raises(SlurmError, match="n3 is in state FUTURE .* shows such nodes with future=true"):
        info(cluster("IDLE", "IDLE", "FUTURE"), nodes=["n[1,3]"])


def test_info_of_an_empty_cluster() -> None:
    assert info(FakeSlurm({})) == {"nodes": {}, "names": [], "hostlist": "", "total": 0}


def test_when_nodes_are_free() -> None:
    slurm = cluster("IDLE", "MIXED", "MIXED", "MIXED", "MIXED")
    jobs = [
        {"id": 1, "state": "RUNNING", "allocated_nodes": "n[2-3]", "time_limit": 10, "end_time": 1000},
        {"id": 2, "state": "SUSPENDED", "allocated_nodes": "n3", "time_limit": 20, "end_time": 2000},
        {"id": 3, "state": "RUNNING", "allocated_nodes": "n4,n9", "time_limit": None, "end_time": 9000},
        {"id": 4, "state": "RUNNING", "allocated_nodes": "n4", "time_limit": 5, "end_time": 500},
        {"id": 5, "state": "COMPLETED", "allocated_nodes": "n5", "time_limit": 5, "end_time": 500},
        {"id": 6, "state": "PENDING", "allocated_nodes": None, "time_limit": 5, "end_time": None},
    ]
    slurm.queue.update({job["id"]: {**NEW_JOB, **job} for job in jobs})
    found = info(slurm, attributes=["free_at"])["nodes"]
    assert found == {
        "n1": {"free_at": 0},
        "n2": {"free_at": 1000},
        "n3": {"free_at": 2000},
        "n4": {"free_at": None},
        "n5": {"free_at": 0},
    }
    assert slurm.reads["jobs"] == 1
    assert "free_at" not in info(slurm)["nodes"]["n1"]
