# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module is about to do, worked out before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional


class Change(NamedTuple):
    """A field of an object: what it is and what it will be."""

    object: str
    field: str
    before: Any
    after: Any


class Plan(NamedTuple):
    """What a module is about to do.

    :param result: the module's result without C(changed) and C(diff), as predicted.
    :param changes: every difference between what is and what is wanted; without one, nothing is written.
    :param writes: the calls that make the changes.
    :param read_back: returns the result after the writes, with the same keys.
    :param warnings: for the user, whether anything changes or not.
    :param wait: waits for what follows the writes, and returns more keys of the result.
    """

    result: dict[str, Any]
    changes: Sequence[Change] = ()
    writes: Sequence[Callable[[], None]] = ()
    read_back: Optional[Callable[[], dict[str, Any]]] = None
    warnings: Sequence[str] = ()
    wait: Optional[Callable[[], dict[str, Any]]] = None


def diff_of(changes: Sequence[Change]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return changes as Ansible's diff: C(before) and C(after), each an object name with its changed fields."""
    sides: dict[str, dict[str, dict[str, Any]]] = {"before": {}, "after": {}}
    for change in changes:
        sides["before"].setdefault(change.object, {})[change.field] = change.before
        sides["after"].setdefault(change.object, {})[change.field] = change.after
    return sides
