# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reactions decide; who keeps a node out of service is in the tests of reasons.py."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common import reasons
from ansible_collections.hpc.slurm.plugins.plugin_utils import reactions

EVENT = "5f0c0e5c-0000-4000-8000-000000000000"


def node(state: str, reason: str | None, user: str | None = "slurm") -> dict[str, Any]:
    return {"state": state.split("+"), "reason": reason, "reason_user": user}


NODES = {
    "silent": node("DOWN+NOT_RESPONDING", "Not responding"),
    "ours": node("DOWN+DRAIN", f"hpc.slurm.node_down {EVENT} : Not responding"),
    "epilog": node("IDLE+DRAIN", "Epilog error"),
    "person": node("DOWN+DRAIN", "fan : Not responding"),
    "unknown": node("DOWN+DRAIN", None, None),
    "maintenance": node("IDLE+DRAIN+MAINTENANCE", "fan", "root"),
    "failing": node("IDLE+FAIL", "fan", "root"),
}


@pytest.mark.parametrize(
    ("name", "down", "drained"),
    [
        (
            "silent",
            ("drain", "slurmctld set it down: Not responding"),
            ("nothing", "not drained"),
        ),
        (
            "ours",
            ("drain again", "an earlier reaction did not resume it"),
            ("nothing", "hpc.slurm.node_down drained it"),
        ),
        (
            "epilog",
            ("nothing", "slurmctld drained it, and it is not down: Epilog error"),
            ("run tasks", "drained by slurm: Epilog error"),
        ),
        (
            "person",
            ("nothing", "a person took it out of service: fan : Not responding"),
            ("run tasks", "drained by slurm: fan : Not responding"),
        ),
        (
            "unknown",
            ("nothing", "who took it out of service is not known, its reason does not tell: None"),
            ("run tasks", "drained by None: None"),
        ),
        (
            "maintenance",
            ("nothing", "in maintenance, rebooting or powered down"),
            ("nothing", "in maintenance, rebooting or powered down"),
        ),
        ("failing", ("nothing", "a person took it out of service: fan"), ("nothing", "not drained")),
        (
            "back",
            ("nothing", "in service, or not a node of this cluster"),
            ("nothing", "in service, or not a node of this cluster"),
        ),
    ],
)
def test_a_node(name: str, down: tuple[str, str], drained: tuple[str, str]) -> None:
    for reaction, expected in (("node_down", down), ("node_drained", drained)):
        [decision] = reactions.decide(reaction, [name], NODES, "slurm")
        assert (decision["nodes"], decision["decision"], decision["why"]) == (name, *expected)


def test_a_storm_is_one_decision() -> None:
    names = [f"n{number:05}" for number in range(10_000)]
    decided = reactions.decide(
        "node_down", [*names, "person"], {**NODES, **dict.fromkeys(names, NODES["silent"])}, "slurm"
    )
    assert [(it["nodes"], it["decision"], len(it["names"])) for it in decided] == [
        ("n[00000-09999]", "drain", 10_000),
        ("person", "nothing", 1),
    ]
    assert decided[0]["reasons"] == ["Not responding"]


def test_reactions_of_one_kind_are_one_decision() -> None:
    others = {"n1": NODES["ours"], "n2": node("IDLE+DRAIN", "hpc.slurm.node_down by hand")}
    [decision] = reactions.decide("node_down", others, others, "slurm")
    assert decision["nodes"] == "n[1-2]"
    assert decision["reasons"] == [
        f"hpc.slurm.node_down {EVENT} : Not responding",
        "hpc.slurm.node_down by hand",
    ]


def decided(decision: str, *names: str, why: str = "why") -> dict[str, Any]:
    return {"decision": decision, "why": why, "names": list(names), "nodes": "", "reasons": []}


def test_the_record_of_a_run() -> None:
    decisions = [decided("drain", "n1", "n2", "n3", "n4", "n5"), decided("nothing", "n6", "n7", why="a person")]
    hosts = {"host1": "n1", "host2": "n2", "host3": "n3"}
    hostvars: dict[str, dict[str, Any]] = {
        "host1": {"common_outcome": ""},
        "host2": {"common_outcome": "Turn it on: no power"},
        "host3": {},
    }
    kept = [decided("repair", "n1", "n2", "n3", why=""), decided("held", "n4", why="no tasks")]
    names = [f"n{number}" for number in range(1, 8)]
    found = reactions.record(names, decisions=decisions, kept=kept, hosts=hosts, hostvars=hostvars)
    assert [(it["nodes"], it["decision"], it["why"]) for it in found] == [
        ("n1", *reactions.RESUMED),
        ("n2", "failed", "Turn it on: no power"),
        ("n3", "failed", "Ansible could not reach its host"),
        ("n4", "held", "no tasks"),
        ("n5", *reactions.CHANGED),
        ("n[6-7]", "nothing", "a person"),
    ]


@pytest.mark.parametrize(("left", "decision"), [(None, "failed"), (2, "failed"), (0, "held")])
def test_the_last_retry_of_a_day_leaves_a_node_to_a_person(left: int | None, decision: str) -> None:
    given: dict[str, Any] = {"decisions": [decided("drain again", "n1")], "kept": [decided("repair", "n1")]}
    hostvars = {"n1": {"common_outcome": "Turn it on: no power"}}
    [group] = reactions.record(["n1"], **given, hosts={"n1": "n1"}, hostvars=hostvars, retries_left=left)
    assert (group["decision"], "no retries are left today" in group["why"]) == (decision, left == 0)
    [group] = reactions.record(["n1"], error="no controller", retries_left=left)
    assert group["decision"] == decision


def test_the_record_has_the_breaker_once() -> None:
    given = {"decisions": [decided("drain", "n1", "n2")], "kept": [decided("postponed", "n1", "n2")]}
    breaker = {"open": True, "opened": True, "why": "2 nodes went down", "nodes": "n[1-2]"}
    first, second = reactions.record(["n1", "n2"], **given, breaker=breaker)
    assert (first["nodes"], first["decision"]) == ("n[1-2]", reactions.BREAKER)
    assert "until: ansible-playbook hpc.slurm.reset" in first["why"]
    assert second["decision"] == "postponed"
    for other in ({**breaker, "opened": False}, {"changed": False, "skipped": True}, None):
        assert reactions.record(["n1", "n2"], **given, breaker=other) == [second]


def test_opted_out() -> None:
    silent = NODES["silent"]
    nodes = {
        "word": {**silent, "comment": "JD: off, hpc-slurm-off", "extra": None},
        "extra": {**silent, "comment": "", "extra": "hpc-slurm-off"},
        "part": {**silent, "comment": "hpc-slurm-offline", "extra": None},
        "host": {**silent, "comment": None, "extra": None},
        "person": {**NODES["person"], "comment": "hpc-slurm-off"},
    }
    found = reactions.decide("node_down", nodes, nodes, "slurm", word="hpc-slurm-off", opted_out=["host"])
    assert {name: (it["decision"], it["why"]) for it in found for name in it["names"]} == {
        "word": ("nothing", "opted out: its comment has the word hpc-slurm-off"),
        "extra": ("nothing", "opted out: its extra has the word hpc-slurm-off"),
        "part": ("drain", "slurmctld set it down: Not responding"),
        "host": ("nothing", "opted out: its host sets hpc_slurm_opt_out"),
        "person": ("nothing", "a person took it out of service: fan : Not responding"),
    }
    assert reactions.decide("node_down", ["word"], nodes, "slurm")[0]["decision"] == "drain"


@pytest.mark.parametrize("reaction", ["node_down", "node_drained"])
def test_paused(reaction: str) -> None:
    found = reactions.decide(reaction, NODES, NODES, "slurm", paused="reactions are paused")
    decisions = {it["decision"]: it["why"] for it in found}
    assert set(decisions) == {"postponed", "nothing"}
    assert decisions["postponed"] == "reactions are paused"


def test_back() -> None:
    found = reactions.decide("node_back", ["n1", "silent"], NODES, "slurm")
    assert [(it["nodes"], it["decision"], it["why"]) for it in found] == [
        ("n1", "back", "in service again"),
        ("silent", "nothing", "out of service: DOWN+NOT_RESPONDING, Not responding"),
    ]


REASON = f"hpc.slurm.node_down {EVENT}"


@pytest.mark.parametrize(
    ("name", "given", "expected", "added"),
    [
        ("n1", {}, ("repair", ""), ""),
        ("n2", {}, ("held", "drained; no repair tasks are set for it"), ": no repair tasks"),
        ("n3", {}, ("held", "drained; the inventory has no host for it"), ": not in the inventory"),
        ("n4", {}, ("postponed", "drained; jobs are still on it"), ": jobs still on it"),
        ("n5", {}, ("postponed", "drained; jobs are still on it"), ": jobs still on it"),
        (
            "n1",
            {"breaker": "3 nodes"},
            ("postponed", "drained; the circuit breaker is open: 3 nodes"),
            ": circuit breaker open",
        ),
        (
            "n1",
            {"is_flapping": True},
            ("held", "drained; it went down for the fourth time within an hour"),
            ": down 4 times within an hour",
        ),
    ],
)
def test_repairs(name: str, given: dict[str, Any], expected: tuple[str, str], added: str) -> None:
    states = {"n4": "DOWN+COMPLETING+DRAIN", "n5": "MIXED+DRAIN"}
    hosts = {host: host for host in ("n1", "n2", "n4", "n5")}
    tasks = dict.fromkeys(("n1", "n4", "n5"), "/repair.yml")

    def repairs(reason: str) -> dict[str, Any]:
        nodes = {name: node(states.get(name, "DOWN+DRAIN"), reason)}
        [found] = reactions.repairs(nodes, hosts, tasks, reason=REASON, **given)
        return found

    found = repairs("hpc.slurm.node_down by hand: no repair tasks")
    assert (found["decision"], found["why"], found["names"]) == (*expected, [name])
    assert (found["reason"], found["outdated"]) == (f"{REASON}{added}", name)
    # It is ours with this reason, and has it already when the run is repeated.
    assert reasons.held_by(["IDLE", "DRAIN"], found["reason"], "root", "slurm") == reasons.OURS
    assert repairs(found["reason"])["outdated"] == ""


@pytest.mark.parametrize(
    ("reason", "given", "decision"),
    [
        (REASON, {"skipped": ["n1"]}, "nothing"),
        ("JD has it", {}, "nothing"),
        (None, {}, "nothing"),
        (f"{REASON}, JD has it", {"earlier": [REASON]}, "nothing"),
        # What it was decided on: slurmctld itself had drained it before it went down.
        ("Prolog error", {"earlier": ["Prolog error"]}, "repair"),
    ],
)
def test_a_node_that_changed_before_it_was_drained(reason: str | None, given: dict[str, Any], decision: str) -> None:
    nodes = {"n1": node("DOWN+DRAIN", reason)}
    [found] = reactions.repairs(nodes, {"n1": "n1"}, {"n1": "/repair.yml"}, reason=REASON, **given)
    assert found["decision"] == decision
    if decision == "nothing":
        assert (found["why"], found["outdated"]) == (reactions.CHANGED.why, "")


def test_nodes_are_grouped_by_reason() -> None:
    nodes = {f"n{number}": node("DOWN+DRAIN", REASON) for number in range(1, 5)}
    found = reactions.repairs(nodes, {"n1": "n1", "n2": "n2"}, {"n1": "/repair.yml"}, reason=REASON)
    assert [(it["reason"], it["outdated"]) for it in found] == [
        (REASON, ""),
        (f"{REASON}: no repair tasks", "n2"),
        (f"{REASON}: not in the inventory", "n[3-4]"),
    ]


def test_the_record_of_the_site_s_tasks() -> None:
    found = reactions.record(
        ["n1", "n2", "n3"],
        decisions=[decided("run tasks", "n1", "n2"), decided("nothing", "n3")],
        hosts={"n1": "n1"},
        hostvars={"n1": {"common_outcome": ""}},
    )
    assert [(it["nodes"], it["decision"]) for it in found] == [
        ("n1", "tasks run"),
        ("n2", "nothing"),
        ("n3", "nothing"),
    ]


def test_the_record_of_a_run_that_failed() -> None:
    assert reactions.record(["n1", "n2"], error="no controller") == [
        {"nodes": "n[1-2]", "decision": "failed", "why": "no controller"}
    ]


def test_hostlists_by_hand() -> None:
    found = reactions.decide("node_down", ["n[1-3]", "silent,ours", "n7"], NODES, "slurm")
    assert [(it["nodes"], it["decision"]) for it in found] == [
        ("n[1-3,7]", "nothing"),
        ("ours", "drain again"),
        ("silent", "drain"),
    ]
    assert reactions.record(["n[1-2]"], error="x")[0]["nodes"] == "n[1-2]"
