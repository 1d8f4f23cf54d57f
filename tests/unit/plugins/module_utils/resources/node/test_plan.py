# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of slurm_node: what changes, what is skipped, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.records import DETAILS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import (
    REASONS,
    STATES,
    TAKING_OUT,
    TARGETS,
    cluster,
    run,
)


@pytest.mark.parametrize("state", TARGETS)
@pytest.mark.parametrize("flags", STATES, ids="+".join)
@pytest.mark.parametrize("before", REASONS)
@pytest.mark.parametrize(
    "options",
    [{}, {"only_reason": "^mine"}, {"reason": "better"}, {"reason": "better", "update_reason": True}],
    ids=lambda options: "+".join(options) or "plain",
)
def test_check_mode_predicts_the_result(
    state: str, flags: list[str], before: str | None, options: dict[str, Any]
) -> None:
    if TARGETS[state].default_reason is None:
        options = {name: value for name, value in options.items() if name == "only_reason"}
    slurm = cluster("+".join(flags), reason=before)
    stored = slurm.nodes()
    predicted = run(slurm, check_mode=True, state=state, **options)
    assert (slurm.nodes(), sum(slurm.writes.values())) == (stored, 0)
    done = run(slurm, state=state, **options)
    assert done == predicted
    assert sum(slurm.writes.values()) == int(done["changed"])
    assert done["nodes"]["n1"] == slurm.nodes(DETAILS)["n1"]
    again = run(slurm, state=state, **options)
    assert (again["changed"], again["nodes"]) == (False, done["nodes"])


def test_a_node_in_the_state_keeps_its_reason() -> None:
    outcome = run(cluster("IDLE+DRAIN", reason="old"), state="drained", reason="new")
    assert (outcome["changed"], outcome["nodes"]["n1"]["reason"]) == (False, "old")


def test_update_reason() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE", "DOWN+DRAIN", reason="old")
    slurm.records["n3"]["reason"] = "new"
    outcome = run(slurm, nodes=["n[1-3]"], state="drained", reason="new", update_reason=True)
    assert outcome["diff"] == {
        "before": {
            "n2": {"state": ["IDLE"], "reason": None, "reason_user": None},
            "n1": {"reason": "old", "reason_user": "alice"},
        },
        "after": {
            "n2": {"state": ["IDLE", "DRAIN"], "reason": "new", "reason_user": "root"},
            "n1": {"reason": "new", "reason_user": "root"},
        },
    }
    assert outcome["changed_nodes"] == ["n1", "n2"]
    # A kind of change is one request: those that move, and those that only get the reason.
    assert slurm.writes == {"update_nodes": 2}


def test_update_reason_has_no_effect_on_a_state_without_a_reason() -> None:
    assert run(cluster("IDLE"), state="resumed", update_reason=True)["changed"] is False


def test_only_reason_skips_other_nodes() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN", "IDLE+DRAIN", "IDLE", reason="ticket 1")
    slurm.records["n2"]["reason"] = "memory errors"
    slurm.records["n3"]["reason"] = None
    outcome = run(slurm, nodes=["n[1-4]"], state="resumed", only_reason="ticket")
    assert outcome["changed_nodes"] == ["n1"]
    # n4 needs no change, so nothing keeps it out of one.
    assert outcome["skipped_nodes"] == {
        "n2": "its reason 'memory errors' does not match only_reason",
        "n3": "its reason '' does not match only_reason",
    }
    assert [record["state"] for record in slurm.nodes().values()] == [
        ["IDLE"],
        ["IDLE", "DRAIN"],
        ["IDLE", "DRAIN"],
        ["IDLE"],
    ]


def test_only_reason_applies_to_update_reason() -> None:
    slurm = cluster("IDLE+DRAIN", reason="theirs")
    outcome = run(slurm, state="drained", reason="ours", update_reason=True, only_reason="^ours")
    assert (outcome["changed"], list(outcome["skipped_nodes"])) == (False, ["n1"])


def test_unknown_nodes_are_refused() -> None:
    slurm = cluster("IDLE")
    with pytest.raises(SlurmError) as caught:
        run(slurm, nodes=["n[1-4]"], state="drained")
    assert caught.value.message == "the cluster has no node n[2-4]; nothing was changed"
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert sum(slurm.writes.values()) == 0


def test_a_node_named_twice_is_changed_once() -> None:
    slurm = cluster("IDLE")
    assert run(slurm, nodes=["n1", "n[1-1]", "n1"], state="drained")["changed_nodes"] == ["n1"]


@pytest.mark.parametrize("nodes", [[], [""]])
def test_an_empty_list_of_nodes_changes_nothing(nodes: list[str]) -> None:
    outcome = run(cluster("IDLE"), nodes=nodes, state="drained")
    assert (outcome["changed"], outcome["nodes"]) == (False, {})


def test_many_nodes_take_one_read_and_one_write() -> None:
    slurm = FakeSlurm({"n[1-500]": "IDLE", "n[501-1000]": "IDLE+DRAIN"})
    outcome = run(slurm, nodes=["n[1-1000]"], state="drained")
    assert (len(outcome["changed_nodes"]), slurm.writes["update_nodes"]) == (500, 1)
    assert slurm.reads["nodes"] == 2  # before, and back


def test_a_failing_write_fails_the_task() -> None:
    slurm = cluster("IDLE")
    slurm.broken = SlurmError("no controller", 1800, "SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR")
    with pytest.raises(SlurmError, match="no controller"):
        run(slurm, state="drained")
    assert slurm.writes == {"update_nodes": 1}
    assert run(slurm, check_mode=True, state="drained")["changed"] is True


def test_an_ordinary_user_is_refused() -> None:
    with pytest.raises(SlurmError, match="use become"):
        run(cluster("IDLE", user="alice"), state="drained")


LOW = "Low RealMemory (reported:900 < 100.00% of configured:1000)"


@pytest.mark.parametrize("state", ["resumed", "undrained"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_node_with_invalid_reg_is_not_resumed(state: str, check_mode: bool) -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN+INVALID_REG", "DOWN+DRAIN+INVALID_REG", "IDLE+INVALID_REG", reason=LOW)
    with pytest.raises(SlurmError) as caught:
        run(slurm, check_mode, nodes=["n[1-4]"], state=state, attributes={"comment": "c"})
    assert caught.value.message == (
        f"n[2-3] registered with less than slurm.conf says ({LOW}), and Slurm does not resume such a node: "
        "correct that and restart slurmd"
    )
    assert (caught.value.details["changed"], slurm.writes) == (False, {})


def test_the_message_about_invalid_reg_shortens_many_reasons() -> None:
    slurm = cluster(*["DOWN+INVALID_REG"] * 6)
    for number, record in enumerate(slurm.records.values()):
        record["reason"] = f"r{number // 2 * 2}" if number else None
    slurm.records["n6"]["reason"] = "r5"
    with pytest.raises(SlurmError, match=r"^n\[1-6\] .*\(no reason given; r0; r2; \.\.\.\)"):
        run(slurm, nodes=["n[1-6]"], state="resumed")


@pytest.mark.parametrize("given", [{"state": "drained"}, {"state": "failed"}, {"state": "down"}])
def test_a_node_with_invalid_reg_can_be_taken_out_of_service(given: dict[str, Any]) -> None:
    slurm = cluster("IDLE+INVALID_REG")
    assert run(slurm, check_mode=True, **given)["nodes"] == run(slurm, **given)["nodes"]


def test_a_skipped_node_may_have_invalid_reg() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN+INVALID_REG", reason=LOW)
    slurm.records["n1"]["reason"] = "mine"
    assert run(slurm, nodes=["n[1-2]"], state="resumed", only_reason="mine")["changed_nodes"] == ["n1"]


def test_changed_is_true_where_a_conflict_ends_in_invalid_reg() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN", reason=LOW)
    slurm.meanwhile.append(lambda: slurm.records["n2"].update(state=["IDLE", "DRAIN", "INVALID_REG"]))
    with pytest.raises(SlurmError, match="n2 registered with less") as caught:
        run(slurm, nodes=["n[1-2]"], state="resumed")
    assert slurm.nodes(["state"])["n1"] == {"state": ["IDLE"]}
    assert caught.value.details["changed"] is True
    assert slurm.writes == {"update_nodes": 1}


@pytest.mark.parametrize("state", TAKING_OUT)
def test_max_unavailable_refuses_a_change(state: str) -> None:
    slurm = cluster("IDLE", "IDLE", "DOWN", "IDLE")
    task = {"nodes": ["n[1-3]"], "state": state, "max_unavailable": "50%", "attributes": {"comment": "c"}}
    task["booted_after"] = "1800000000" if state == "rebooted" else None
    before = slurm.nodes()
    for check_mode in (True, False):
        with pytest.raises(SlurmError, match="would be 3, allowed are 2; nothing was changed") as caught:
            run(slurm, check_mode, **task)
        assert caught.value.details["partitions"]["main"]["unavailable"] == 1
    assert (slurm.nodes(), sum(slurm.writes.values())) == (before, 0)
    assert run(slurm, **{**task, "max_unavailable": "3"})["changed"] is True


def test_max_unavailable_counts_nodes_in_maintenance() -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    fields = {"nodes": "n[2-3]", "users": "root", "starttime": "now", "duration": "60", "flags": "MAINT"}
    slurm.create_reservation("m", fields)
    with pytest.raises(SlurmError, match="2 of 3 nodes are unavailable, with these it would be 3"):
        run(slurm, state="drained", max_unavailable="2")
    # One of those does not become more unavailable.
    assert run(slurm, nodes=["n2"], state="drained", max_unavailable="2")["changed"] is True


@pytest.mark.parametrize("state", ["resumed", "undrained", None])
def test_max_unavailable_does_not_apply_to_other_states(state: str | None) -> None:
    slurm = cluster("IDLE+DRAIN", "DOWN")
    slurm.unreadable = SlurmError("not needed")
    assert run(slurm, state=state, attributes={"comment": "c"}, max_unavailable="0")["changed"] is True


def test_max_unavailable_reads_nothing_without_a_change() -> None:
    slurm = cluster("IDLE+DRAIN", "DOWN")
    assert run(slurm, state="drained", max_unavailable="0")["changed"] is False
    assert slurm.reads["reservations"] == 0


def test_max_unavailable_fails_where_reservations_cannot_be_read() -> None:
    slurm = cluster("IDLE", "IDLE")
    slurm.unreadable = SlurmError("cannot reach the controller", 1800)
    with pytest.raises(SlurmError, match="cannot reach the controller"):
        run(slurm, state="drained", max_unavailable="2")
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize("state", ["drained", "resumed"])
def test_max_unavailable_must_be_a_number_or_a_percentage(state: str) -> None:
    with pytest.raises(SlurmError, match="max_unavailable is a number of nodes"):
        run(cluster("IDLE"), state=state, max_unavailable="many")
