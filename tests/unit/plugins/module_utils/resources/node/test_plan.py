# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import waiting
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS, execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.info import plan_info
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.records import DETAILS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.task import STATES as TASK_STATES
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm, transition

BASES = ("IDLE", "DOWN", "MIXED", "ALLOCATED", "UNKNOWN")
# DRAIN and FAIL exclude each other: each request for one takes the other away.
FLAGS = (
    (),
    ("DRAIN",),
    ("FAIL",),
    ("NOT_RESPONDING",),
    ("COMPLETING", "DRAIN"),
    ("EXTERNAL", "FAIL"),
    ("MAINT", "DRAIN"),
)
STATES = [[base, *flags] for base, flags in itertools.product(BASES, FLAGS)]
REASONS = (None, "mine: disk", "yours: fan")
DEFAULTS = {
    **dict.fromkeys(("state", "reason", "only_reason", "attributes", "max_unavailable", "booted_after")),
    "update_reason": False,
    "wait": False,
    "wait_timeout": 3600,
    "next_state": "resume",
}
# The states that are flags of a node; rebooted depends on the time of the last boot.
TARGETS = {name: target_of({}) for name, target_of in TASK_STATES.items() if name != "rebooted"}
TAKING_OUT = ["rebooted", *(name for name, target in TARGETS.items() if target.takes_out)]


def params(**given: Any) -> dict[str, Any]:
    return {"nodes": ["n1"], **DEFAULTS, **given}


def cluster(*states: str, reason: str | None = None, user: str = "root") -> FakeSlurm:
    """A cluster of n1, n2, ... in these states, those out of service with a reason."""
    slurm = FakeSlurm({f"n{number}": state for number, state in enumerate(states, 1)}, user=user)
    for record in slurm.records.values():
        if reason and {"DOWN", "DRAIN", "FAIL"} & set(record["state"]):
            record.update(reason=reason, reason_user="alice")
    return slurm


def run(slurm: FakeSlurm, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return execute(plan_nodes, slurm, params(**given), check_mode)


# The states and their predictions.


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
def test_predict_says_what_slurmctld_does_and_that_is_the_target(state: str, flags: list[str]) -> None:
    target = TARGETS[state]
    if not target.is_reached({"state": flags}):
        predicted = target.predict(flags)
        assert predicted == transition(flags, target.request)
        assert target.is_reached({"state": predicted})


@pytest.mark.parametrize("state", TARGETS)
@pytest.mark.parametrize("flags", STATES, ids="+".join)
def test_what_is_reached_is_not_refused_or_not_asked_for(state: str, flags: list[str]) -> None:
    slurm = cluster("+".join(flags))
    run(slurm, state=state)
    assert run(slurm, state=state)["changed"] is False
    assert slurm.writes["update_nodes"] <= 1


# Check mode tells what happens.


@pytest.mark.parametrize("state", TARGETS)
@pytest.mark.parametrize("flags", STATES, ids="+".join)
@pytest.mark.parametrize("before", REASONS)
@pytest.mark.parametrize(
    "options",
    [{}, {"only_reason": "^mine"}, {"reason": "better"}, {"reason": "better", "update_reason": True}],
    ids=lambda options: "+".join(options) or "plain",
)
def test_check_mode_tells_what_happens(
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


# Options, one by one.


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("down", "Ansible: Downed using hpc.slurm.slurm_node"),
        ("drained", "Ansible: Drained using hpc.slurm.slurm_node"),
        ("failed", "Ansible: Failed using hpc.slurm.slurm_node"),
    ],
)
def test_the_reason_has_a_default(state: str, reason: str) -> None:
    assert run(cluster("IDLE"), state=state)["nodes"]["n1"]["reason"] == reason


@pytest.mark.parametrize("state", ["resumed", "undrained"])
@pytest.mark.parametrize("reason", ["", "why"])
def test_states_without_a_reason_take_none(state: str, reason: str) -> None:
    with pytest.raises(SlurmError, match=f"reason cannot be given with state={state}"):
        run(cluster("IDLE+DRAIN"), state=state, reason=reason)


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_an_empty_reason_is_refused(reason: str) -> None:
    slurm = cluster("IDLE")
    with pytest.raises(SlurmError, match="reason is empty"):
        run(slurm, state="drained", reason=reason)
    assert (sum(slurm.reads.values()), sum(slurm.writes.values())) == (0, 0)


def test_who_is_there_already_keeps_the_reason() -> None:
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


def test_update_reason_is_nothing_to_a_state_without_one() -> None:
    assert run(cluster("IDLE"), state="resumed", update_reason=True)["changed"] is False


def test_only_reason_keeps_others_out() -> None:
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


def test_only_reason_holds_for_a_new_reason_too() -> None:
    slurm = cluster("IDLE+DRAIN", reason="theirs")
    outcome = run(slurm, state="drained", reason="ours", update_reason=True, only_reason="^ours")
    assert (outcome["changed"], list(outcome["skipped_nodes"])) == (False, ["n1"])


def test_only_reason_must_be_a_regular_expression() -> None:
    slurm = cluster("IDLE+DRAIN")
    with pytest.raises(SlurmError, match=r"only_reason is not a regular expression: '\(': "):
        run(slurm, state="resumed", only_reason="(")
    assert sum(slurm.writes.values()) == 0


def test_unknown_nodes_are_named_and_nothing_is_changed() -> None:
    slurm = cluster("IDLE")
    with pytest.raises(SlurmError) as caught:
        run(slurm, nodes=["n[1-4]"], state="drained")
    assert caught.value.message == "the cluster has no node n[2-4]; nothing was changed"
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert sum(slurm.writes.values()) == 0


def test_a_node_named_twice_is_one() -> None:
    slurm = cluster("IDLE")
    assert run(slurm, nodes=["n1", "n[1-1]", "n1"], state="drained")["changed_nodes"] == ["n1"]


@pytest.mark.parametrize("nodes", [[], [""]])
def test_no_node_is_no_change(nodes: list[str]) -> None:
    outcome = run(cluster("IDLE"), nodes=nodes, state="drained")
    assert (outcome["changed"], outcome["nodes"]) == (False, {})


def test_many_nodes_are_one_read_and_one_write() -> None:
    slurm = FakeSlurm({"n[1-500]": "IDLE", "n[501-1000]": "IDLE+DRAIN"})
    outcome = run(slurm, nodes=["n[1-1000]"], state="drained")
    assert (len(outcome["changed_nodes"]), slurm.writes["update_nodes"]) == (500, 1)
    assert slurm.reads["nodes"] == 2  # before, and back


# What goes wrong.


def test_a_failing_write_is_told() -> None:
    slurm = cluster("IDLE")
    slurm.broken = SlurmError("no controller", 1800, "SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR")
    with pytest.raises(SlurmError, match="no controller"):
        run(slurm, state="drained")
    assert slurm.writes == {"update_nodes": 1}
    assert run(slurm, check_mode=True, state="drained")["changed"] is True


def test_an_ordinary_user_is_refused() -> None:
    with pytest.raises(SlurmError, match="use become"):
        run(cluster("IDLE", user="alice"), state="drained")


def test_somebody_else_resumes_one_of_the_nodes_meanwhile() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN", reason="r")
    slurm.meanwhile.append(lambda: slurm.records["n1"].update(state=["IDLE"], reason=None, reason_user=None))
    outcome = run(slurm, nodes=["n[1-2]"], state="resumed")
    # slurmctld refused n1 and resumed n2 all the same: that is a change, and it is told.
    assert (outcome["changed"], outcome["changed_nodes"]) == (True, ["n1", "n2"])
    assert [it["state"] for it in outcome["nodes"].values()] == [["IDLE"], ["IDLE"]]
    assert slurm.writes == {"update_nodes": 1}


def test_a_node_that_can_never_make_the_transition() -> None:
    slurm = cluster("IDLE")
    slurm.broken = ConflictError("no way", 2180, "ESLURM_INVALID_NODE_STATE_TRANSITION")
    with pytest.raises(ConflictError):
        run(slurm, state="drained")
    assert slurm.writes == {"update_nodes": ATTEMPTS}


LOW = "Low RealMemory (reported:900 < 100.00% of configured:1000)"


@pytest.mark.parametrize("state", ["resumed", "undrained"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_node_that_is_less_than_it_should_be_is_not_given_back(state: str, check_mode: bool) -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN+INVALID_REG", "DOWN+DRAIN+INVALID_REG", "IDLE+INVALID_REG", reason=LOW)
    with pytest.raises(SlurmError) as caught:
        run(slurm, check_mode, nodes=["n[1-4]"], state=state, attributes={"comment": "c"})
    assert caught.value.message == (
        f"n[2-3] registered with less than slurm.conf says ({LOW}), and Slurm does not resume such a node: "
        "correct that and restart slurmd"
    )
    assert (caught.value.details["changed"], slurm.writes) == (False, {})


def test_of_many_that_are_less_than_they_should_be_some_reasons_are_told() -> None:
    slurm = cluster(*["DOWN+INVALID_REG"] * 6)
    for number, record in enumerate(slurm.records.values()):
        record["reason"] = f"r{number // 2 * 2}" if number else None
    slurm.records["n6"]["reason"] = "r5"
    with pytest.raises(SlurmError, match=r"^n\[1-6\] .*\(no reason given; r0; r2; \.\.\.\)"):
        run(slurm, nodes=["n[1-6]"], state="resumed")


@pytest.mark.parametrize("given", [{"state": "drained"}, {"state": "failed"}, {"state": "down"}])
def test_a_node_that_is_less_than_it_should_be_can_be_taken_out(given: dict[str, Any]) -> None:
    slurm = cluster("IDLE+INVALID_REG")
    assert run(slurm, check_mode=True, **given)["nodes"] == run(slurm, **given)["nodes"]


def test_who_is_skipped_need_not_be_what_it_should_be() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN+INVALID_REG", reason=LOW)
    slurm.records["n1"]["reason"] = "mine"
    assert run(slurm, nodes=["n[1-2]"], state="resumed", only_reason="mine")["changed_nodes"] == ["n1"]


def test_a_node_that_becomes_less_meanwhile_does_not_hide_that_others_were_changed() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN", reason=LOW)
    slurm.meanwhile.append(lambda: slurm.records["n2"].update(state=["IDLE", "DRAIN", "INVALID_REG"]))
    with pytest.raises(SlurmError, match="n2 registered with less") as caught:
        run(slurm, nodes=["n[1-2]"], state="resumed")
    assert slurm.nodes(["state"])["n1"] == {"state": ["IDLE"]}
    assert caught.value.details["changed"] is True
    assert slurm.writes == {"update_nodes": 1}


# Attributes.


def test_attributes_alone() -> None:
    slurm = cluster("IDLE", "MIXED", "IDLE+DRAIN", reason="theirs")
    slurm.records["n1"]["comment"] = "there"
    task = {"nodes": ["n[1-3]"], "attributes": {"comment": "there", "weight": 5}}
    predicted = run(slurm, check_mode=True, **task)
    assert sum(slurm.writes.values()) == 0
    outcome = run(slurm, **task)
    assert outcome == predicted
    assert outcome["diff"]["before"] == {
        "n1": {"weight": 1},
        "n2": {"comment": None, "weight": 1},
        "n3": {"comment": None, "weight": 1},
    }
    assert outcome["nodes"]["n3"] == {
        "state": ["IDLE", "DRAIN"],
        "reason": "theirs",
        "reason_user": "alice",
        "comment": "there",
        "weight": 5,
    }
    assert slurm.writes == {"update_attributes": 1}
    assert run(slurm, **task)["changed"] is False
    assert slurm.writes == {"update_attributes": 1}


def test_only_what_differs_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    for record in slurm.records.values():
        record["extra"] = "same"
    slurm.records["n1"]["weight"] = 5
    sent: list[Any] = []
    monkeypatch.setattr(slurm, "update_attributes", lambda nodes, fields: sent.append((nodes, fields)))
    run(slurm, nodes=["n[1-3]"], attributes={"extra": "same", "weight": 5})
    assert sent == [("n[2-3]", {"weight": "5"})]


def test_state_reason_and_attributes_together_are_one_request_of_each_kind() -> None:
    slurm = cluster("IDLE", "IDLE+DRAIN", "IDLE+DRAIN", reason="old")
    slurm.records["n3"].update(reason="new", comment="c")
    task = {
        "nodes": ["n[1-3]"],
        "state": "drained",
        "reason": "new",
        "update_reason": True,
        "attributes": {"comment": "c"},
    }
    predicted = run(slurm, check_mode=True, **task)
    outcome = run(slurm, **task)
    assert outcome == predicted
    assert outcome["changed_nodes"] == ["n1", "n2"]
    assert outcome["diff"]["after"] == {
        "n1": {"state": ["IDLE", "DRAIN"], "reason": "new", "reason_user": "root", "comment": "c"},
        "n2": {"reason": "new", "reason_user": "root", "comment": "c"},
    }
    assert slurm.writes == {"update_attributes": 1, "update_nodes": 2}
    assert run(slurm, **task)["changed"] is False


def test_only_reason_holds_for_attributes() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN", reason="ours")
    slurm.records["n2"]["reason"] = "theirs"
    outcome = run(slurm, nodes=["n[1-2]"], attributes={"comment": "c"}, only_reason="^ours")
    assert (outcome["changed_nodes"], list(outcome["skipped_nodes"])) == (["n1"], ["n2"])
    assert [record["comment"] for record in slurm.records.values()] == ["c", None]


@pytest.mark.parametrize("attributes", [{"nosuch": 1}, {"address": ""}, {"weight": "x"}])
def test_attributes_that_cannot_be_set(attributes: dict[str, Any]) -> None:
    slurm = cluster("IDLE")
    with pytest.raises(SlurmError):
        run(slurm, attributes=attributes)
    assert (sum(slurm.reads.values()), sum(slurm.writes.values())) == (0, 0)


def test_an_address_is_of_one_node() -> None:
    slurm = cluster("IDLE", "IDLE")
    with pytest.raises(SlurmError, match=r"address and hostname are for one node at a time, these are n\[1-2\]"):
        run(slurm, check_mode=True, nodes=["n[1-2]"], attributes={"address": "other"})
    assert run(slurm, attributes={"address": "other"})["nodes"]["n1"]["address"] == "other"
    # Only what is to change counts: n1 is there already.
    assert run(slurm, nodes=["n[1-2]"], attributes={"address": "other"})["changed_nodes"] == ["n2"]


def test_a_reason_without_a_state() -> None:
    with pytest.raises(SlurmError, match="reason needs a state: down, drained, failed or rebooted"):
        run(cluster("IDLE"), attributes={"comment": "c"}, reason="why")


# max_unavailable.


@pytest.mark.parametrize("state", TAKING_OUT)
def test_a_change_that_takes_too_many_out_is_refused(state: str) -> None:
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


def test_nodes_in_maintenance_count() -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    fields = {"nodes": "n[2-3]", "users": "root", "starttime": "now", "duration": "60", "flags": "MAINT"}
    slurm.create_reservation("m", fields)
    with pytest.raises(SlurmError, match="2 of 3 nodes are unavailable, with these it would be 3"):
        run(slurm, state="drained", max_unavailable="2")
    # One of those does not become more unavailable.
    assert run(slurm, nodes=["n2"], state="drained", max_unavailable="2")["changed"] is True


@pytest.mark.parametrize("state", ["resumed", "undrained", None])
def test_what_takes_no_node_out_has_no_limit(state: str | None) -> None:
    slurm = cluster("IDLE+DRAIN", "DOWN")
    slurm.unreadable = SlurmError("not needed")
    assert run(slurm, state=state, attributes={"comment": "c"}, max_unavailable="0")["changed"] is True


def test_without_a_change_there_is_nothing_to_count() -> None:
    slurm = cluster("IDLE+DRAIN", "DOWN")
    assert run(slurm, state="drained", max_unavailable="0")["changed"] is False
    assert slurm.reads["reservations"] == 0


def test_figures_that_cannot_be_had_are_no_leave() -> None:
    slurm = cluster("IDLE", "IDLE")
    slurm.unreadable = SlurmError("cannot reach the controller", 1800)
    with pytest.raises(SlurmError, match="cannot reach the controller"):
        run(slurm, state="drained", max_unavailable="2")
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize("state", ["drained", "resumed"])
def test_a_limit_that_is_none(state: str) -> None:
    with pytest.raises(SlurmError, match="max_unavailable is a number of nodes"):
        run(cluster("IDLE"), state=state, max_unavailable="many")


# Waiting for jobs.


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


def test_a_wait_goes_on_where_the_node_was_drained_before(clock: list[float]) -> None:
    slurm = cluster("IDLE+DRAIN")
    outcome = run(slurm, state="drained", wait=True)
    assert (outcome["changed"], outcome["waited"]) == (False, 0)


@pytest.mark.parametrize("before", ["IDLE", "IDLE+DRAIN"])
def test_a_wait_that_takes_too_long(before: str, clock: list[float]) -> None:
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


def test_a_node_may_be_busy_with_no_job_that_is_listed(clock: list[float]) -> None:
    with pytest.raises(SlurmError, match=r"complete on n1 \(none is listed\)"):
        run(cluster("IDLE+COMPLETING"), state="drained", wait=True, wait_timeout=1)


def test_check_mode_does_not_wait(clock: list[float]) -> None:
    slurm = cluster("IDLE")
    slurm.submit("--nodelist=n1")
    outcome = run(slurm, check_mode=True, state="drained", wait=True)
    assert (outcome["changed"], "waited" in outcome, clock) == (True, False, [0.0])


def test_nodes_that_are_skipped_are_not_waited_for(clock: list[float]) -> None:
    slurm = cluster("IDLE+FAIL", "IDLE", reason="theirs")
    slurm.submit("--nodelist=n1")
    outcome = run(slurm, nodes=["n[1-2]"], state="drained", only_reason="^$", wait=True)
    assert (list(outcome["skipped_nodes"]), outcome["changed_nodes"], outcome["waited"]) == (["n1"], ["n2"], 0)


@pytest.mark.parametrize("given", [{"state": "resumed"}, {"state": "undrained"}, {"attributes": {"comment": "c"}}])
def test_a_wait_wants_a_state_that_lets_jobs_end(given: dict[str, Any]) -> None:
    slurm = cluster("IDLE+DRAIN")
    with pytest.raises(SlurmError, match="wait is for a state that takes nodes out of service"):
        run(slurm, wait=True, **given)
    assert sum(slurm.writes.values()) == 0


# slurm_node_info.


def info(slurm: FakeSlurm, **given: Any) -> dict[str, Any]:
    options = {**dict.fromkeys(("nodes", "partitions", "states", "attributes")), **given}
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


def test_info_names_are_in_their_natural_order(rack: FakeSlurm) -> None:
    assert info(rack)["names"] == ["n1", "n2", "n3", "n4", "n10"]


def test_info_shows_all_attributes_or_those_asked_for(rack: FakeSlurm) -> None:
    assert sorted(info(rack)["nodes"]["n1"]) == rack.node_attributes()
    assert info(rack, nodes=["n1"], attributes=["weight"])["nodes"] == {"n1": {"weight": 1}}
    assert info(rack, nodes=["n1"], states=["IDLE"], attributes=[])["nodes"] == {"n1": {}}


def test_info_refuses_what_there_is_not(rack: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match=r"a node has no attribute wight: did you mean weight\?"):
        info(rack, attributes=["weight", "wight", "x"])
    with pytest.raises(SlurmError, match="the cluster has no node n7"):
        info(rack, nodes=["n[1,7]"])
    with pytest.raises(SlurmError, match=r"a node has no state MAINT: did you mean MAINTENANCE or DRAIN\?"):
        info(rack, states=["down", "maint"])
    with pytest.raises(SlurmError, match="a node has no partition nowhere: "):
        info(rack, partitions=["nowhere"])


def test_info_takes_a_state_of_a_later_release(rack: FakeSlurm) -> None:
    rack.records["n2"]["state"] = ["IDLE", "LEVITATING"]
    assert info(rack, states=["levitating"])["names"] == ["n2"]


def test_info_of_an_empty_cluster() -> None:
    assert info(FakeSlurm({})) == {"nodes": {}, "names": [], "hostlist": "", "total": 0}


# Reboots.


def rebooting(**given: Any) -> dict[str, Any]:
    return {"nodes": ["n[1-3]"], "state": "rebooted", "booted_after": "1800000000", "reason": "kernel", **given}


def test_a_reboot_is_asked_for_once() -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE+DRAIN+REBOOT_REQUESTED")
    slurm.records["n2"]["boot_time"] = 1800000001
    predicted = run(slurm, check_mode=True, **rebooting())
    assert slurm.writes == {}
    done = run(slurm, **rebooting())
    assert done == predicted
    assert done["changed_nodes"] == ["n1"]
    assert done["nodes"]["n1"]["state"] == ["IDLE", "DRAIN", "REBOOT_REQUESTED"]
    assert done["nodes"]["n1"]["reason"] == "kernel"
    assert slurm.writes == {"reboot_nodes": 1}
    assert run(slurm, **rebooting())["changed"] is False
    assert slurm.writes == {"reboot_nodes": 1}


def test_a_node_that_has_not_booted_since_is_rebooted_again() -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    for record in slurm.records.values():
        record["boot_time"] = 1800000000
    assert run(slurm, **rebooting())["changed_nodes"] == ["n1", "n2", "n3"]


def test_a_wait_ends_when_all_have_booted_and_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    looks = iter(("DOWN+DRAIN+REBOOT_ISSUED", "IDLE+NOT_RESPONDING", "IDLE"))

    def boot(_seconds: float) -> None:
        state = next(looks).split("+")
        for record in slurm.records.values():
            record.update(state=state, boot_time=1800000001 if "IDLE" in state else None)

    monkeypatch.setattr(waiting.time, "sleep", boot)
    assert run(slurm, **rebooting(wait=True))["nodes"]["n3"]["state"] == ["IDLE"]


def test_a_reboot_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    with pytest.raises(SlurmError, match=r"n\[1-3\] did not come back from the reboot") as caught:
        run(slurm, **rebooting(wait=True, wait_timeout=0))
    assert caught.value.details["changed"] is True
    assert sorted(caught.value.details["not_back"]) == ["n1", "n2", "n3"]


@pytest.mark.parametrize("reason", ["kernel : reboot timed out", "reboot timed out"])
def test_a_wait_ends_when_slurm_waits_no_longer(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "DOWN", reason="old : reboot timed out")  # n3 is rebooted anew
    looks = []

    def boot(_seconds: float) -> None:
        looks.append("look")
        slurm.records["n1"].update(state=["IDLE"], boot_time=1800000001)
        if len(looks) > 1:
            slurm.records["n2"].update(state=["DOWN", "NOT_RESPONDING"], reason=reason)

    monkeypatch.setattr(waiting.time, "sleep", boot)
    with pytest.raises(SlurmError) as caught:
        run(slurm, **rebooting(wait=True))
    assert caught.value.message == (
        f"n2 did not come back from the reboot, and Slurm does not wait any longer ({reason}): check their consoles "
        "and the log of slurmd"
    )
    assert (len(looks), caught.value.details) == (
        2,
        {
            "changed": True,
            "not_back": {"n2": ["DOWN", "NOT_RESPONDING"], "n3": ["DOWN", "DRAIN", "REBOOT_REQUESTED"]},
        },
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"booted_after": None}, "state=rebooted needs booted_after"),
        ({"state": "drained"}, "booted_after is for state=rebooted"),
        ({"booted_after": "now"}, "booted_after is a fixed time"),
        ({"booted_after": "tomorrow"}, "booted_after is a fixed time"),
    ],
)
def test_when_a_reboot_is_done_must_be_known(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(cluster("IDLE", "IDLE", "IDLE"), **rebooting(**given))
