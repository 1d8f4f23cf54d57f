# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flags of reservations (scontrol(1)), and what Slurm lets a task do with each."""

from __future__ import annotations

from collections.abc import Iterable

from ...adapter.errors import SlurmError
from ...common.names import expect_known
from ...common.times import seconds

# Flags as scontrol(1) shows them, and whether one can be taken from a reservation that has it.
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
# Flags that Slurm gives to a new reservation only, and those that one of named nodes cannot be given.
ONLY_NEW = ("FORCE_START", "TIME_FLOAT")
NEVER_GIVEN = ("PART_NODES", "REPLACE", "REPLACE_DOWN", "SKIP")
# What PURGE_COMP is without a time, in seconds.
_PURGE = "PURGE_COMP"
PURGE_DEFAULT = 300
# Flags that Slurm sets by itself, from how the nodes were chosen and from what became of the reservation.
DERIVED_FLAGS = frozenset(("ALL_NODES", "SPEC_NODES", "SCHED_FAILED", "GRES_REQ"))

# Flags by which Slurm moves a reservation on when it has ended.
RECURRING = frozenset(("HOURLY", "DAILY", "WEEKLY", "WEEKDAY", "WEEKEND"))

DEFAULT_FLAGS = ("MAINT", "IGNORE_JOBS", "OVERLAP")


def as_flags(given: Iterable[str]) -> list[str]:
    """Return flags in Slurm's spelling, sorted; C(PURGE_COMP=00:05:00) keeps its time.

    :raises SlurmError: for one that Slurm does not know, with those that look like it.
    """
    flags = []
    for item in given:
        word, equals, value = item.strip().upper().partition("=")
        word = ALIASES.get(word, word)
        if word in DERIVED_FLAGS:
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


def expect_given(flags: Iterable[str], refused: Iterable[str], why: str) -> None:
    """Refuse in check mode too what scontrol would refuse."""
    if wrong := sorted(set(flags) & set(refused)):
        raise SlurmError(f"Slurm does not give the flag {', '.join(wrong)} to {why}")


def flag_update(there: list[str], wanted: list[str]) -> dict[str, str]:
    gone = [flag for flag in there if flag not in wanted]
    fixed = [flag for flag in gone if not FLAGS.get(flag.partition("=")[0], False)]
    if fixed:
        raise SlurmError(
            f"Slurm cannot take the flag {', '.join(fixed)} from a reservation: name it in flags, or make the "
            "reservation anew"
        )
    new = [flag for flag in wanted if flag not in there]
    expect_given(new, (*ONLY_NEW, *NEVER_GIVEN), "a reservation that exists: make the reservation anew")
    # A flag whose time changes, PURGE_COMP=..., is set anew and not taken away first.
    words = {flag.partition("=")[0] for flag in wanted}
    signed = [f"+{flag}" for flag in new]
    signed += [f"-{flag.partition('=')[0]}" for flag in gone if flag.partition("=")[0] not in words]
    return {"flags": ",".join(signed)} if signed else {}
