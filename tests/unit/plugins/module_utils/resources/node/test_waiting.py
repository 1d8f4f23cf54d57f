# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for jobs to end."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import cluster, run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, which only sleeping moves on."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def ending(slurm: FakeSlurm, clock: list[float], number: int, when: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a job end when the clock says so."""
    nodes = slurm.nodes

    def look(attributes: Any = None) -> dict[str, dict[str, Any]]:
        if clock[0] >= when:
            slurm.cancel(number)
        return nodes(attributes)

    monkeypatch.setattr(slurm, "nodes", look)


@pytest.mark.parametrize("state", ["drained", "failed"])
def test_a_wait_ends_with_the_last_job(state: str, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE+COMPLETING")
    ending(slurm, clock, slurm.submit("--nodelist=n1"), 7, monkeypatch)
    outcome = run(slurm, state=state, wait=True)
    assert (outcome["changed"], outcome["waited"]) == (True, 7.5)
    assert outcome["nodes"]["n1"]["state"][0] == "IDLE"  # read after the wait


def test_a_wait_needs_no_change(clock: list[float]) -> None:
    slurm = cluster("IDLE+DRAIN")
    outcome = run(slurm, state="drained", wait=True)
    assert (outcome["changed"], outcome["waited"]) == (False, 0)


@pytest.mark.parametrize("before", ["IDLE", "IDLE+DRAIN"])
def test_a_wait_times_out(before: str, clock: list[float]) -> None:
    slurm = cluster(before, "IDLE", "IDLE")
    number = slurm.submit("--nodelist=n1")
    slurm.submit("--nodelist=n3")
    slurm.submit("--hold")
    with pytest.raises(SlurmError) as caught:
        run(slurm, nodes=["n[1-2]"], state="drained", wait=True, wait_timeout=20)
    assert caught.value.message == (
        f"after 20 s jobs still run or complete on n1 ({number} of root): wait longer with wait_timeout, or end them"
    )
    assert caught.value.details == {
        "running_jobs": {str(number): {"user_name": "root", "state": "RUNNING", "allocated_nodes": "n1"}},
        "waited": 20.0,
        "changed": True,  # n2 was drained in any case
    }
    assert slurm.records["n1"]["state"] == ["IDLE", "DRAIN"]
    slurm.records["n2"]["state"] = ["IDLE", "DRAIN"]
    with pytest.raises(SlurmError) as caught:
        run(slurm, nodes=["n[1-2]"], state="drained", wait=True, wait_timeout=0)
    assert caught.value.details["changed"] is False


def test_a_busy_node_without_a_listed_job(clock: list[float]) -> None:
    with pytest.raises(SlurmError, match=r"complete on n1 \(none is listed\)"):
        run(cluster("IDLE+COMPLETING"), state="drained", wait=True, wait_timeout=1)


def test_check_mode_does_not_wait(clock: list[float]) -> None:
    slurm = cluster("IDLE")
    slurm.submit("--nodelist=n1")
    outcome = run(slurm, check_mode=True, state="drained", wait=True)
    assert (outcome["changed"], "waited" in outcome, clock) == (True, False, [0.0])


def test_a_wait_ignores_skipped_nodes(clock: list[float]) -> None:
    slurm = cluster("IDLE+FAIL", "IDLE", reason="theirs")
    slurm.submit("--nodelist=n1")
    outcome = run(slurm, nodes=["n[1-2]"], state="drained", only_reason="^$", wait=True)
    assert (list(outcome["skipped_nodes"]), outcome["changed_nodes"], outcome["waited"]) == (["n1"], ["n2"], 0)


@pytest.mark.parametrize("given", [{"state": "resumed"}, {"state": "undrained"}, {"attributes": {"comment": "c"}}])
def test_a_wait_is_refused_for_other_states(given: dict[str, Any]) -> None:
    slurm = cluster("IDLE+DRAIN")
    with pytest.raises(SlurmError, match="wait is for the states down, drained, failed, rebooted"):
        run(slurm, wait=True, **given)
    assert sum(slurm.writes.values()) == 0


def test_a_wait_names_a_node_that_is_deleted_meanwhile(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE")
    slurm.submit("--nodelist=n1")
    monkeypatch.setattr("time.sleep", lambda _seconds: slurm.records.pop("n2", None))
    with pytest.raises(SlurmError, match="n2 was deleted from the cluster while the task ran"):
        run(slurm, nodes=["n[1-2]"], state="drained", wait=True)
