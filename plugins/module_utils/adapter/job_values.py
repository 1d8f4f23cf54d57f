# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes of jobs and steps that pyslurm reads wrongly or not at all, from what Slurm's commands print."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Optional

from .gres import gres_count, parse_gres

# Fields of squeue --Format that hold trackable resources, by the attribute of pyslurm with the same text.
TRES_FIELDS = {
    "cpus_per_tres": "cpus-per-tres",
    "memory_per_tres": "mem-per-tres",
    "tres_per_job": "tres-per-job",
    "tres_per_node": "tres-per-node",
    "tres_per_socket": "tres-per-socket",
    "tres_per_task": "tres-per-task",
}
# Fields of squeue --Format, by the names under which they are kept here.
_FIELDS = {"array_task_id": "ArrayTaskID", "cpus_per_task": "cpus-per-task", **TRES_FIELDS}
_UNSET = ("", "N/A", "(null)")
STEP_TRES = ("tres_per_node", "tres_per_socket", "tres_per_step", "tres_per_task")
# A name and a count, such as gres/gpu:tesla:2, cpu=4 or mem:1G.
_TRES = re.compile(r"(?P<name>[^=]+?)(?:[:=](?P<count>\d+[KMGTP]?))?", re.IGNORECASE)
_ALLOCATED = re.compile(r"([^,(]+)(?:\(([^)]*)\))?")

Texts = Mapping[str, Optional[str]]


# What to make of the value that pyslurm returns for an attribute of a job.
CORRECTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "billable_tres": lambda value, job: value if job.allocated_tres else None,
    # pyslurm reads 0 as not set.
    "heterogeneous_offset": lambda value, job: (value or 0) if job.heterogeneous_id else None,
    # Without a file of its own the standard error goes to the standard output.
    "standard_error": lambda value, job: value or None,
}


class JobValues:
    """The attributes of jobs that Slurm's commands print. A command runs when the first job needs it.

    :param run: runs a command with its arguments and returns the output.
    """

    def __init__(self, run: Callable[..., str]) -> None:
        self._run = run
        self.attributes: dict[str, Callable[[Any], Any]] = {
            "array_task_id": self._array_task_id,
            "cpus_per_gpu": lambda job: _of_gpu(self._texts(job)["cpus_per_tres"]),
            "cpus_per_task": lambda job: int(self._texts(job)["cpus_per_task"] or 0) or None,
            "gpus": lambda job: {name: count for name, count in self._gres(job).items() if _is_gpu(name)},
            "gres": self._gres,
            "gres_per_node": lambda job: parse_gres(self._texts(job)["tres_per_node"] or ""),
            "memory": _memory,
            "memory_per_gpu": lambda job: _of_gpu(self._texts(job)["memory_per_tres"]),
            **{name: self._tres(name) for name in TRES_FIELDS if name.startswith("tres_")},
        }
        """How to read an attribute, from a job of pyslurm."""

    @cached_property
    def _squeue(self) -> dict[int, Texts]:
        fields = ",".join(f"{field}:|" for field in ("JobID", *_FIELDS.values()))
        return parse_squeue(self._run("squeue", "--noheader", "--all", "--states=all", f"--Format={fields}"))

    @cached_property
    def _allocated(self) -> dict[int, dict[str, int]]:
        # There is no such field of squeue, and the text of scontrol cannot be told from names and comments in it.
        output = self._run("scontrol", "--all", "--details", "show", "jobs", "--json")
        jobs = json.loads(output, strict=False)["jobs"]
        return {job["job_id"]: parse_gres_detail(job["gres_detail"]) for job in jobs}

    def _texts(self, job: Any) -> Texts:
        return self._squeue.get(job.id) or dict.fromkeys(_FIELDS)

    def _tres(self, name: str) -> Callable[[Any], Optional[dict[str, int]]]:
        return lambda job: parse_tres(self._texts(job)[name])

    def _gres(self, job: Any) -> dict[str, int]:
        """Return the generic resources that a running job has; most are not in the job's TRES."""
        asked = any("gres/" in (self._texts(job)[name] or "") for name in TRES_FIELDS)
        return self._allocated.get(job.id, {}) if asked and job.state == "RUNNING" else {}

    def _array_task_id(self, job: Any) -> Optional[int]:
        """Return the id of a task, of which pyslurm reads 0 as not set.

        A job with its own id is a task that has started. A job with the id of its array can also be the rest of an
        array that was cancelled before it started, which has no task id.
        """
        found: Optional[int] = job.array_task_id
        if found is not None or not job.array_id or job.array_tasks_waiting:
            return found
        if job.id != job.array_id:
            return 0
        return 0 if self._texts(job)["array_task_id"] == "0" else None


def parse_squeue(output: str) -> dict[int, Texts]:
    """Return what squeue prints of the job's id and C(_FIELDS), by job id; None for a field that is not set."""
    found: dict[int, Texts] = {}
    for line in output.splitlines():
        number, *texts = line.split("|")
        found[int(number)] = {name: None if text in _UNSET else text for name, text in zip(_FIELDS, texts)}
    return found


def parse_steps(output: str) -> dict[str, dict[str, Any]]:
    """Return attributes of steps by their ids, such as C(12.batch), from C(scontrol show steps --json)."""
    return {
        step["id"]: {
            "array_task_id": step["array"]["task_id"] if step["array"]["job_id"] else None,
            "cpus": step["number_cpus"] or None,
            **{name: parse_tres(step["tres"]["per"][name.rpartition("_")[2]]) for name in STEP_TRES},
        }
        for step in json.loads(output, strict=False)["steps"]
    }


def parse_tres(text: Optional[str]) -> Optional[dict[str, int]]:
    """Return counts by name from a text such as C(gres/gpu:tesla:2,cpu=4); without a count it is 1."""
    if not text:
        return None
    matches = filter(None, (_TRES.fullmatch(item) for item in text.split(",")))
    return {match["name"]: gres_count(match["count"] or "1") for match in matches}


def parse_gres_detail(details: Iterable[str]) -> dict[str, int]:
    """Return the generic resources of a job by name, the sum over its nodes.

    :param details: a text for each node, such as C(gpu:tesla:2(IDX:0-1),bandwidth:lustre(CNT:1G)).
    """
    found: dict[str, int] = {}
    for item, appended in (match for text in details for match in _ALLOCATED.findall(text)):
        text = f"{item}:{appended.removeprefix('CNT:')}" if appended.startswith("CNT:") else item
        for name, count in parse_gres(text).items():
            found[name] = found.get(name, 0) + count
    return {name: count for name, count in found.items() if count}


def _memory(job: Any) -> Optional[int]:
    """Return the memory of all nodes in MiB; pyslurm leaves out what is asked for each GPU."""
    tres = job.tres
    return tres.mem.count if tres and tres.mem else job.memory  # type: ignore[no-any-return]


def _of_gpu(text: Optional[str]) -> Optional[int]:
    counts = [count for name, count in (parse_tres(text) or {}).items() if _is_gpu(name.removeprefix("gres/"))]
    return counts[0] if counts else None


def _is_gpu(name: str) -> bool:
    return name.partition(":")[0] == "gpu"
