# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flags of reservations (scontrol(1)), and which changes of each Slurm accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...common.names import expect_known
from ...common.times import seconds
from .nodes import is_all, is_chosen

# Flags as scontrol(1) shows them, and whether Slurm can remove one from a reservation.
FLAGS = {
    "ANY_NODES": True,
    "DAILY": True,
    "FLEX": True,
    "FORCE_START": False,
    "HOURLY": True,
    "IGNORE_JOBS": True,
    "MAGNETIC": True,
    "MAINT": True,
    "NO_HOLD_JOBS_AFTER_END": False,
    "OVERLAP": False,
    "PART_NODES": True,
    "PURGE_COMP": True,
    "REPLACE": False,
    "REPLACE_DOWN": False,
    "SKIP": False,
    "STATIC": True,
    "TIME_FLOAT": False,
    "USER_DELETE": True,
    "WEEKDAY": True,
    "WEEKEND": True,
    "WEEKLY": True,
}
# Other spellings that scontrol takes.
ALIASES = {
    "IGNORE_RUNNING": "IGNORE_JOBS",
    "MAINTENANCE": "MAINT",
    "NO_HOLD_JOBS_AFTER": "NO_HOLD_JOBS_AFTER_END",
    "STATIC_ALLOC": "STATIC",
    "USER_DEL": "USER_DELETE",
}
# Flags that Slurm sets on a new reservation only.
ONLY_NEW = ("FORCE_START", "TIME_FLOAT")
# Flags that need nodes that Slurm chose, and those of other requests: PART_NODES comes with nodes=ALL, SKIP skips once.
CHOSEN_ONLY = ("REPLACE", "REPLACE_DOWN")
NEVER_SET = ("PART_NODES", "SKIP")
# The time of PURGE_COMP when none is given, in seconds.
_PURGE = "PURGE_COMP"
PURGE_DEFAULT = 300
# Flags that Slurm sets by itself, from how the nodes were chosen and from the state of the reservation.
DERIVED_FLAGS = frozenset(("ALL_NODES", "PART_NODES", "SPEC_NODES", "SCHED_FAILED", "GRES_REQ"))

# Flags with which Slurm advances a reservation to its next occurrence when it has ended.
RECURRING = frozenset(("HOURLY", "DAILY", "WEEKLY", "WEEKDAY", "WEEKEND"))

DEFAULT_FLAGS = ("MAINT", "IGNORE_JOBS", "OVERLAP")


def as_flags(given: Iterable[str]) -> list[str]:
    """Return flags in Slurm's spelling, sorted; C(PURGE_COMP=00:05:00) keeps its time.

    :raises SlurmError: for an unknown flag, with similar ones.
    """
    flags = []
    for item in given:
        word, equals, value = item.strip().upper().partition("=")
        word = ALIASES.get(word, word)
        if word in DERIVED_FLAGS and word not in FLAGS:
            continue
        expect_known("a reservation", "flag", [word], FLAGS)
        if equals and word != _PURGE:
            raise SlurmError(f"the flag {word} has no value: {item!r}")
        flags.append(word + (f"={_clock(seconds(word, value) if equals else PURGE_DEFAULT)}" if word == _PURGE else ""))
    return sorted(set(flags))


def _clock(total: int) -> str:
    """Return seconds as Slurm shows them: C(00:05:00), C(2-00:00:30)."""
    minute, second = divmod(total, 60)
    hour, minute = divmod(minute, 60)
    day, hour = divmod(hour, 24)
    return (f"{day}-" if day else "") + f"{hour:02d}:{minute:02d}:{second:02d}"


def new_flags(params: Mapping[str, Any], nodes: Optional[list[str]]) -> list[str]:
    """Return the flags of a new reservation.

    :param nodes: its nodes; None where Slurm chooses them.
    """
    # With MAINT or OVERLAP Slurm would choose nodes that others have reserved; cores and licenses need no maintenance.
    default = DEFAULT_FLAGS if nodes and not is_chosen(params) else ()
    flags = wanted_flags(default if params["flags"] is None else params["flags"], params, nodes)
    if nodes:
        _expect_settable(flags, (*CHOSEN_ONLY, *NEVER_SET), "a reservation whose nodes are named")
    elif nodes is None:
        _expect_settable(flags, (*NEVER_SET, "ANY_NODES"), "a reservation whose nodes it is to choose")
    return flags


def wanted_flags(given: Iterable[str], params: Mapping[str, Any], nodes: Optional[list[str]]) -> list[str]:
    """Return the flags that a reservation of these nodes will have when these are given."""
    flags = set(as_flags(given))
    if is_all(params) and params["partition"]:
        flags.discard("PART_NODES")
    if nodes == []:
        flags.add("ANY_NODES")  # Slurm requires it
    return sorted(flags)


def _expect_settable(flags: Iterable[str], refused: Iterable[str], owner: str) -> None:
    """Refuse in check mode too what scontrol would refuse."""
    if wrong := sorted(set(flags) & set(refused)):
        raise SlurmError(f"Slurm does not set the flag {', '.join(wrong)} on {owner}")


def flag_update(before: list[str], wanted: list[str], named: bool) -> dict[str, str]:
    """Return what changes the flags of a reservation.

    :param named: whether its nodes are named, and not chosen by Slurm.
    """
    gone = [flag for flag in before if flag not in wanted]
    fixed = [flag for flag in gone if not FLAGS.get(flag.partition("=")[0], False)]
    if fixed:
        raise SlurmError(
            f"Slurm cannot remove the flag {', '.join(fixed)} from a reservation: name it in flags, or delete and "
            "create the reservation"
        )
    new = [flag for flag in wanted if flag not in before]
    refused = (*ONLY_NEW, *NEVER_SET, *(CHOSEN_ONLY if named else ()))
    _expect_settable(new, refused, "an existing reservation: delete and create it")
    # A flag whose time changes, PURGE_COMP=..., is set again and not removed first.
    words = {flag.partition("=")[0] for flag in wanted}
    signed = [f"+{flag}" for flag in new]
    signed += [f"-{flag.partition('=')[0]}" for flag in gone if flag.partition("=")[0] not in words]
    return {"flags": ",".join(signed)} if signed else {}
