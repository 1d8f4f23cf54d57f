# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils import core, node
from ansible_collections.hpc.slurm.plugins.module_utils.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.node import TARGETS
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
    **dict.fromkeys(("state", "reason", "only_reason", "attributes", "max_unavailable")),
    "update_reason": False,
    "wait": False,
    "wait_timeout": 3600,
}


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
    return core.execute(node.plan_nodes, slurm, params(**given), check_mode)


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
    assert node.reached(TARGETS[state], flags) is expected


@pytest.mark.parametrize("state", TARGETS)
@pytest.mark.parametrize("flags", STATES, ids="+".join)
def test_predict_says_what_slurmctld_does_and_that_is_the_target(state: str, flags: list[str]) -> None:
    target = TARGETS[state]
    if not node.reached(target, flags):
        predicted = node.predict(target, flags)
        assert predicted == transition(flags, target.request)
        assert node.reached(target, predicted)


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
    assert done["nodes"]["n1"] == slurm.nodes(node.DETAILS)["n1"]
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
    assert slurm.writes == {"update_nodes": core.ATTEMPTS}


# slurm_node_info.


def info(slurm: FakeSlurm, **given: Any) -> dict[str, Any]:
    options = {**dict.fromkeys(("nodes", "partitions", "states", "attributes")), **given}
    outcome = core.execute(node.plan_info, slurm, options, check_mode=False)
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
        ({"partitions": ["nosuch"]}, ""),
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


def test_info_of_an_empty_cluster() -> None:
    assert info(FakeSlurm({})) == {"nodes": {}, "names": [], "hostlist": ""}
