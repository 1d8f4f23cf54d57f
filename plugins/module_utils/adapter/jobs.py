# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs and their steps, read with pyslurm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Optional

from .connection import Connection
from .error_numbers import translated
from .values import Note, plain, properties, record

# Attributes of pyslurm's jobs and steps that need a request or an option of their own.
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
        """Return jobs by id, each as two records: the attributes that C(keep) looks at and the attributes to return.

        :param needed: the attributes that C(keep) looks at; no others are evaluated for a job that is not kept.
        :param keep: whether to return a job.
        :param attributes: the attributes to return.
        :param steps: whether to return the steps as well.
        """
        pyslurm = self._pyslurm()
        with translated(pyslurm, "REQUEST_JOB_INFO"):
            loaded = pyslurm.Jobs.load()
        if steps:
            with translated(pyslurm, "REQUEST_JOB_STEP_INFO"):
                loaded.load_steps()
        found = {}
        users: dict[int, Any] = {}
        task_ids = self._array_task_ids(loaded) if "array_task_id" in {*needed, *attributes} else {}
        for number, job in loaded.items():
            note = self._unreadable.of("job", number)
            examined = _job(job, needed, users, task_ids, note)
            if keep(examined):
                details = _job(job, attributes, users, task_ids, note)
                if steps:
                    details["steps"] = {
                        str(name): _step(step, self._unreadable.of("step", f"{number}.{name}"))
                        for name, step in job.steps.items()
                    }
                found[int(number)] = (examined, details)
        return found

    def _array_task_ids(self, loaded: Mapping[int, Any]) -> dict[int, Optional[int]]:
        """Return the task ids of those array jobs for which pyslurm returns None: it reads 0 as not set.

        A job with its own id is a task that has started: its task id is 0. A job with the id of its array can also be
        the rest of an array that was cancelled before it started, which has no task id. squeue tells them apart.
        """
        unset = [job for job in loaded.values() if job.array_id and not job.array_tasks_waiting]
        unset = [job for job in unset if job.array_task_id is None]
        found: dict[int, Optional[int]] = {job.id: 0 for job in unset}
        doubtful = [job.id for job in unset if job.id == job.array_id]
        if doubtful:
            output = self._run("squeue", "--noheader", "--all", "--states=all", "--format=%A %K")
            tasks = dict(line.split() for line in output.splitlines())
            found.update({number: 0 if tasks.get(str(number)) == "0" else None for number in doubtful})
        return found

    def job_attributes(self) -> list[str]:
        """Return the names of the attributes that a job has, sorted."""
        return [name for name in properties(self._pyslurm().Job) if name not in _SEPARATE]


def _job(
    job: Any, attributes: Collection[str], users: dict[int, Any], task_ids: Mapping[int, Optional[int]], note: Note
) -> dict[str, Any]:
    """Return attributes of a job.

    :param users: a cache of user names: pyslurm looks the user up once for each job.
    :param task_ids: array task ids by job id, where pyslurm returns None.
    """
    found = record(job, [name for name in attributes if name != "user_name"], note)
    if "user_name" in attributes:
        if job.user_id not in users:
            users[job.user_id] = plain(job.user_name)
        found["user_name"] = users[job.user_id]
    if "array_task_id" in found and found["array_task_id"] is None:
        found["array_task_id"] = task_ids.get(job.id)
    # pyslurm reads 0 as not set.
    if "heterogeneous_offset" in found and found["heterogeneous_offset"] is None and job.heterogeneous_id:
        found["heterogeneous_offset"] = 0
    return found


def _step(step: Any, note: Note) -> dict[str, Any]:
    return record(step, [name for name in properties(type(step)) if name not in _SEPARATE], note)
