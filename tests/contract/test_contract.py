# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a controller does, asked of the fake of the unit tests and of a real one.

The real one is asked where HPC_SLURM_LAB=1 says that there is one to be played with, as in the lab: as SlurmUser all
but the tests of an ordinary user, and as an ordinary user only those.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils import core, node, trigger
from ansible_collections.hpc.slurm.plugins.module_utils.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

NODES = [f"big009{number:02d}" for number in range(1, 7)]
PROGRAM = "/bin/true hpc-slurm-contract"
# What comes and goes by itself, and what says that the lab's node has no daemon.
OWN_LIFE = {"NOT_RESPONDING", "COMPLETING", "EXTERNAL"}
ME = pwd.getpwuid(os.geteuid()).pw_name
REAL = os.environ.get("HPC_SLURM_LAB") == "1"
PRIVILEGED = ["fake", *(["real"] if REAL and ME in ("root", "slurm") else [])]
ORDINARY = ["fake", *(["real"] if REAL and ME not in ("root", "slurm") else [])]

# Every state that updates can bring an idle node into, with the requests that do.
STATES = {
    "IDLE": (),
    "IDLE+DRAIN": ("DRAIN",),
    "IDLE+FAIL": ("FAIL",),
    "DOWN": ("DOWN",),
    "DOWN+DRAIN": ("DOWN", "DRAIN"),
    "DOWN+FAIL": ("DOWN", "FAIL"),
}
# Request -> the states after it, in the order of STATES, and the reason: that asked for, that before it, or none.
AFTER = {
    "DOWN": ("DOWN asked", "DOWN+DRAIN asked", "DOWN+FAIL asked", "DOWN asked", "DOWN+DRAIN asked", "DOWN+FAIL asked"),
    "DRAIN": ("IDLE+DRAIN asked",) * 3 + ("DOWN+DRAIN asked",) * 3,
    "FAIL": ("IDLE+FAIL asked",) * 3 + ("DOWN+FAIL asked",) * 3,
    "RESUME": ("refused", "IDLE", "IDLE", "IDLE", "IDLE", "IDLE"),
    "UNDRAIN": ("IDLE", "IDLE", "IDLE", "DOWN before", "DOWN before", "DOWN+FAIL before"),
}


@pytest.fixture(params=PRIVILEGED)
def slurm(request: pytest.FixtureRequest) -> Iterator[Slurm]:
    """A cluster with NODES in service and none of our triggers; what a test does to it is undone."""
    cluster = Slurm() if request.param == "real" else FakeSlurm({"big[00901-00906]": "IDLE+EXTERNAL"}, user="slurm")
    assert set(look(cluster).values()) == {("IDLE", None, None)}, "somebody uses these nodes"
    there = {found["id"] for found in cluster.triggers()}
    yield cluster
    unwell = [name for name, (state, _reason, _user) in look(cluster).items() if state != "IDLE"]
    if unwell:
        cluster.update_nodes(unwell, state="RESUME")
    for found in cluster.triggers():
        if found["id"] not in there:
            cluster.clear_trigger(found["id"])


@pytest.fixture(params=ORDINARY)
def ordinary(request: pytest.FixtureRequest) -> Slurm:
    """A cluster as an ordinary user has it."""
    return Slurm() if request.param == "real" else FakeSlurm({"big[00901-00906]": "IDLE"}, user="alice")


@pytest.fixture
def in_every_state(slurm: Slurm) -> dict[str, str]:
    """The state that each of NODES was brought into, all of STATES."""
    for name, (_state, requests) in zip(NODES, STATES.items(), strict=True):
        for request in requests:
            slurm.update_nodes([name], state=request, reason="before")
    return dict(zip(NODES, STATES, strict=True))


def look(slurm: Slurm) -> dict[str, tuple[str, Any, Any]]:
    """Return of each of NODES its state as scontrol writes it, the reason and its user."""
    records = slurm.nodes(["state", "reason", "reason_user"])
    return {
        name: ("+".join(flag for flag in it["state"] if flag not in OWN_LIFE), it["reason"], it["reason_user"])
        for name, it in ((name, records[name]) for name in NODES)
    }


def ours(slurm: Slurm) -> list[dict[str, Any]]:
    return [found for found in slurm.triggers() if found["program"] == PROGRAM]


def set_down(slurm: Slurm, *selectors: str, **differing: Any) -> None:
    slurm.set_trigger(
        selectors=selectors or ["--node", "--down"], **{"offset": 0, "permanent": True, "program": PROGRAM, **differing}
    )


# Nodes.


def test_the_states_are_reached(slurm: Slurm, in_every_state: dict[str, str]) -> None:
    expected = {name: (state, "before", slurm.user()) for name, state in in_every_state.items()}
    assert look(slurm) == {**expected, NODES[0]: ("IDLE", None, None)}


@pytest.mark.parametrize("request_", AFTER)
def test_transition(slurm: Slurm, in_every_state: dict[str, str], request_: str) -> None:
    before, expected = look(slurm), {}
    for name, after in zip(NODES, AFTER[request_], strict=True):
        fields = {"reason": "asked"} if after.endswith("asked") else {}
        if after == "refused":
            with pytest.raises(ConflictError, match="Invalid node state transition"):
                slurm.update_nodes([name], state=request_, **fields)
            expected[name] = before[name]
        else:
            slurm.update_nodes([name], state=request_, **fields)
            state, _blank, reason = after.partition(" ")
            expected[name] = (state, reason or None, slurm.user() if reason else None)
    assert look(slurm) == expected


@pytest.mark.parametrize("request_", ["DOWN", "DRAIN", "FAIL"])
def test_without_a_reason_the_one_before_stays(slurm: Slurm, in_every_state: dict[str, str], request_: str) -> None:
    slurm.update_nodes(NODES, state=request_)
    assert [reason for _state, reason, _user in look(slurm).values()] == [None] + ["before"] * 5


def test_a_reason_alone(slurm: Slurm, in_every_state: dict[str, str]) -> None:
    slurm.update_nodes(NODES, reason="anew  \u00fc")
    expected = {name: (state, "anew  \u00fc", slurm.user()) for name, state in in_every_state.items()}
    # A node in service has no reason, and the request is not refused.
    assert look(slurm) == {**expected, NODES[0]: ("IDLE", None, None)}


def test_a_refused_transition_does_not_keep_the_other_nodes_from_it(
    slurm: Slurm, in_every_state: dict[str, str]
) -> None:
    with pytest.raises(ConflictError) as caught:
        slurm.update_nodes(NODES, state="RESUME")
    assert (caught.value.errno, caught.value.name) == (2180, "ESLURM_INVALID_NODE_STATE_TRANSITION")
    assert set(look(slurm).values()) == {("IDLE", None, None)}


@pytest.mark.parametrize(("unknown", "state"), [("aaa", "IDLE"), ("nosuch", "IDLE+DRAIN")])
def test_an_unknown_node_ends_the_request_where_it_is_in_the_order(slurm: Slurm, unknown: str, state: str) -> None:
    with pytest.raises(SlurmError) as caught:
        slurm.update_nodes([*NODES[:2], unknown], state="DRAIN", reason="asked")
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert [found for found, _reason, _user in look(slurm).values()] == [state] * 2 + ["IDLE"] * 4


def test_no_node_at_all(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        slurm.update_nodes([], state="DRAIN", reason="asked")
    assert caught.value.name == "ESLURM_INVALID_NODE_NAME"


@pytest.mark.parametrize("fields", [{"nonsense": 1}, {"total_cpus": 3}, {"weight": "heavy"}, {"state": "WELL"}])
def test_a_field_that_cannot_be_set(slurm: Slurm, fields: dict[str, Any]) -> None:
    with pytest.raises(SlurmError, match="a node cannot be given") as caught:
        slurm.update_nodes(NODES, reason="asked", **fields)
    assert caught.value.call == "REQUEST_UPDATE_NODE"
    assert set(look(slurm).values()) == {("IDLE", None, None)}


def test_what_a_node_is(slurm: Slurm) -> None:
    records = slurm.nodes()
    assert set(NODES) <= set(records)
    assert sorted(records[NODES[0]]) == slurm.node_attributes()
    assert {"state", "reason", "reason_user", "partitions", "weight"} <= set(slurm.node_attributes())
    assert isinstance(records[NODES[0]]["partitions"], list)


def test_of_a_node_without_reason_nobody_gave_it(slurm: Slurm) -> None:
    assert slurm.nodes(["reason_user"])[NODES[0]] == {"reason_user": None}


@pytest.mark.parametrize("state", node.TARGETS)
def test_the_module_predicts_what_it_does(slurm: Slurm, in_every_state: dict[str, str], state: str) -> None:
    params = {"nodes": NODES, "state": state, "reason": None, "update_reason": False, "only_reason": None}
    predicted = core.execute(node.plan_nodes, slurm, params, check_mode=True)
    before = look(slurm)
    assert {name: in_every_state[name] for name in NODES} == {name: before[name][0] for name in NODES}
    assert core.execute(node.plan_nodes, slurm, params, check_mode=False) == predicted
    assert core.execute(node.plan_nodes, slurm, params, check_mode=False)["changed"] is False


# Triggers.


def test_a_trigger_is_set_listed_and_cleared(slurm: Slurm) -> None:
    set_down(slurm)
    (found,) = ours(slurm)
    assert isinstance(found.pop("id"), int)
    assert found == {
        "event": "down",
        "resource": "node",
        "resource_id": "*",
        "offset": 0,
        "permanent": True,
        "program": PROGRAM,
        "user": slurm.user(),
    }
    slurm.clear_trigger(ours(slurm)[0]["id"])
    assert ours(slurm) == []


def test_to_clear_a_trigger_that_is_gone_is_no_failure(slurm: Slurm) -> None:
    set_down(slurm)
    gone = ours(slurm)[0]["id"]
    slurm.clear_trigger(gone)
    slurm.clear_trigger(gone)
    assert ours(slurm) == []


def test_a_duplicate_is_refused(slurm: Slurm) -> None:
    set_down(slurm)
    with pytest.raises(ConflictError) as caught:
        set_down(slurm)
    assert (caught.value.errno, caught.value.name) == (2089, "ESLURM_TRIGGER_DUP")
    assert len(ours(slurm)) == 1


@pytest.mark.parametrize("differing", [{"permanent": False}, {"permanent": False, "offset": 5}])
def test_one_that_differs_is_no_duplicate(slurm: Slurm, differing: dict[str, Any]) -> None:
    set_down(slurm)
    set_down(slurm, **differing)
    assert [(found["permanent"], found["offset"]) for found in ours(slurm)] == [
        (True, 0),
        (differing["permanent"], differing.get("offset", 0)),
    ]


def test_a_trigger_for_unknown_nodes_is_refused(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(slurm, "--node=big00901,nosuch", "--down")
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert ours(slurm) == []


def test_a_trigger_for_an_unknown_job_is_refused(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(slurm, "--jobid=99999999", "--fini", permanent=False)
    assert (caught.value.errno, caught.value.name) == (2017, "ESLURM_INVALID_JOB_ID")


@pytest.mark.parametrize("differing", [{"program": "/no/such/program"}, {"permanent": False, "offset": 32001}])
def test_what_strigger_itself_refuses(slurm: Slurm, differing: dict[str, Any]) -> None:
    with pytest.raises(SlurmError, match="strigger --set: strigger: error: ") as caught:
        set_down(slurm, **differing)
    assert (caught.value.errno, caught.value.call) == (None, "strigger --set")


@pytest.mark.parametrize("event", [*trigger.NODE_EVENTS, *trigger.OTHER_EVENTS])
def test_every_event_is_listed_as_the_module_describes_it(slurm: Slurm, event: str) -> None:
    params = dict.fromkeys(("nodes", "job_id", "offset", "permanent", "purge_matching"))
    params.update(event=event, program=PROGRAM)
    predicted = core.execute(trigger.plan_present, slurm, params, check_mode=True)
    done = core.execute(trigger.plan_present, slurm, params, check_mode=False)
    assert [{**found, "id": None} for found in done["triggers"]] == predicted["triggers"]
    assert (done["diff"], done["changed"], len(done["trigger_ids"])) == (predicted["diff"], True, 1)
    assert core.execute(trigger.plan_present, slurm, params, check_mode=False)["changed"] is False


def test_nodes_are_listed_as_given(slurm: Slurm) -> None:
    set_down(slurm, "--node=big[00901-00903,00905]", "--drained", permanent=False, offset=30)
    (found,) = ours(slurm)
    shown = {name: found[name] for name in ("resource_id", "event", "offset", "permanent")}
    assert shown == {
        "resource_id": "big[00901-00903,00905]",
        "event": "drained",
        "offset": 30,
        "permanent": False,
    }


def test_the_configuration_names_slurm_user(slurm: Slurm) -> None:
    assert slurm.config()["slurm_user_name"] == "slurm"


# An ordinary user.


def test_an_ordinary_user_changes_no_node(ordinary: Slurm) -> None:
    before = look(ordinary)
    with pytest.raises(SlurmError) as caught:
        ordinary.update_nodes(NODES, state="DRAIN", reason="asked")
    assert (caught.value.errno, caught.value.name) == (2010, "ESLURM_USER_ID_MISSING")
    assert look(ordinary) == before


def test_an_ordinary_user_sets_no_trigger(ordinary: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(ordinary)
    assert (caught.value.errno, caught.value.name) == (2002, "ESLURM_ACCESS_DENIED")
    assert ours(ordinary) == []
