# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes a maintenance holds, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.availability import limit_of
from ansible_collections.hpc.slurm.plugins.module_utils.resources.maintenance.schedule import (
    Bounds,
    Wish,
    expect_possible,
    schedule,
)
from ansible_collections.hpc.slurm.plugins.module_utils.resources.maintenance.situation import Hold, NodeView

NOW, DEADLINE = 1000, 9000


def view(free_at: int | None = 0, hold: int | None = None, **given: Any) -> NodeView:
    """A node of one partition.

    :param hold: when the reservation of the maintenance begins.
    """
    made = None if hold is None else Hold("m", hold, hold + 10**6, ignores_jobs=False)
    away = {"away": hold is not None and hold <= NOW}
    return NodeView(
        **{
            "partitions": ("p",),
            "state": frozenset(("IDLE",)),
            "address": "a",
            "free_at": free_at,
            "hold": made,
            **away,
            **given,
        }
    )


def wishes(
    nodes: dict[str, NodeView], most: str = "2", slots: int = 5, working: tuple[str, ...] = ()
) -> dict[str, int]:
    todo = [name for name in nodes if not name.startswith("x")]
    found = schedule(nodes, todo, working, Bounds(limit_of(most), slots, DEADLINE), NOW)
    return {name: wished.start for name, wished in found.items()}


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        # Free ones first, in the order of their names, as many as may be away.
        ({"a": view(), "b": view(), "c": view()}, {"a": NOW, "b": NOW}),
        ({"a": view(5000), "b": view(2000), "c": view()}, {"c": NOW, "b": 2000}),
        # One that others keep away counts; one of a partition of its own does not.
        ({"a": view(), "b": view(), "x": view(away=True)}, {"a": NOW}),
        ({"a": view(), "b": view(), "x": view(away=True, partitions=("q",))}, {"a": NOW, "b": NOW}),
        # A node of two partitions needs room in both.
        ({"a": view(partitions=("p", "q")), "b": view(), "x": view(away=True), "x2": view(away=True)}, {}),
        # What is held stays held, and nothing else has room.
        ({"a": view(), "b": view(hold=500), "c": view(hold=900)}, {"b": 500, "c": 900}),
        # A node that is free now takes the place of one that is free later.
        ({"a": view(5000, hold=5000), "b": view(2000, hold=2000), "c": view()}, {"c": NOW, "b": 2000}),
        # Of two that are free at the same time, the one that has a reservation keeps it.
        ({"a": view(2000), "b": view(2000), "c": view(2000, hold=2000)}, {"c": 2000, "a": 2000}),
        # A job has ended sooner.
        ({"a": view(0, hold=5000)}, {"a": NOW}),
        # What is left alone is not held, also when it was.
        ({"a": view(obstacle="DOWN"), "b": view(hold=900, obstacle="DOWN", away=False), "c": view()}, {"c": NOW}),
        # The failed node of an earlier run is away already.
        ({"a": view(away=True, drained=True, failed=True), "x": view(away=True)}, {"a": NOW}),
        # Without a time limit, or with one after the deadline.
        ({"a": view(None), "b": view(DEADLINE + 1), "c": view(8000)}, {"c": 8000, "a": DEADLINE}),
    ],
)
def test_which_nodes_are_held(nodes: dict[str, NodeView], expected: dict[str, int]) -> None:
    assert wishes(nodes) == expected


def test_a_job_that_may_outlast_the_deadline_is_ignored() -> None:
    nodes = {"a": view(None), "b": view(2000)}
    found = schedule(nodes, list(nodes), (), Bounds(limit_of("2"), 5, DEADLINE), NOW)
    assert found == {"a": Wish(DEADLINE, ignores_jobs=True), "b": Wish(2000)}


def test_what_is_worked_on_counts() -> None:
    nodes = {name: view() for name in "abcdef"}
    assert wishes({**nodes, "a": view(hold=500)}, working=("a",)) == {"b": NOW}
    assert wishes(nodes, most="100%", slots=3, working=("a",)) == {"b": NOW, "c": NOW}
    assert wishes(nodes, most="50%") == {"a": NOW, "b": NOW, "c": NOW}


def test_a_limit_that_allows_nothing() -> None:
    with pytest.raises(SlurmError, match="none of the 2 nodes of partition p"):
        expect_possible({"a": view(), "b": view()}, ["a"], limit_of("0"))
    expect_possible({"a": view(), "b": view()}, ["a"], limit_of("1%"))
