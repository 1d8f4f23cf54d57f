# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When nodes are free, by the time limits of the jobs that hold them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from ...adapter.slurm import Slurm
from ...common import hostlist
from .waiting import HOLDING

FREE_AT = "free_at"


def free_times(slurm: Slurm, names: Iterable[str]) -> dict[str, Optional[int]]:
    """Return for each node when its last job ends by its time limit, in seconds since the epoch.

    It is 0 for a node without a job, and None with a job that has no time limit.
    """
    found: dict[str, Optional[int]] = dict.fromkeys(names, 0)
    for _number, (_examined, job) in slurm.jobs(
        needed=("id", "state"),
        keep=lambda job: job["state"] in HOLDING,
        attributes=("allocated_nodes", "end_time", "time_limit"),
    ).items():
        end = None if job["time_limit"] is None else int(job["end_time"] or 0)
        for name in found.keys() & set(_nodes_of(job)):
            before = found[name]
            found[name] = None if end is None or before is None else max(before, end)
    return found


def _nodes_of(job: dict[str, Any]) -> list[str]:
    return hostlist.expand(job["allocated_nodes"]) if job["allocated_nodes"] else []
