# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists of who may use a reservation, or who may not: C(alice) allows, C(-alice) denies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...adapter.errors import SlurmError

# The fields that say who may use a reservation: Slurm requires one of them.
ACCESS = ("users", "accounts", "groups", "qos", "allowed_partitions")
# Lists that Slurm cannot clear, nor turn from an empty one into one of denied names.
_PERMANENT = ("qos", "allowed_partitions")


def expect_access(name: str, items: Sequence[str]) -> None:
    """Refuse a list that Slurm would read otherwise than as the set of these names."""
    denied = [item for item in items if item.startswith("-")]
    if added := [item for item in items if item.startswith("+")]:
        raise SlurmError(f"{name} is the whole list, {', '.join(added)} adds to one: leave the plus sign out")
    if denied and name == "groups":
        raise SlurmError(f"Slurm cannot deny groups: {', '.join(denied)}")
    if denied and len(denied) < len(items):
        raise SlurmError(f"{name} either allows or denies: {', '.join(items)} does both")


def expect_members(groups: Sequence[str], update: Mapping[str, str]) -> None:
    """Refuse a request in which groups take the place of users.

    slurmctld sets the members of the groups first and clears the users then, which it keeps in the same list: without
    accounting storage everybody could use the reservation, with it the request ends in an "Unspecified error".
    """
    if groups and "users" in update:
        raise SlurmError("Slurm cannot replace users by groups in one request: delete and create the reservation")


def access_update(name: str, before: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the value of the list in C(scontrol update reservation).

    A list without signs replaces any other. A denied name, C(-name), is added to those denied before, and C(+name)
    removes one of them.
    """
    if not wanted:
        return _cleared(name)
    if not _denies(wanted):
        return ",".join(wanted)
    if before and not _denies(before):
        _refuse(name, "turn a list of allowed names into one of denied names")
    if not before and name in _PERMANENT:
        _refuse(name, "add a list of denied names to an existing reservation")
    new = [item for item in wanted if item not in before]
    gone = [f"+{item[1:]}" for item in before if item not in wanted]
    return ",".join([*new, *gone])


def _cleared(name: str) -> str:
    if name in _PERMANENT:
        _refuse(name, "clear the list")
    return ""


def _denies(items: Sequence[str]) -> bool:
    return items[0].startswith("-")


def _refuse(name: str, what: str) -> None:
    raise SlurmError(f"{name}: Slurm cannot {what}: delete and create the reservation")
