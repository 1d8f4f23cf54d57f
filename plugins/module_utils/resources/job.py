# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs: which of them a task asks for, and what it gets to know of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from ..adapter.errors import SlurmError
from ..adapter.slurm import Slurm
from ..common import hostlist
from ..common.names import expect_known
from ..common.plan import Plan

# Attributes that hold a hostlist: a criterion names a node of it.
NODE_ATTRIBUTES = frozenset(("allocated_nodes", "required_nodes", "excluded_nodes", "scheduled_nodes"))
# What job ids are compared with.
ID_ATTRIBUTES = (
    "id",
    "array_id",
    "array_task_id",
    "array_tasks_waiting",
    "heterogeneous_id",
    "heterogeneous_offset",
)
_JOB_ID = re.compile(r"(?P<job>\d+)(?:_(?P<task>\d+)|\+(?P<component>\d+))?")

Test = Callable[[dict[str, Any]], bool]


class JobId(NamedTuple):
    """A job id as squeue(1) takes it: C(123) (with an array's tasks and a het job's components), C(123_4), C(123+1)."""

    text: str
    job: int
    task: Optional[int]
    component: Optional[int]

    @classmethod
    def parse(cls, text: str) -> JobId:
        """:raises SlurmError: for what is no job id."""
        match = _JOB_ID.fullmatch(text.strip())
        if not match:
            raise SlurmError(f"not a job id: {text!r}; write 123, 123_4 for an array's task or 123+1 for a component")
        task, component = (None if part is None else int(part) for part in match.group("task", "component"))
        return cls(text.strip(), int(match["job"]), task, component)

    def covers(self, job: dict[str, Any]) -> bool:
        """Tell whether a job, by its L(ID_ATTRIBUTES), is meant."""
        if self.task is not None:
            waiting = tasks_of(job["array_tasks_waiting"])
            return job["array_id"] == self.job and (job["array_task_id"] == self.task or self.task in waiting)
        if self.component is not None:
            return bool(job["heterogeneous_id"] == self.job and job["heterogeneous_offset"] == self.component)
        return self.job in (job["id"], job["array_id"], job["heterogeneous_id"])


def tasks_of(text: Optional[str]) -> frozenset[int]:
    """Return the task ids of an array that have not started, from Slurm's notation C(1,5,7-9) or C(0-8:2%3)."""
    tasks: set[int] = set()
    for part in (text or "").partition("%")[0].split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if match:  # squeue shortens long ones with "...", which names no task
            low, high, step = match.groups()
            tasks.update(range(int(low), int(high or low) + 1, int(step or 1)))
    return frozenset(tasks)


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_job_info: a reading, nothing else."""
    known = slurm.job_attributes()
    attributes = expect_known("a job", "attribute", params["attributes"], known)
    criteria = _criteria(params)
    expect_known("a job", "attribute", list(criteria), known)
    ids = [JobId.parse(text) for text in params["job_ids"] or []]
    tests = [_test(name, values) for name, values in criteria.items()]
    meant = _meant(ids)
    if params["job_ids"] is not None:
        tests.append(lambda job: bool(meant(job)))
    if params["nodes"] is not None:
        on = frozenset(hostlist.from_option(params["nodes"]))
        tests.append(lambda job: bool(on & _nodes(job["allocated_nodes"])))

    needed = {
        *criteria,
        *(ID_ATTRIBUTES if ids else ()),
        *(("allocated_nodes",) if params["nodes"] is not None else ()),
    }
    found = slurm.jobs(
        needed={"id", *needed},
        keep=lambda job: all(test(job) for test in tests),
        attributes=known if attributes is None else attributes,
        steps=params["steps"],
    )
    there = {wanted for job, _details in found.values() for wanted in meant(job)}
    missing = [wanted.text for wanted in ids if wanted not in there]
    jobs = {str(number): details for number, (_job, details) in sorted(found.items())}
    return Plan({"jobs": jobs, "job_ids": sorted(found), "missing": missing})


def _meant(ids: Iterable[JobId]) -> Callable[[dict[str, Any]], list[JobId]]:
    """Return the search for those of the ids that mean a job: by number, as there may be many of both."""
    by_number: dict[int, list[JobId]] = {}
    for wanted in ids:
        by_number.setdefault(wanted.job, []).append(wanted)
    if not by_number:
        return lambda job: []

    def meant(job: dict[str, Any]) -> list[JobId]:
        numbers = {job["id"], job["array_id"], job["heterogeneous_id"]}
        return [wanted for number in numbers for wanted in by_number.get(number, ()) if wanted.covers(job)]

    return meant


def _criteria(params: dict[str, Any]) -> dict[str, list[Any]]:
    """Return what must hold, an attribute with the values it may have; the options for common ones are criteria too."""
    criteria = {
        name: value if isinstance(value, list) else [value] for name, value in (params["criteria"] or {}).items()
    }
    for option, attribute in (("states", "state"), ("users", "user_name"), ("partitions", "partition")):
        if params[option] is not None:
            if attribute in criteria:
                raise SlurmError(f"{option} and the criterion {attribute} say the same: leave one of them out")
            criteria[attribute] = params[option]
    return criteria


def _test(attribute: str, values: Iterable[Any]) -> Test:
    wanted = {_comparable(value) for value in values}
    if attribute in NODE_ATTRIBUTES:
        nodes = {node for value in values for node in (hostlist.expand(str(value)) if value else [None])}
        return lambda job: bool(nodes & (_nodes(job[attribute]) or {None}))
    if attribute == "state":
        wanted = {str(value).upper() for value in wanted}

    def holds(job: dict[str, Any]) -> bool:
        value = job[attribute]
        if isinstance(value, (list, dict)):  # of a list, or of a mapping's keys, one is enough
            return bool(wanted & {_comparable(item) for item in value}) or (not value and None in wanted)
        return _comparable(value) in wanted

    return holds


def _comparable(value: Any) -> Any:
    """Return a value such that 1000 and "1000" are the same, and true and "true"; null stays what it is."""
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nodes(text: Optional[str]) -> frozenset[Optional[str]]:
    return frozenset(hostlist.expand(text)) if text else frozenset()
