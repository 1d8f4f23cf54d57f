# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Triggers, through strigger: pyslurm sets none that are permanent, and clears none safely."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from .connection import Connection
from .errors import SlurmError

# A line of strigger --get. Its columns may be wider than usual, and that of the flags is blank when there are none;
# a program is an absolute path with arguments (strigger(1)).
_TRIGGER = re.compile(
    r"\s*(?P<id>\d+) (?P<resource>\S+)\s+(?P<resource_id>\S+) (?P<event>\S+)\s+(?P<offset>-?\d+) (?P<user>\S+)\s+"
    r"(?P<flags>(?!/)\S+)?\s*(?P<program>/.*)"
)


class TriggerRequests(Connection):
    """Requests about triggers."""

    def triggers(self) -> list[dict[str, Any]]:
        """Return the triggers that are set, of all users.

        Each with C(id), C(resource) (C(node), C(job), C(slurmctld), ...), C(resource_id) (C(*) for all nodes),
        C(event), C(offset) in seconds, C(user), C(permanent) and C(program).
        """
        return [parse_trigger(line) for line in self._run("strigger", "--get", "--noheader").splitlines()]

    def set_trigger(self, *, selectors: Iterable[str], offset: int, permanent: bool, program: str) -> None:
        """Set a trigger. The controller does not return its id: L(triggers) has it.

        :param selectors: the options of strigger that say what fires it, such as C(--node) and C(--down).
        """
        options = ["--set", *selectors, f"--program={program}"]
        options += [f"--offset={offset}"] if offset else []
        options += ["--flags=perm"] if permanent else []
        self._run("strigger", *options)

    def clear_trigger(self, trigger_id: int) -> None:
        """Remove a trigger; one that does not exist any more is no failure."""
        try:
            self._run("strigger", "--clear", f"--id={trigger_id}")
        except SlurmError as error:
            if "No such process" not in error.message:  # ESRCH
                raise

    def executable(self, path: str) -> bool:
        """Return whether this user can run a trigger's program on this host."""
        return os.path.isfile(path) and os.access(path, os.X_OK)


def parse_trigger(line: str) -> dict[str, Any]:
    """Return a line of C(strigger --get --noheader) as a trigger.

    :raises SlurmError: for a line that cannot be read.
    """
    match = _TRIGGER.fullmatch(line.rstrip())
    if not match:
        raise SlurmError(f"cannot read this line of strigger --get: {line!r}", call="strigger --get")
    fields: dict[str, Any] = match.groupdict()
    fields["permanent"] = "PERM" in (fields.pop("flags") or "")
    fields.update(id=int(fields["id"]), offset=int(fields["offset"]))
    if fields["resource_id"] == "(null)":  # as strigger shows that of a burst buffer's trigger
        fields["resource_id"] = "*"
    return fields
