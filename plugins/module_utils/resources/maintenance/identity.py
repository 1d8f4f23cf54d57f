# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a maintenance marks what is its own in Slurm: reservations by their comment, drains by their reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError

PROGRAM = "hpc.slurm.maintenance"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Characters of a reason: sinfo and squeue show lists of them.
LONGEST = 200


class Identity(NamedTuple):
    """A maintenance.

    :param name: its name. The same name is the same maintenance, also in a later run.
    """

    name: str

    @classmethod
    def of(cls, name: str) -> Identity:
        """Return the maintenance of a name.

        :raises SlurmError: for a name that would not be one word in a reservation's name.
        """
        if not _NAME.fullmatch(name):
            raise SlurmError(
                f"name is the name of a maintenance, such as kernel-2027-01: letters, digits, ., _ and -, at most 64: "
                f"this is {name!r}"
            )
        return cls(name)

    @property
    def mark(self) -> str:
        """The beginning of every comment and reason."""
        return f"{PROGRAM} {self.name}"

    @property
    def failure_mark(self) -> str:
        """The beginning of the reason of a node whose work has failed."""
        return f"{self.mark} failed"

    def text(self, more: Optional[str]) -> str:
        """Return the comment of a reservation, or the reason of a drain."""
        return _text(self.mark, more)

    def failure(self, why: Optional[str]) -> str:
        """Return the reason of a node whose work has failed."""
        return _text(self.failure_mark, why)

    def reservation(self, node: str) -> str:
        """Return the name of a node's own reservation."""
        return f"{self.name}-{node}"

    def owns(self, reservation: Mapping[str, Any]) -> bool:
        return _begins(self.mark, reservation["comment"])

    def owns_drain(self, state: Iterable[str], reason: Optional[str]) -> bool:
        return "DRAIN" in state and (_begins(self.mark, reason) or _begins(self.failure_mark, reason))

    def has_failed(self, state: Iterable[str], reason: Optional[str]) -> bool:
        return "DRAIN" in state and _begins(self.failure_mark, reason)


def _text(mark: str, more: Optional[str]) -> str:
    words = " ".join((more or "").split())
    return f"{mark}: {words}"[:LONGEST] if words else mark


def _begins(mark: str, text: Optional[str]) -> bool:
    """Tell whether a text has a mark. slurmctld appends to reasons after " : "."""
    given = text or ""
    return given == mark or given.startswith((f"{mark}: ", f"{mark} : "))
