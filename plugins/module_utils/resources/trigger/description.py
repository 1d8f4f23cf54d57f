# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trigger as a task describes it, and the comparison with the triggers of the controller."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...common import hostlist
from ...common.trigger_events import CLASSES, RESOURCES, class_of

Trigger = dict[str, Any]

ALL_NODES = "*"
# The most words of a program, including the hostlist that slurmctld appends (slurmctld's trigger_mgr.c).
MAX_WORDS = 62
FIELDS = ("event", "resource", "resource_id", "offset", "permanent", "program", "user")


class Wanted(NamedTuple):
    """A trigger as a task describes it; C(nodes) is empty for all nodes."""

    event: str
    resource: str
    nodes: frozenset[str]
    job_id: Optional[str]
    offset: int
    permanent: bool
    program: str

    def selectors(self) -> list[str]:
        """Return the options of strigger that select what fires the trigger."""
        if self.resource == "job":
            return [f"--jobid={self.job_id}", f"--{self.event}"]
        if self.resource != "node" or self.event == "reconfig":
            return [f"--{self.event}"]
        return [f"--node={hostlist.fold(self.nodes)}" if self.nodes else "--node", f"--{self.event}"]

    def record(self, user: str) -> dict[str, Any]:
        """Return the trigger as the controller will list it, except for its id."""
        where = self.job_id or (hostlist.fold(self.nodes) if self.nodes else ALL_NODES)
        return {**self._asdict(), "id": None, "resource_id": where, "user": user}


def describe(params: dict[str, Any]) -> Wanted:
    """Return the trigger that a task's options describe.

    :raises SlurmError: for a combination that Slurm refuses, or that would lose events.
    """
    given = [name for name in ("trigger_ids", "user") if params[name] is not None]
    if given:
        raise SlurmError(
            f"{', '.join(given)} is for state=absent: Slurm gives a new trigger its id, and it belongs to this user"
        )
    event, job_id = params["event"], job_number(params["job_id"])
    nodes = frozenset(hostlist.from_option(params["nodes"] or []))
    resource = _resource(event, job_id, nodes)
    permanent = params["permanent"] if params["permanent"] is not None else resource == "node"
    offset = params["offset"] or 0
    if permanent and offset:
        raise SlurmError(
            "permanent with an offset loses events: slurmctld drops events that occur during the offset; "
            "set permanent: false, or leave offset out"
        )
    if permanent and resource == "job":
        raise SlurmError("a job's trigger cannot be permanent: it ends with the job; leave permanent out")
    return Wanted(event, resource, nodes, job_id, offset, permanent, _program(params["program"]))


def job_number(job_id: Optional[str]) -> Optional[str]:
    """Return a job id as strigger lists it.

    :raises SlurmError: for an id such as C(123_4), for which strigger would set a trigger for the whole array.
    """
    if job_id is None:
        return None
    if not re.fullmatch(r"[0-9]+", job_id.strip()):
        raise SlurmError(
            f"job_id is not a number: {job_id!r}; a trigger is about a whole array, or about a task that has started "
            "by the task's own number (squeue --format=%A)"
        )
    return str(int(job_id))


def _resource(event: str, job_id: Optional[str], nodes: frozenset[str]) -> str:
    class_ = class_of(event) if job_id is None else "job"
    if event not in CLASSES[class_]:
        raise SlurmError(f"a job has no event {event}; there are: {', '.join(CLASSES['job'])}")
    if nodes and job_id is not None:
        raise SlurmError("nodes and job_id exclude each other: a trigger is about nodes or about a job")
    if nodes and (class_ not in ("node", "job") or event == "reconfig"):
        raise SlurmError(f"the event {event} is not about nodes: leave nodes out")
    if class_ == "job" and job_id is None:
        raise SlurmError(f"the event {event} is about a job: give its job_id")
    return RESOURCES.get(class_, class_)


def _program(program: str) -> str:
    """Return a program as strigger lists it. slurmctld splits it at blanks and knows no quoting.

    :raises SlurmError: for a program that slurmctld cannot run.
    """
    words = program.split()
    if not words or not words[0].startswith("/"):
        raise SlurmError(f"program must start with an absolute path, this is {program!r}")
    if not program.strip().isprintable():
        raise SlurmError(f"program has control characters: {program!r}")
    if len(words) > MAX_WORDS:
        raise SlurmError(f"program has {len(words)} words, slurmctld passes {MAX_WORDS}: put them into a script")
    quoted = [word for word in words if set(word) & set("'\"\\")]
    if quoted:
        raise SlurmError(
            f"program has quotes or backslashes ({quoted[0]}), which slurmctld passes on as they are: it splits at "
            "blanks only; put the command into a script"
        )
    return program.strip()  # strigger does not show blanks at the ends


def is_same(wanted: Wanted, trigger: dict[str, Any]) -> bool:
    """Tell whether a trigger of the controller is the described one."""
    return (
        all(trigger[name] == getattr(wanted, name) for name in ("event", "resource", "offset", "permanent", "program"))
        and (wanted.resource != "node" or _nodes(trigger) == wanted.nodes)
        and (wanted.resource != "job" or trigger["resource_id"] == wanted.job_id)
    )


def _nodes(trigger: dict[str, Any]) -> Optional[frozenset[str]]:
    """Return the nodes of a trigger, empty for all nodes; None when the trigger is not about nodes."""
    if trigger["resource"] != "node":
        return None
    nodes = trigger["resource_id"]
    return frozenset() if nodes == ALL_NODES else frozenset(hostlist.expand(nodes))


def matches_options(trigger: Trigger, params: dict[str, Any]) -> bool:
    """Tell whether a trigger matches every option of a task with state=absent."""
    ids, nodes = params["trigger_ids"], params["nodes"]
    job_id = job_number(params["job_id"])
    checks = (
        ids is None or trigger["id"] in ids,
        nodes is None or _nodes(trigger) == frozenset(hostlist.from_option(nodes)),
        job_id is None or (trigger["resource"], trigger["resource_id"]) == ("job", job_id),
        all(params[name] is None or trigger[name] == params[name] for name in ("event", "offset", "permanent", "user")),
        params["program"] is None or trigger["program"].strip() == params["program"].strip(),
        pattern_filter("purge_matching", params["purge_matching"])(trigger["program"]),
    )
    return all(checks)


def pattern_filter(option: str, expression: Optional[str]) -> Callable[[str], bool]:
    """Return a test for a regular expression; without one, every text passes."""
    if expression is None:
        return lambda text: True
    try:
        search = re.compile(expression).search
    except re.error as error:
        raise SlurmError(f"{option} is not a regular expression: {expression!r}: {error}") from None
    return lambda text: search(text) is not None
