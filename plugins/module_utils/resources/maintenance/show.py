# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A maintenance in words: the plan as a table, and how far a run has come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ...common import hostlist
from .journal import FINAL, Progress
from .schedule import Bounds, Wish
from .situation import NodeView, partition_sizes

COLUMNS = ("node", "held by", "free at", "starts at")
# Jobs of a node that are named.
MOST_JOBS = 3


def plan_rows(nodes: Mapping[str, NodeView], names: Iterable[str], wishes: Mapping[str, Wish]) -> list[dict[str, Any]]:
    """Return for each node what holds it, when it is free and when its work starts.

    :returns: C(free_at) and C(starts_at) in seconds since the epoch: 0 for now, null where it is not known.
    """
    rows = []
    for name in names:
        node, wished = nodes[name], wishes.get(name)
        starts = None if wished is None or wished.ignores_jobs else wished.start
        row = {"node": name, "obstacle": node.obstacle, "jobs": list(node.jobs), "free_at": node.free_at}
        rows.append({**row, "starts_at": None if node.obstacle else starts})
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the plan as lines of a table. Nodes of which the same is to be said are on one line."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        groups.setdefault(_cells(row), []).append(row["node"])
    lines = [COLUMNS, *((hostlist.fold(names), *cells) for cells, names in groups.items())]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def _cells(row: Mapping[str, Any]) -> tuple[str, str, str]:
    if row["obstacle"]:
        return f"left alone: {row['obstacle']}", "", ""
    jobs = row["jobs"]
    more = f" and {len(jobs) - MOST_JOBS} more" if len(jobs) > MOST_JOBS else ""
    held = ", ".join(jobs[:MOST_JOBS]) + more
    free = "no time limit" if row["free_at"] is None else clock(row["free_at"])
    starts = "when there is room" if row["starts_at"] is None else clock(row["starts_at"])
    if row["free_at"] is None:
        starts = "when its jobs have ended"
    return held and f"jobs {held}", free, starts


def clock(epoch: float) -> str:
    """Return a time of this host: C(now), or the hour, with the date where it is not today."""
    if epoch <= time.time() + 1:
        return "now"
    there = time.localtime(epoch)
    today = time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", there)
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", there)


def counts(progress: Progress, nodes: Mapping[str, NodeView], names: Sequence[str], bounds: Bounds) -> dict[str, Any]:
    """Return how many nodes are done, away and to come, and when the last one is expected to be done."""
    done, failed, working = progress.with_outcome(*FINAL), progress.failed(), progress.in_work()
    begun = {*done, *failed, *working}
    waiting = [name for name in names if name not in begun and not nodes[name].obstacle]
    return {
        "done": len(set(names).intersection(done)),
        "failed": len(failed),
        "away": len(working),
        "to_come": len(waiting),
        "end": _end(progress, nodes, waiting, len(working), bounds),
    }


def _end(
    progress: Progress, nodes: Mapping[str, NodeView], waiting: Sequence[str], working: int, bounds: Bounds
) -> Optional[int]:
    """Return when the last node is expected to be done, by the mean time of those that are: None without any."""
    seconds = progress.seconds()
    if not seconds:
        return None
    mean, now = sum(seconds) / len(seconds), time.time()
    # No partition lets more be away than the largest.
    sizes = partition_sizes(nodes)
    touched = {partition for name in waiting for partition in nodes[name].partitions}
    at_once = max(1, min([bounds.slots, *(bounds.limit(sizes[partition]) for partition in touched)]))
    rounds = -(-len(waiting) // at_once) + (1 if working else 0)
    latest = max([now, *(nodes[name].free_at or 0 for name in waiting)])
    return int(max(now + rounds * mean, latest + mean))


def line(node: str, step: str, found: Mapping[str, Any]) -> str:
    """Return a line of the log of a run."""
    end = f", end about {clock(found['end'])}" if found["end"] else ""
    failed = f", {found['failed']} failed" if found["failed"] else ""
    return (
        f"{time.strftime('%H:%M:%S')} {node}: {step} ({found['done']} done{failed}, {found['away']} away, "
        f"{found['to_come']} to come{end})"
    )


def summary(groups: Mapping[tuple[str, str], Sequence[str]]) -> list[str]:
    """Return the outcomes as lines: how many nodes, which, and why."""
    return [
        f"{len(names)} {outcome}: {hostlist.fold(names)}{f' ({why})' if why else ''}"
        for (outcome, why), names in groups.items()
    ]
