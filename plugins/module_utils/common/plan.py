# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a module: all changes, worked out before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional


class Change(NamedTuple):
    """A field of an object with its value before and after."""

    object: str
    field: str
    before: Any
    after: Any


class Plan(NamedTuple):
    """The plan of a module.

    :param result: the predicted result of the module, without C(changed) and C(diff).
    :param changes: every difference between the present and the wanted state; without one, nothing is written.
    :param writes: the calls that make the changes.
    :param read_back: returns the result after the writes, with the same keys.
    :param warnings: warnings for the user, also where nothing changes.
    :param wait: waits for the effect of the writes, and returns more keys of the result.
    """

    result: dict[str, Any]
    changes: Sequence[Change] = ()
    writes: Sequence[Callable[[], None]] = ()
    read_back: Optional[Callable[[], dict[str, Any]]] = None
    warnings: Sequence[str] = ()
    wait: Optional[Callable[[], dict[str, Any]]] = None


def diff_of(changes: Sequence[Change]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return changes as Ansible's diff: in C(before) and in C(after) the changed fields by object."""
    sides: dict[str, dict[str, dict[str, Any]]] = {"before": {}, "after": {}}
    for change in changes:
        sides["before"].setdefault(change.object, {})[change.field] = change.before
        sides["after"].setdefault(change.object, {})[change.field] = change.after
    return sides
