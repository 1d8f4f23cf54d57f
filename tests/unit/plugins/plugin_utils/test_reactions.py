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
