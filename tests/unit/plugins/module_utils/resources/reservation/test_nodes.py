# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import (
    make,
    run,
    run_twice,
)

# What Slurm chooses: check mode does not know it.
CHOSEN = ("nodes", "node_count", "partition")


def create(slurm: FakeSlurm, **options: Any) -> dict[str, Any]:
    """Create a reservation whose nodes Slurm chooses; check mode predicts the rest, and a second run writes nothing."""
    predicted = run(slurm, check_mode=True, **options)["reservation"]
    made = run(slurm, **options)
    assert made["changed"] is True
    known = {key: value for key, value in made["reservation"].items() if key not in CHOSEN}
    assert {key: value for key, value in predicted.items() if key not in CHOSEN} == known
    assert run(slurm, **options)["changed"] is False
    assert slurm.writes["create_reservation"] == sum(slurm.writes.values()) == 1
    slurm.writes.clear()
    return dict(made["reservation"])


@pytest.mark.parametrize(
    ("options", "nodes"),
    [
        ({"node_count": 2}, ["n1", "n2"]),
        ({"node_count": 2, "core_count": 3}, ["n1", "n2"]),
        ({"core_count": 3}, ["n1", "n2", "n3"]),
        ({"node_count": 1, "partition": "gpu"}, ["n6"]),
        ({"node_count": 1, "features": "large"}, ["n4"]),
        ({"tres": {"gres/gpu": 2}}, ["n1"]),
        ({"node_count": 2, "flags": ["REPLACE"]}, ["n1", "n2"]),
        ({"licenses": ["l:2"]}, []),
        ({"licenses": ["l:2"], "flags": ["DAILY"]}, []),
        ({"burst_buffer": "x"}, []),
    ],
)
def test_reservations_without_named_nodes(slurm: FakeSlurm, options: dict[str, Any], nodes: list[str]) -> None:
    slurm.records["n4"]["available_features"] = ["large"]
    slurm.reserved.gres = {"gres/gpu"}
    made = create(slurm, **options)
    assert (made["nodes"], made["node_count"], made["users"]) == (nodes, len(nodes), ["root"])
    assert made["duration"] == 525600
    assert made["flags"] == sorted([*options.get("flags", []), *([] if nodes else ["ANY_NODES"])])
    for asked in ("core_count", "tres"):
        assert (asked in made) == (asked in options)


def test_slurm_chooses_nodes_that_are_free(slurm: FakeSlurm) -> None:
    make(slurm, name="other", nodes=["n[1-3]"], start_time="now")
    assert create(slurm, node_count=2)["nodes"] == ["n4", "n5"]


def test_cores_of_named_nodes(slurm: FakeSlurm) -> None:
    made = create(slurm, nodes=["n[1-2]"], core_count=3)
    assert (made["nodes"], made["core_count"], made["flags"]) == (["n1", "n2"], 3, [])


def test_a_whole_partition(slurm: FakeSlurm) -> None:
    task = {"nodes": ["all"], "partition": "gpu"}
    done = run_twice(slurm, **task)["reservation"]
    assert (done["nodes"], done["flags"]) == (["n6"], ["IGNORE_JOBS", "MAINT", "OVERLAP"])
    assert "PART_NODES" in slurm.reserved.stored["r"]["flags"]
    assert run(slurm, **task, flags=[*done["flags"], "PART_NODES"])["changed"] is False
    slurm.writes.clear()
    assert run_twice(slurm, nodes=["n1"])["reservation"]["nodes"] == ["n1", "n6"]
    assert "PART_NODES" not in slurm.reserved.stored["r"]["flags"]
    slurm.writes.clear()
    run_twice(slurm, **task)
    assert "PART_NODES" in slurm.reserved.stored["r"]["flags"]
    assert run(slurm, nodes=["ALL"], state="absent")["reservation"] is None


def test_the_whole_cluster(slurm: FakeSlurm) -> None:
    make(slurm, nodes=["n1"])
    assert run_twice(slurm, nodes=["ALL"])["reservation"]["node_count"] == 6
    assert "ALL_NODES" in slurm.reserved.stored["r"]["flags"]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_number_of_nodes_changes(slurm: FakeSlurm, count: int) -> None:
    create(slurm, node_count=2)
    done = run(slurm, node_count=count)
    assert (done["changed"], done["reservation"]["node_count"]) == (count != 2, count)
    assert len(done["reservation"]["nodes"]) == count
    assert run(slurm, node_count=count)["changed"] is False
    assert slurm.writes == ({"update_reservation": 1} if count != 2 else {})


def test_licenses_get_nodes(slurm: FakeSlurm) -> None:
    create(slurm, licenses=["l:1"])
    assert run_twice(slurm, 0, nodes=["n1"], state="absent")["reservation"]["nodes"] == []
    assert run_twice(slurm, 0, flags=[])["reservation"]["flags"] == ["ANY_NODES"]
    assert run_twice(slurm, nodes=["n1"], flags=[])["reservation"]["flags"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"node_count": 0}, "node_count is at least 1"),
        ({"core_count": -1}, "core_count is at least 1"),
        ({"node_count": 7}, "Requested nodes are busy"),
        (
            {"node_count": 1, "flags": ["ANY_NODES"]},
            "does not set the flag ANY_NODES on a reservation whose nodes it is",
        ),
        ({"node_count": 1, "flags": ["SKIP"]}, "does not set the flag SKIP"),
        ({"nodes": ["ALL"], "flags": ["PART_NODES"]}, "does not set the flag PART_NODES"),
        ({"nodes": ["ALL"], "partition": "gpus"}, "the cluster has no partition gpus with nodes: did you mean gpu"),
        ({"tres": {"cpu": 2}}, "tres is for generic resources, such as gres/gpu, and not for cpu: use core_count"),
        ({"tres": {"gres/gpu": 2}}, "Invalid Trackable RESource"),
        ({"features": "large"}, "there is no reservation r: give nodes"),
    ],
)
def test_refused_amounts(slurm: FakeSlurm, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, **options)
    assert slurm.reserved.stored == {}


@pytest.mark.parametrize("options", [{"core_count": 4}, {"tres": {"gres/gpu": 1}}])
def test_amounts_that_slurm_cannot_change(slurm: FakeSlurm, options: dict[str, Any]) -> None:
    make(slurm)
    with pytest.raises(SlurmError, match=f"Slurm sets {next(iter(options))} on a new reservation only"):
        run(slurm, check_mode=True, **options)


def test_cores_cannot_change(slurm: FakeSlurm) -> None:
    create(slurm, core_count=2)
    with pytest.raises(SlurmError, match="Core-based reservation can not be updated"):
        run(slurm, nodes=["n6"])
