# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes: their states, attributes and updates, on the fake and on a real controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node import attributes as node_attributes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.task import STATES as TASK_STATES
from ansible_collections.hpc.slurm.tests.contract.cluster import (
    ALL_NODES,
    NODE_OPTIONS,
    NODES,
    RealSlurm,
    look,
    release,
)
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

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


@pytest.fixture
def in_every_state(slurm: Slurm) -> dict[str, str]:
    """The state that each of NODES was brought into, all of STATES."""
    for name, (_state, requests) in zip(NODES, STATES.items(), strict=True):
        for request in requests:
            slurm.update_nodes(name, state=request, reason="before")
    return dict(zip(NODES, STATES, strict=True))


def test_requests_reach_every_state(slurm: Slurm, in_every_state: dict[str, str]) -> None:
    expected = {name: (state, "before", slurm.user()) for name, state in in_every_state.items()}
    assert look(slurm) == {**expected, NODES[0]: ("IDLE", None, None)}


@pytest.mark.parametrize("request_", AFTER)
def test_transition(slurm: Slurm, in_every_state: dict[str, str], request_: str) -> None:
    before, expected = look(slurm), {}
    for name, after in zip(NODES, AFTER[request_], strict=True):
        fields = {"reason": "asked"} if after.endswith("asked") else {}
        if after == "refused":
            with pytest.raises(ConflictError, match="Invalid node state transition"):
                slurm.update_nodes(name, state=request_, **fields)
            expected[name] = before[name]
        else:
            slurm.update_nodes(name, state=request_, **fields)
            state, _blank, reason = after.partition(" ")
            expected[name] = (state, reason or None, slurm.user() if reason else None)
    assert look(slurm) == expected


@pytest.mark.parametrize("request_", ["DOWN", "DRAIN", "FAIL"])
def test_without_a_reason_the_old_one_stays(slurm: Slurm, in_every_state: dict[str, str], request_: str) -> None:
    slurm.update_nodes(ALL_NODES, state=request_)
    assert [reason for _state, reason, _user in look(slurm).values()] == [None] + ["before"] * 5


def test_a_reason_alone(slurm: Slurm, in_every_state: dict[str, str]) -> None:
    slurm.update_nodes(ALL_NODES, reason="anew  \u00fc")
    expected = {name: (state, "anew  \u00fc", slurm.user()) for name, state in in_every_state.items()}
    # A node in service has no reason, and the request is not refused.
    assert look(slurm) == {**expected, NODES[0]: ("IDLE", None, None)}


def test_a_refused_transition_does_not_stop_the_other_nodes(slurm: Slurm, in_every_state: dict[str, str]) -> None:
    with pytest.raises(ConflictError) as caught:
        slurm.update_nodes(ALL_NODES, state="RESUME")
    errors = [(2028, "ESLURM_INVALID_NODE_STATE"), (2180, "ESLURM_INVALID_NODE_STATE_TRANSITION")]
    assert (caught.value.errno, caught.value.name) == errors[release(slurm) >= (25, 11)]
    assert set(look(slurm).values()) == {("IDLE", None, None)}


@pytest.mark.parametrize(("unknown", "state"), [("aaa", "IDLE"), ("nosuch", "IDLE+DRAIN")])
def test_an_unknown_node_stops_the_request_at_its_place_in_the_sort_order(
    slurm: Slurm, unknown: str, state: str
) -> None:
    with pytest.raises(SlurmError) as caught:
        slurm.update_nodes(hostlist.fold([*NODES[:2], unknown]), state="DRAIN", reason="asked")
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert [found for found, _reason, _user in look(slurm).values()] == [state] * 2 + ["IDLE"] * 4


def test_an_empty_hostlist_is_refused(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        slurm.update_nodes("", state="DRAIN", reason="asked")
    assert caught.value.name == "ESLURM_INVALID_NODE_NAME"


@pytest.mark.parametrize("fields", [{"nonsense": 1}, {"total_cpus": 3}, {"weight": "heavy"}, {"state": "WELL"}])
def test_a_field_that_cannot_be_set_is_refused(slurm: Slurm, fields: dict[str, Any]) -> None:
    with pytest.raises(SlurmError, match="a node cannot be given") as caught:
        slurm.update_nodes(ALL_NODES, reason="asked", **fields)
    assert caught.value.call == "REQUEST_UPDATE_NODE"
    assert set(look(slurm).values()) == {("IDLE", None, None)}


def test_all_attributes_are_read(slurm: Slurm) -> None:
    records = slurm.nodes()
    assert set(NODES) <= set(records)
    assert sorted(records[NODES[0]]) == slurm.node_attributes()
    assert {"state", "reason", "reason_user", "partitions", "weight"} <= set(slurm.node_attributes())
    assert isinstance(records[NODES[0]]["partitions"], list)


def test_a_node_without_a_reason_has_no_reason_user(slurm: Slurm) -> None:
    assert slurm.nodes(["reason_user"])[NODES[0]] == {"reason_user": None}


# Nodes without daemons neither boot nor power up.
@pytest.mark.parametrize("state", [name for name in TASK_STATES if name != "rebooted" and "power" not in name])
def test_check_mode_predicts_the_states(slurm: Slurm, in_every_state: dict[str, str], state: str) -> None:
    params = {**NODE_OPTIONS, "nodes": NODES, "state": state}
    predicted = execute(plan_nodes, slurm, params, check_mode=True)
    before = look(slurm)
    assert {name: in_every_state[name] for name in NODES} == {name: before[name][0] for name in NODES}
    assert execute(plan_nodes, slurm, params, check_mode=False) == predicted
    assert execute(plan_nodes, slurm, params, check_mode=False)["changed"] is False


# Attributes of nodes.


def attributes_of(slurm: Slurm, name: str = NODES[0]) -> dict[str, Any]:
    return slurm.nodes(node_attributes.ATTRIBUTES)[name]


@pytest.fixture
def restored(slurm: Slurm) -> Iterator[Slurm]:
    """The cluster, whose nodes get the attributes back that they had."""
    before = attributes_of(slurm)
    yield slurm
    words = node_attributes.scontrol_fields(node_attributes.record_of(before, before))
    places = {key: words.pop(key) for key in ("nodeaddr", "nodehostname")}
    slurm.update_attributes(ALL_NODES, words)
    slurm.update_attributes(NODES[0], places)
    assert attributes_of(slurm) == before


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ({"comment": "a b = c, \u00fc"}, "comment", "a b = c, \u00fc"),
        ({"extra": "e"}, "extra", "e"),
        ({"weight": "5"}, "weight", 5),
        ({"weight": "0"}, "weight", 0),
        ({"weight": ""}, "weight", 0),
        ({"availablefeatures": "large,x,a"}, "available_features", ["large", "x", "a"]),
        ({"activefeatures": ""}, "active_features", []),
        ({"availablefeatures": "", "activefeatures": ""}, "available_features", []),
        ({"availablefeatures": "a,b", "activefeatures": "b"}, "active_features", ["b"]),
        ({"gres": "fpga:2,fpga:tesla:1"}, "configured_gres", {"fpga": 2, "fpga:tesla": 1}),
        ({"gres": "fpga"}, "configured_gres", {"fpga": 1}),
        ({"gres": "fpga:tesla,link:2"}, "configured_gres", {"fpga:tesla": 1, "link": 2}),
        ({"gres": "link:lustre:no_consume:4G"}, "configured_gres", {"link:lustre:no_consume": 4 << 30}),
        ({"gres": "link:no_consume:8"}, "configured_gres", {"link:no_consume": 8}),
        ({"gres": "fpga:4K,link:2m"}, "configured_gres", {"fpga": 4096, "link": 2 << 20}),
        ({"gres": "link:3T"}, "configured_gres", {"link": 3 << 40}),
        ({"cpubind": "core"}, "cpu_binding", "cores"),
        ({"cpubind": "ldom"}, "cpu_binding", "ldoms"),
        ({"cpubind": "none"}, "cpu_binding", "none"),
    ],
)
def test_an_attribute_is_set(restored: Slurm, fields: dict[str, str], attribute: str, value: Any) -> None:
    before = attributes_of(restored, NODES[2])
    restored.update_attributes(f"{NODES[0]},{NODES[1]}", fields)
    assert [attributes_of(restored, name)[attribute] for name in NODES[:2]] == [value] * 2
    assert attributes_of(restored, NODES[2]) == before


def test_attributes_are_cleared(restored: Slurm) -> None:
    restored.update_attributes(ALL_NODES, {"comment": "c", "extra": "e", "gres": "fpga:2", "cpubind": "core"})
    restored.update_attributes(ALL_NODES, {"comment": "", "extra": "", "gres": "", "cpubind": "off"})
    found = attributes_of(restored)
    assert [found[name] for name in ("comment", "extra", "configured_gres", "cpu_binding")] == [None, None, {}, None]


@pytest.mark.parametrize(
    ("names", "fields", "errno", "words"),
    [
        (["nosuch"], {"comment": "x"}, 2018, "Invalid node name specified"),
        ([], {"comment": "x"}, 2018, "Invalid node name specified"),
        (NODES, {"nodeaddr": ""}, 2018, "Invalid node name specified"),
        (NODES, {"nodeaddr": "other"}, 2018, "Invalid node name specified"),
        (NODES, {"nodehostname": ""}, 2018, "Invalid node name specified"),
        (NODES, {"activefeatures": "nosuch"}, 2031, "Active features not subset of available features"),
        (NODES, {"weight": "heavy"}, None, "Invalid value weight=heavy for Weight"),
        (NODES, {"cpubind": "nonsense"}, None, "Invalid input cpubind=nonsense"),
        (NODES, {"nonsense": "1"}, None, "Update of this parameter is not supported: nonsense=1"),
    ],
)
def test_an_attribute_is_refused(
    restored: Slurm, names: list[str], fields: dict[str, str], errno: int | None, words: str
) -> None:
    before = attributes_of(restored)
    with pytest.raises(SlurmError, match=words) as caught:
        restored.update_attributes(",".join(names), fields)
    assert caught.value.errno == errno
    assert attributes_of(restored) == before


@pytest.mark.parametrize(
    "attributes",
    [
        {"comment": " spare parts ", "extra": "", "weight": 7},
        {"weight": 0},
        {"available_features": "b,a,large", "active_features": ["large", "a"]},
        {"available_features": [], "active_features": None},
        {"configured_gres": {"fpga": 2, "fpga:tesla": 1}, "cpu_binding": "Core"},
        {"configured_gres": "fpga"},
        {"configured_gres": "fpga:tesla"},
        {"configured_gres": ["fpga:tesla:2", "link:lustre:no_consume:4G"]},
        {"configured_gres": {"link:no_consume": "8K"}},
        {"configured_gres": {"link:no_consume": "1P"}},
    ],
)
def test_check_mode_predicts_the_attributes(restored: Slurm, attributes: dict[str, Any]) -> None:
    params = {**NODE_OPTIONS, "state": "drained", "attributes": attributes}
    predicted = execute(plan_nodes, restored, params, check_mode=True)
    assert execute(plan_nodes, restored, params, check_mode=False) == predicted
    assert predicted["changed_nodes"] == NODES[:2]
    assert execute(plan_nodes, restored, params, check_mode=False)["changed"] is False
    cleared = dict.fromkeys(attributes, "")
    execute(plan_nodes, restored, {**params, "attributes": cleared}, check_mode=False)
    assert execute(plan_nodes, restored, {**params, "attributes": cleared}, False)["changed"] is False


def test_the_address_of_a_node_is_set(restored: Slurm) -> None:
    restored.update_attributes(NODES[0], {"nodeaddr": "other", "nodehostname": "elsewhere"})
    found = attributes_of(restored)
    assert (found["address"], found["hostname"]) == ("other", "elsewhere")


def test_an_ordinary_user_changes_no_node(ordinary: Slurm) -> None:
    before = look(ordinary)
    with pytest.raises(SlurmError) as caught:
        ordinary.update_nodes(ALL_NODES, state="DRAIN", reason="asked")
    assert (caught.value.errno, caught.value.name) == (2010, "ESLURM_USER_ID_MISSING")
    assert look(ordinary) == before


def test_an_ordinary_user_changes_no_attribute(ordinary: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        ordinary.update_attributes(ALL_NODES, {"comment": "mine"})
    assert (caught.value.errno, caught.value.name) == (2010, "ESLURM_USER_ID_MISSING")
    assert attributes_of(ordinary)["comment"] is None


# Nodes that are made and deleted at run time.

CREATED = ["contract1", "contract2"]


@pytest.fixture
def created(slurm: RealSlurm | FakeSlurm) -> Iterator[RealSlurm | FakeSlurm]:
    """A cluster with CREATED: nodes in state FUTURE, the first with attributes."""
    # Where slurmctld looks for slurmd: names that cannot be resolved keep it waiting.
    place = {"nodehostname": "localhost", "nodeaddr": "localhost"}
    fields = {"cpus": 4, "realmemory": 500, "feature": "f,g", "gres": "bandwidth:lustre:2", "weight": 3}
    slurm.create_node(CREATED[0], state="FUTURE", **place, **fields)
    slurm.create_node(CREATED[1], state="FUTURE", **place)
    yield slurm
    for name in CREATED:
        if name in slurm.nodes(["state"], future=True):
            slurm.delete_node(name)


def test_nodes_in_state_future_are_shown_on_request(created: RealSlurm | FakeSlurm) -> None:
    assert set(CREATED).isdisjoint(created.nodes(["state"]))
    shown = created.nodes(future=True)
    assert sorted(shown[CREATED[0]]) == created.node_attributes()
    first = {
        name: shown[CREATED[0]][name] for name in ("name", "total_cpus", "available_features", "weight", "comment")
    }
    assert first == {
        "name": CREATED[0],
        "total_cpus": 4,
        "available_features": ["f", "g"],
        "weight": 3,
        "comment": None,
    }
    assert shown[CREATED[0]]["configured_gres"] == {"bandwidth:lustre": 2}
    assert [shown[name]["state"][0] for name in (*CREATED, NODES[0])] == ["FUTURE", "FUTURE", "IDLE"]
    assert created.nodes(["weight"], future=True)[CREATED[0]] == {"weight": 3}


def test_a_task_on_a_node_in_state_future_is_refused(created: RealSlurm | FakeSlurm) -> None:
    params = {**NODE_OPTIONS, "nodes": [NODES[0], *CREATED], "state": "drained"}
    with pytest.raises(SlurmError, match=r"contract\[1-2\] is in state FUTURE until slurmd registers there"):
        execute(plan_nodes, created, params, check_mode=False)
    assert set(look(created).values()) == {("IDLE", None, None)}


def test_a_task_on_a_node_that_is_deleted_meanwhile(created: RealSlurm | FakeSlurm) -> None:
    created.update_nodes(CREATED[0], state="RESUME")
    params = {**NODE_OPTIONS, "nodes": [NODES[0], CREATED[0]], "state": "drained"}
    plan = plan_nodes(created, params)
    created.delete_node(CREATED[0])
    with pytest.raises(SlurmError) as caught:
        for write in plan.writes:
            write()
    assert caught.value.message.startswith("contract1 was deleted from the cluster while the task ran")
    assert caught.value.details["changed"] is True  # slurmctld goes through the sorted names
    with pytest.raises(SlurmError, match="the cluster has no node contract1; nothing was changed"):
        execute(plan_nodes, created, params, check_mode=False)
