# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Triggers, through strigger: pyslurm cannot set a permanent trigger, and cannot clear a trigger safely."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from .connection import Connection
from .errors import SlurmError

# A line of strigger --get. A column may be wider than its heading, and the flags column is blank for a trigger without
# flags; a program is an absolute path with arguments (strigger(1)).
_TRIGGER = re.compile(
    r"\s*(?P<id>\d+) (?P<resource>\S+)\s+(?P<resource_id>\S+) (?P<event>\S+)\s+(?P<offset>-?\d+) (?P<user>\S+)\s+"
    r"(?P<flags>(?!/)\S+)?\s*(?P<program>/.*)"
)


class TriggerRequests(Connection):
    """Requests about triggers."""

    def triggers(self) -> list[dict[str, Any]]:
        """Return all triggers of all users.

        Each has C(id), C(resource) (C(node), C(job), C(slurmctld), ...), C(resource_id) (C(*) for all nodes),
        C(event), C(offset) in seconds, C(user), C(permanent) and C(program).
        """
        return parse_triggers(self._run("strigger", "--get", "--noheader"))

    def set_trigger(self, *, selectors: Iterable[str], offset: int, permanent: bool, program: str) -> None:
        """Set a trigger. The controller does not return its id: call L(triggers) for it.

        :param selectors: the options of strigger that select what fires it, such as C(--node) and C(--down).
        """
        options = ["--set", *selectors, f"--program={program}"]
        options += [f"--offset={offset}"] if offset else []
        options += ["--flags=perm"] if permanent else []
        self._run("strigger", *options)

    def clear_trigger(self, trigger_id: int) -> None:
        """Remove a trigger. It is no error if the trigger does not exist any more."""
        try:
            self._run("strigger", "--clear", f"--id={trigger_id}")
        except SlurmError as error:
            if "No such process" not in error.message:  # ESRCH
                raise

    def executable(self, path: str) -> bool:
        """Return whether this user can run a trigger's program on this host."""
        return os.path.isfile(path) and os.access(path, os.X_OK)


def parse_triggers(output: str) -> list[dict[str, Any]]:
    """Return the triggers that C(strigger --get --noheader) prints.

    A program may have line breaks, although slurmctld cannot run it then: a line that is not a trigger belongs to the
    program before it.

    :raises SlurmError: for a first line that is not a trigger.
    """
    programs: list[tuple[re.Match[str], list[str]]] = []
    for line in output.removesuffix("\n").split("\n") if output else ():
        if match := _TRIGGER.fullmatch(line):
            programs.append((match, [match["program"]]))
        elif programs:
            programs[-1][1].append(line)
        else:
            raise SlurmError(f"cannot read this line of strigger --get: {line!r}", call="strigger --get")
    return [_trigger(match, "\n".join(lines)) for match, lines in programs]


def _trigger(match: re.Match[str], program: str) -> dict[str, Any]:
    fields: dict[str, Any] = {**match.groupdict(), "program": program}
    fields["permanent"] = "PERM" in (fields.pop("flags") or "")
    fields.update(id=int(fields["id"]), offset=int(fields["offset"]))
    if fields["resource_id"] == "(null)":  # what strigger shows for a burst buffer
        fields["resource_id"] = "*"
    return fields
