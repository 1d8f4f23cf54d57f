# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Job ids of a task, and the jobs that they select."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError

# The attributes that job ids are compared with.
ID_ATTRIBUTES = (
    "id",
    "array_id",
    "array_task_id",
    "array_tasks_waiting",
    "heterogeneous_id",
    "heterogeneous_offset",
)
# Greater numbers mean "not set" and "infinite" (slurm.h).
MAX_NUMBER = 0xFFFFFFFD
_JOB_ID = re.compile(r"(?P<job>\d+)(?:_(?P<task>\d+)|\+(?P<component>\d+))?")


class JobId(NamedTuple):
    """A job id as squeue(1) takes it.

    C(123) is a job with all tasks of its array or components of its het job, C(123_4) a task, C(123+1) a component.
    """

    text: str
    job: int
    task: Optional[int]
    component: Optional[int]

    @classmethod
    def parse(cls, text: str) -> JobId:
        """:raises SlurmError: for anything that is not a job id."""
        match = _JOB_ID.fullmatch(text.strip())
        if not match:
            raise SlurmError(
                f"not a job id: {text!r}; write 123, 123_4 for a task of an array or 123+1 for a component of a het job"
            )
        if not 0 < int(match["job"]) <= MAX_NUMBER:
            raise SlurmError(
                f"not a job id: {text!r}, which is not between 1 and {MAX_NUMBER}; quote an id with an underscore: "
                "YAML reads an unquoted 123_4 as the number 1234"
            )
        task, component = (None if part is None else int(part) for part in match.group("task", "component"))
        return cls(text.strip(), int(match["job"]), task, component)

    def selects(self, job: dict[str, Any]) -> bool:
        """Tell whether this id selects a job, given by its L(ID_ATTRIBUTES)."""
        if self.task is not None:
            waiting = parse_tasks(job["array_tasks_waiting"])
            return job["array_id"] == self.job and (job["array_task_id"] == self.task or self.task in waiting)
        if self.component is not None:
            return bool(job["heterogeneous_id"] == self.job and job["heterogeneous_offset"] == self.component)
        return self.job in (job["id"], job["array_id"], job["heterogeneous_id"])


def parse_tasks(text: Optional[str]) -> frozenset[int]:
    """Return the task ids in Slurm's notation C(1,5,7-9) or C(0-8:2%3)."""
    tasks: set[int] = set()
    for part in (text or "").partition("%")[0].split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if match:  # squeue shortens a long list with "..."
            low, high, step = match.groups()
            tasks.update(range(int(low), int(high or low) + 1, int(step or 1)))
    return frozenset(tasks)


def id_lookup(ids: Iterable[JobId]) -> Callable[[dict[str, Any]], list[JobId]]:
    """Return a function that returns those of the ids that select a job.

    The ids are indexed by number, because there may be many ids and many jobs.
    """
    by_number: dict[int, list[JobId]] = {}
    for job_id in ids:
        by_number.setdefault(job_id.job, []).append(job_id)
    if not by_number:
        return lambda job: []

    def lookup(job: dict[str, Any]) -> list[JobId]:
        numbers = {job["id"], job["array_id"], job["heterogeneous_id"]}
        return [job_id for number in numbers for job_id in by_number.get(number, ()) if job_id.selects(job)]

    return lookup
