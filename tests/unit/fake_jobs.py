# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of the fake cluster, with what sbatch and scancel do to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.ids import JobId, parse_tasks

NEW_JOB: dict[str, Any] = {
    "id": 0,
    "array_id": None,
    "array_task_id": None,
    "array_tasks_waiting": None,
    "heterogeneous_id": None,
    "heterogeneous_offset": None,
    "allocated_nodes": None,
    "required_nodes": None,
    "excluded_nodes": None,
    "scheduled_nodes": None,
    "state": "PENDING",
    "state_reason": None,
    "user_name": "slurm",
    "partition": "main",
    "name": "wrap",
    "account": None,
    "batch_host": None,
    "comment": None,
    "num_nodes": 1,
    "is_batch_job": True,
    "licenses": [],
    "gres": {},
    "reservation": None,
    "time_limit": None,
    "end_time": None,
}


class Jobs:
    """The jobs of a cluster, by id."""

    def __init__(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        self.records: dict[int, dict[str, Any]] = {job["id"]: {**NEW_JOB, **job} for job in jobs}

    def submit(self, words: Iterable[str], user: str) -> int:
        first = max(self.records, default=0) + 1
        components = " ".join(words).split(" : ")
        for offset, component in enumerate(components):
            options = dict(word.removeprefix("--").partition("=")[::2] for word in component.split())
            job = _submitted(options, user)
            if len(components) > 1:
                job.update(heterogeneous_id=first, heterogeneous_offset=offset)
            self._add(first + offset, job, options.get("array"))
        return first

    def _add(self, number: int, job: dict[str, Any], array: Optional[str]) -> None:
        if array is None:
            self.records[number] = {**job, "id": number}
            return
        tasks = parse_tasks(array)
        job["array_id"] = number
        if job["state"] == "PENDING":
            self.records[number] = {**job, "id": number, "array_tasks_waiting": format_tasks(tasks)}
            return
        # Each task that starts becomes a job, and the last one has the id of the array.
        *others, last = sorted(tasks)
        self.records[number] = {**job, "id": number, "array_task_id": last}
        for task in others:
            own = max(self.records) + 1
            self.records[own] = {**job, "id": own, "array_task_id": task}

    def cancel(self, text: str) -> None:
        job_id = JobId.parse(text)
        for job in [job for job in self.records.values() if job_id.selects(job)]:
            waiting = parse_tasks(job["array_tasks_waiting"]) - {job_id.task}
            if job_id.task is not None and job["array_tasks_waiting"]:
                # A task that has not started leaves its array; without any, the array keeps its record.
                job["array_tasks_waiting"] = format_tasks(waiting)
            if job_id.task is None or not waiting:
                job["state"] = "CANCELLED"


def format_tasks(tasks: Iterable[int]) -> Optional[str]:
    """Return task ids as Slurm does: as C(0-99:3) if there are more than five at equal distances, or as C(1-3,5)."""
    ordered = sorted(tasks)
    if not ordered:
        return None
    first, last = ordered[0], ordered[-1]
    steps = {after - before for before, after in zip(ordered, ordered[1:])}
    if len(ordered) > 5 and last - first > 10 and len(steps) == 1 and steps != {1}:
        return f"{first}-{last}:{steps.pop()}"
    starts = [task for task in ordered if task - 1 not in tasks]
    ends = [task for task in ordered if task + 1 not in tasks]
    return ",".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends))


def _submitted(options: Mapping[str, str], user: str) -> dict[str, Any]:
    nodes = options.get("nodelist")
    running = nodes is not None and "hold" not in options
    return {
        **NEW_JOB,
        "user_name": user,
        "account": options.get("account"),
        "required_nodes": nodes,
        "excluded_nodes": options.get("exclude"),
        "comment": options.get("comment"),
        "reservation": options.get("reservation"),
        "state": "RUNNING" if running else "PENDING",
        "state_reason": None if running else "JobHeldUser",
        "allocated_nodes": nodes if running else None,
        "batch_host": nodes if running else None,
    }
