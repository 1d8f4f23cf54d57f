# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes a task is about."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import cluster, run


@pytest.fixture
def slurm() -> FakeSlurm:
    slurm = cluster("IDLE", "IDLE", "IDLE", "FUTURE")
    slurm.records["n2"]["partitions"] = ["gpu"]
    slurm.records["n3"]["partitions"] = ["gpu", "main"]
    slurm.records["n10"] = {**slurm.records["n1"], "partitions": []}
    return slurm


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"nodes": ["ALL"]}, ["n1", "n2", "n3", "n10"]),
        ({"nodes": [" all "]}, ["n1", "n2", "n3", "n10"]),
        ({"nodes": ["n3", "n1"]}, ["n1", "n3"]),
        ({"nodes": None, "partitions": ["gpu"]}, ["n2", "n3"]),
        ({"nodes": None, "partitions": ["gpu", "main"]}, ["n1", "n2", "n3"]),
        ({"nodes": None, "partitions": []}, []),
    ],
)
def test_selection(slurm: FakeSlurm, options: dict[str, Any], names: list[str]) -> None:
    outcome = run(slurm, state="drained", **options)
    assert (list(outcome["nodes"]), set(outcome["changed_nodes"])) == (names, set(names))
    assert slurm.reads["nodes"] == (2 if names else 1)


def test_an_unknown_partition_is_refused(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match="a node has no partition gpus: did you mean gpu"):
        run(slurm, nodes=None, partitions=["gpu", "gpus"], state="drained")
    assert slurm.writes == {}


def test_a_node_in_state_future_is_refused(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError) as caught:
        run(slurm, nodes=["n[1,4]"], state="drained")
    assert caught.value.message == (
        "n4 is in state FUTURE until slurmd registers there, and Slurm hides it; nothing was changed; slurm_node_info "
        "shows such nodes with future=true"
    )


def test_all_is_a_word_of_its_own(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match="the cluster has no node ALL; nothing was changed"):
        run(slurm, nodes=["ALL", "n1"], state="drained")
