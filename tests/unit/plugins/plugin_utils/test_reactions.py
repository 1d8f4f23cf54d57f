# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reactions decide; who keeps a node out of service is in the tests of reasons.py."""

from __future__ import annotations

from typing import Any

import pytest

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
            ("drain", "an earlier reaction did not resume it"),
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
        "host1": {"hpc_slurm_outcome": ""},
        "host2": {"hpc_slurm_outcome": "Turn it on: no power"},
        "host3": {},
    }
    names = [f"n{number}" for number in range(1, 8)]
    drained = ["n1", "n2", "n3", "n4"]
    found = reactions.record(names, decisions=decisions, drained=drained, hosts=hosts, hostvars=hostvars)
    assert [(it["nodes"], it["decision"], it["why"]) for it in found] == [
        ("n1", *reactions.RESUMED),
        ("n2", "failed", "Turn it on: no power"),
        ("n3", "failed", "Ansible could not reach its host"),
        ("n4", *reactions.HELD),
        ("n5", *reactions.CHANGED),
        ("n[6-7]", "nothing", "a person"),
    ]


def test_the_record_of_the_site_s_tasks() -> None:
    found = reactions.record(
        ["n1", "n2", "n3"],
        decisions=[decided("run tasks", "n1", "n2"), decided("nothing", "n3")],
        hosts={"n1": "n1"},
        hostvars={"n1": {"hpc_slurm_outcome": ""}},
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
