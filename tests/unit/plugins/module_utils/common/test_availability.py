# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import availability

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        # Of 0, 1, 9, 10, 19 and 20 nodes.
        ("0", [0, 0, 0, 0, 0, 0]),
        ("3", [3, 3, 3, 3, 3, 3]),
        (" 3 ", [3, 3, 3, 3, 3, 3]),
        ("0%", [0, 0, 0, 0, 0, 0]),
        ("10%", [0, 1, 1, 1, 1, 2]),
        ("50%", [0, 1, 4, 5, 9, 10]),
        ("100%", [0, 1, 9, 10, 19, 20]),
    ],
)
def test_limit(text: str, allowed: list[int]) -> None:
    limit = availability.limit_of(text)
    assert [limit(size) for size in (0, 1, 9, 10, 19, 20)] == allowed


@pytest.mark.parametrize("text", ["", "x", "-1", "101%", "1.5", "10 %", "%"])
def test_an_invalid_limit_is_refused(text: str) -> None:
    with pytest.raises(SlurmError, match="max_unavailable is a number of nodes, or a percentage such as 10%"):
        availability.limit_of(text)


def nodes(**states: str) -> dict[str, dict[str, Any]]:
    return {name: {"state": state.split("+"), "partitions": ["main"]} for name, state in states.items()}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("IDLE", False),
        ("MIXED+COMPLETING", False),
        ("IDLE+NOT_RESPONDING+PLANNED", False),
        ("DOWN", True),
        ("MIXED+DRAIN", True),
        ("ALLOCATED+FAIL", True),
        ("IDLE+REBOOT_REQUESTED", True),
        ("IDLE+REBOOT_ISSUED", True),
    ],
)
def test_states_that_count_as_unavailable(state: str, expected: bool) -> None:
    assert availability.unavailable(nodes(a=state, b="IDLE"), []) == ({"a"} if expected else set())


@pytest.mark.parametrize(
    ("flags", "start", "end", "expected"),
    [
        (["MAINT", "SPEC_NODES"], NOW - 10, NOW + 10, True),
        (["MAINT"], NOW, NOW + 1, True),
        (["MAINT"], NOW + 1, NOW + 10, False),
        (["MAINT"], NOW - 10, NOW, False),
        (["OVERLAP"], NOW - 10, NOW + 10, False),
    ],
)
def test_nodes_in_an_active_maintenance_reservation_are_unavailable(
    monkeypatch: pytest.MonkeyPatch, flags: list[str], start: int, end: int, expected: bool
) -> None:
    monkeypatch.setattr("time.time", lambda: float(NOW))
    reservation = {"flags": flags, "start_time": start, "end_time": end, "nodes": "b,d,gone"}
    present = nodes(a="IDLE", b="IDLE", c="DOWN", d="DOWN")
    # d is down and reserved: it counts once.
    assert availability.unavailable(present, [reservation, reservation]) == {"c", "d"} | ({"b"} if expected else set())


def refused(limit: str, leaving: list[str], out: list[str]) -> dict[str, tuple[int, int, int, int]]:
    """Return the figures of the partitions that are over the limit; none when the change is allowed."""
    cluster = nodes(**dict.fromkeys((f"n{number}" for number in range(1, 11)), "IDLE"))
    for name in ("n1", "n2"):
        cluster[name]["partitions"] = ["main", "gpu"]
    try:
        availability.expect_within(availability.limit_of(limit), leaving, cluster, out)
    except SlurmError as error:
        return {name: tuple(figures.values()) for name, figures in error.details["partitions"].items()}
    return {}


@pytest.mark.parametrize(
    ("limit", "leaving", "out", "over"),
    [
        ("1", ["n3"], [], {}),
        ("1", ["n3", "n4"], [], {"main": (10, 0, 2, 1)}),
        ("1", ["n3"], ["n4"], {"main": (10, 1, 2, 1)}),
        # Nodes that are unavailable already are not counted again, even over the limit.
        ("1", ["n3", "n4"], ["n3", "n4"], {}),
        ("1", [], ["n3", "n4", "n5"], {}),
        ("2", ["n3", "n4"], ["n4", "n5"], {"main": (10, 2, 3, 2)}),
        # Only partitions of these nodes count.
        ("50%", ["n1", "n2"], [], {"gpu": (2, 0, 2, 1)}),
        ("50%", ["n3"], ["n1", "n2"], {}),
        ("10%", ["n1"], ["n2"], {"gpu": (2, 1, 2, 1), "main": (10, 1, 2, 1)}),
        ("0", ["n1"], [], {"gpu": (2, 0, 1, 0), "main": (10, 0, 1, 0)}),
    ],
)
def test_expect_within(limit: str, leaving: list[str], out: list[str], over: dict[str, Any]) -> None:
    assert refused(limit, leaving, out) == over


def test_the_error_has_the_figures() -> None:
    with pytest.raises(SlurmError) as caught:
        availability.expect_within(availability.limit_of("0"), ["a"], nodes(a="IDLE", b="DOWN"), ["b"])
    assert caught.value.message == (
        "max_unavailable: partition main: 1 of 2 nodes are unavailable, with these it would be 2, allowed are 0; "
        "nothing was changed"
    )
    assert caught.value.details == {
        "partitions": {"main": {"nodes": 2, "unavailable": 1, "would_be_unavailable": 2, "allowed": 0}}
    }
