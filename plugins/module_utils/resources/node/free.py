# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When nodes are free, by the time limits of the jobs that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Optional

from ...adapter.slurm import Slurm
from ...common import hostlist
from .waiting import HOLDING

FREE_AT = "free_at"


def ending_jobs(
    slurm: Slurm, attributes: Iterable[str] = ()
) -> Iterator[tuple[int, dict[str, Any], list[str], Optional[int]]]:
    """Yield each job that holds nodes: its id, its attributes, its nodes, and when it ends by its time limit.

    The end is in seconds since the epoch, and None without a time limit.

    :param attributes: attributes to read besides.
    """
    for number, (_examined, job) in slurm.jobs(
        needed=("id", "state"),
        keep=lambda job: job["state"] in HOLDING,
        attributes=("allocated_nodes", "end_time", "time_limit", *attributes),
    ).items():
        nodes = hostlist.expand(job["allocated_nodes"]) if job["allocated_nodes"] else []
        yield number, job, nodes, None if job["time_limit"] is None else int(job["end_time"] or 0)


def latest(end: Optional[int], other: Optional[int]) -> Optional[int]:
    """Return the later of two ends; None is later than any."""
    return None if end is None or other is None else max(end, other)


def free_times(slurm: Slurm, names: Iterable[str]) -> dict[str, Optional[int]]:
    """Return for each node when its last job ends by its time limit, in seconds since the epoch.

    It is 0 for a node without a job, and None with a job that has no time limit.
    """
    found: dict[str, Optional[int]] = dict.fromkeys(names, 0)
    for _number, _job, nodes, end in ending_jobs(slurm):
        for name in found.keys() & set(nodes):
            found[name] = latest(end, found[name])
    return found
