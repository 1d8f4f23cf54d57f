# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make this checkout importable, as for the unit tests, and provide the clusters."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

runpy.run_path(str(Path(__file__).parents[1] / "unit" / "conftest.py"))


from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.waiting import HOLDING
from ansible_collections.hpc.slurm.tests.contract.cluster import (
    NODES,
    ORDINARY,
    PRIVILEGED,
    RESERVATION,
    WORKERS,
    RealSlurm,
    fake_cluster,
    look,
    our_jobs,
    out_of_service,
    until,
)
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm


@pytest.fixture(params=PRIVILEGED)
def slurm(request: pytest.FixtureRequest) -> Iterator[RealSlurm | FakeSlurm]:
    """A cluster with NODES in service and nothing of ours; the changes of a test are undone."""
    cluster = RealSlurm() if request.param == "real" else fake_cluster()
    assert set(look(cluster).values()) == {("IDLE", None, None)}, "another test uses these nodes"
    there = {found["id"] for found in cluster.triggers()}
    yield cluster
    for number, details in our_jobs(cluster).items():
        if details["state"] in ("PENDING", "RUNNING"):
            cluster.cancel(number)
    for found in cluster.reservations():
        if found["name"].startswith(RESERVATION):
            until(lambda: not [it for it in our_jobs(cluster).values() if it["state"] in HOLDING])
            cluster.delete_reservation(found["name"])
    unavailable = [
        name for name, (state, _reason, _user) in look(cluster, (*NODES, *WORKERS)).items() if out_of_service(state)
    ]
    if unavailable:
        cluster.update_nodes(hostlist.fold(unavailable), state="RESUME")
    for found in cluster.triggers():
        if found["id"] not in there:
            cluster.clear_trigger(found["id"])


@pytest.fixture(params=ORDINARY)
def ordinary(request: pytest.FixtureRequest) -> Slurm:
    """A cluster, used by an ordinary user."""
    if request.param == "real":
        return Slurm()
    cluster = fake_cluster()
    cluster.asking = "alice"
    return cluster
