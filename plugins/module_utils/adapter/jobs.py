# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs and their steps, read with pyslurm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from .connection import Connection
from .error_numbers import translated
from .job_values import CORRECTIONS, JobValues, parse_steps
from .values import Note, plain, properties, record, value_or_note

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
        values = JobValues(self._run)
        step_values = parse_steps(self._run("scontrol", "show", "steps", "--json")) if steps else {}
        users: dict[int, Any] = {}
        found = {}
        for number, job in loaded.items():
            note = self._unreadable.of("job", number)
            examined = _job(job, needed, users, values, note)
            if keep(examined):
                details = _job(job, attributes, users, values, note)
                if steps:
                    details["steps"] = self._steps(job, step_values)
                found[int(number)] = (examined, details)
        return found

    def _steps(self, job: Any, values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        found = {}
        for name, step in job.steps.items():
            number = f"{job.id}.{name}"
            found[str(name)] = _step(step, values.get(number, {}), self._unreadable.of("step", number))
        return found

    def job_attributes(self) -> list[str]:
        """Return the names of the attributes that a job has, sorted."""
        return [name for name in properties(self._pyslurm().Job) if name not in _SEPARATE]


def _job(job: Any, attributes: Collection[str], users: dict[int, Any], values: JobValues, note: Note) -> dict[str, Any]:
    """Return attributes of a job.

    :param users: a cache of user names: pyslurm looks the user up once for each job.
    :param values: the attributes that pyslurm does not read soundly.
    """
    found = record(job, [name for name in attributes if name != "user_name" and name not in values.attributes], note)
    if "user_name" in attributes:
        if job.user_id not in users:
            users[job.user_id] = plain(job.user_name)
        found["user_name"] = users[job.user_id]
    for name in CORRECTIONS.keys() & found.keys():
        found[name] = CORRECTIONS[name](found[name], job)
    for name in values.attributes.keys() & set(attributes):
        found[name] = value_or_note(name, partial(values.attributes[name], job), note)
    return found


def _step(step: Any, values: Mapping[str, Any], note: Note) -> dict[str, Any]:
    """Return the attributes of a step.

    :param values: the attributes that pyslurm does not read soundly.
    """
    names = [name for name in properties(type(step)) if name not in _SEPARATE]
    found = {**record(step, names, note), **values}
    # pyslurm splits the hostlist at its commas, and counts a CPU where Slurm counts none.
    found["allocated_nodes"] = ",".join(found["allocated_nodes"]) or None
    found["elapsed_cpu_time"] = found["cpus"] and found["run_time"] * found["cpus"]
    return found
