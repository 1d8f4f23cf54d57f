# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs and their steps, read with pyslurm."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from .connection import Connection
from .error_numbers import translated
from .values import plain, properties, record

# Attributes of pyslurm's jobs and steps that need requests of their own, or have an option of their own.
_SEPARATE = frozenset(("stats", "steps", "pids"))


class JobRequests(Connection):
    """Requests about jobs."""

    def jobs(
        self,
        needed: Collection[str],
        keep: Callable[[dict[str, Any]], bool],
        attributes: Collection[str],
        steps: bool = False,
    ) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        """Return jobs by their ids, each with the attributes that C(keep) needed and those asked for.

        :param needed: the attributes that C(keep) looks at; no other is evaluated for a job that is not kept.
        :param keep: whether to return a job.
        :param attributes: the attributes to return.
        :param steps: whether to return the steps too.
        """
        pyslurm = self._pyslurm()
        with translated(pyslurm, "REQUEST_JOB_INFO"):
            loaded = pyslurm.Jobs.load()
        if steps:
            with translated(pyslurm, "REQUEST_JOB_STEP_INFO"):
                loaded.load_steps()
        found = {}
        users: dict[int, Any] = {}
        for number, job in loaded.items():
            looked_at = _job(job, needed, users)
            if keep(looked_at):
                details = _job(job, attributes, users)
                if steps:
                    details["steps"] = {str(name): _step(step) for name, step in job.steps.items()}
                found[int(number)] = (looked_at, details)
        return found

    def job_attributes(self) -> list[str]:
        """Return the names of the attributes that a job has, sorted."""
        return [name for name in properties(self._pyslurm().Job) if name not in _SEPARATE]


def _job(job: Any, attributes: Collection[str], users: dict[int, Any]) -> dict[str, Any]:
    """Return attributes of a job.

    :param users: a cache of user names: pyslurm asks the system for each job anew.
    """
    found = record(job, [name for name in attributes if name != "user_name"])
    if "user_name" in attributes:
        if job.user_id not in users:
            users[job.user_id] = plain(job.user_name)
        found["user_name"] = users[job.user_id]
    # pyslurm reads the number 0 as not set.
    if "array_task_id" in found and found["array_task_id"] is None and job.array_id and not job.array_tasks_waiting:
        found["array_task_id"] = 0
    if "heterogeneous_offset" in found and found["heterogeneous_offset"] is None and job.heterogeneous_id:
        found["heterogeneous_offset"] = 0
    return found


def _step(step: Any) -> dict[str, Any]:
    return record(step, [name for name in properties(type(step)) if name not in _SEPARATE])
