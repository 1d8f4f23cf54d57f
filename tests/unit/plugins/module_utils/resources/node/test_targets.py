# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States that a task can ask for, and their requests."""

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS
from ansible_collections.hpc.slurm.tests.unit.fake_nodes import transition
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import (
    STATES,
    TARGETS,
    cluster,
    run,
)


@pytest.mark.parametrize(
    ("state", "flags", "expected"),
    [
        ("down", ["DOWN"], True),
        ("down", ["DOWN", "DRAIN"], True),
        ("down", ["IDLE", "DRAIN"], False),
        ("drained", ["IDLE", "DRAIN", "NOT_RESPONDING"], True),
        ("drained", ["DOWN"], False),
        ("drained", ["IDLE", "FAIL"], False),
        ("failed", ["MIXED", "FAIL"], True),
        ("failed", ["IDLE", "DRAIN"], False),
        ("resumed", ["IDLE"], True),
        ("resumed", ["MIXED", "NOT_RESPONDING"], True),
        ("resumed", ["DOWN"], False),
        ("resumed", ["IDLE", "FAIL"], False),
        ("undrained", ["DOWN"], True),
        ("undrained", ["IDLE", "FAIL"], True),
        ("undrained", ["DOWN", "DRAIN"], False),
    ],
)
def test_reached(state: str, flags: list[str], expected: bool) -> None:
    assert TARGETS[state].is_reached({"state": flags}) is expected


@pytest.mark.parametrize("state", TARGETS)
@pytest.mark.parametrize("flags", STATES, ids="+".join)
def test_predict_matches_slurmctld_and_reaches_the_target(state: str, flags: list[str]) -> None:
    target = TARGETS[state]
    if not target.is_reached({"state": flags}):
        predicted = target.predict(flags)
        assert predicted == transition(flags, target.request)
        assert target.is_reached({"state": predicted})


@pytest.mark.parametrize("state", TARGETS)
@pytest.mark.parametrize("flags", STATES, ids="+".join)
def test_a_second_run_sends_no_request(state: str, flags: list[str]) -> None:
    slurm = cluster("+".join(flags))
    run(slurm, state=state)
    assert run(slurm, state=state)["changed"] is False
    assert slurm.writes["update_nodes"] <= 1


def test_a_node_that_is_resumed_concurrently_is_a_conflict() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN", reason="r")
    slurm.meanwhile.append(lambda: slurm.records["n1"].update(state=["IDLE"], reason=None, reason_user=None))
    outcome = run(slurm, nodes=["n[1-2]"], state="resumed")
    # slurmctld refused n1 and resumed n2 all the same: that is a change.
    assert (outcome["changed"], outcome["changed_nodes"]) == (True, ["n1", "n2"])
    assert [it["state"] for it in outcome["nodes"].values()] == [["IDLE"], ["IDLE"]]
    assert slurm.writes == {"update_nodes": 1}


def test_a_conflict_at_every_attempt_fails_the_task() -> None:
    slurm = cluster("IDLE")
    slurm.broken = ConflictError("no way", 2180, "ESLURM_INVALID_NODE_STATE_TRANSITION")
    with pytest.raises(ConflictError):
        run(slurm, state="drained")
    assert slurm.writes == {"update_nodes": ATTEMPTS}


def test_a_node_that_is_deleted_before_the_request_is_named() -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    slurm.meanwhile.append(lambda: slurm.records.__delitem__("n2"))
    with pytest.raises(SlurmError) as caught:
        run(slurm, nodes=["n[1-3]"], state="drained")
    assert caught.value.message == (
        "n2 was deleted from the cluster while the task ran: run it again without these nodes"
    )
    # slurmctld drained n1 and stopped at n2.
    assert caught.value.details["changed"] is True
    assert [slurm.records[name]["state"] for name in ("n1", "n3")] == [["IDLE", "DRAIN"], ["IDLE"]]


def test_a_node_that_is_deleted_after_the_request_is_named() -> None:
    slurm = cluster("IDLE", "IDLE")
    slurm.records["n2"]["state"] = ["IDLE", "DRAIN"]
    slurm.meanwhile.append(lambda: slurm.records.__delitem__("n2"))
    with pytest.raises(SlurmError, match="n2 was deleted from the cluster while the task ran") as caught:
        run(slurm, nodes=["n[1-2]"], state="drained")
    assert caught.value.details["changed"] is True


def test_another_failure_of_the_request_is_passed_on() -> None:
    slurm = cluster("IDLE")
    slurm.broken = SlurmError("no way", 1, "ESLURM_OTHER")
    with pytest.raises(SlurmError, match="no way"):
        run(slurm, state="drained")
    assert slurm.reads["nodes"] == 1
