# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of reservations that a task can set: how each compares, and how it is written and cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...common.times import MINUTE, minutes

DEFAULT_USERS = ("root",)
# Who may use a reservation: Slurm requires one of them.
ACCESS = ("users", "accounts", "groups", "qos", "allowed_partitions")


class Field(NamedTuple):
    """A field of a reservation.

    :param key: its name in C(scontrol update reservation).
    :param normalise: from an option to the form that compares, which is that of the record.
    :param empty: the record's value when it is not set.
    :param clear: what clears it in C(scontrol update reservation); None: Slurm cannot.
    :param later: whether one that exists can be given it.
    """

    key: str
    normalise: Callable[[Any], Any]
    empty: Any
    clear: Optional[str] = ""
    later: bool = True


def as_set(items: Iterable[str]) -> list[str]:
    """Users, accounts and the like: their order means nothing, each counts once."""
    return sorted({str(item).strip() for item in items if str(item).strip()})


def as_licenses(items: Iterable[str]) -> list[str]:
    """A license without a number is one of it."""
    return as_set(item if ":" in item else f"{item}:1" for item in as_set(items))


def as_text(value: Any) -> Optional[str]:
    text = str(value).strip()
    if "\n" in text:
        raise SlurmError(f"a reservation's text is one line, this has more: {text!r}")
    return text or None


def as_seconds(value: Any) -> Optional[int]:
    """max_start_delay: Slurm shows it as HH:MM:SS and takes minutes."""
    return minutes("max_start_delay", value) * MINUTE


FIELDS = {
    "users": Field("users", as_set, []),
    "accounts": Field("accounts", as_set, []),
    "groups": Field("groups", as_set, []),
    "qos": Field("qos", as_set, []),
    "allowed_partitions": Field("allowedpartitions", as_set, [], clear=None),
    "licenses": Field("licenses", as_licenses, []),
    "partition": Field("partitionname", as_text, None, clear=None),
    "features": Field("features", as_text, None, later=False),
    "burst_buffer": Field("burstbuffer", as_text, None),
    "comment": Field("comment", as_text, None),
    "max_start_delay": Field("maxstartdelay", as_seconds, None, clear="0"),
}


def normalised(name: str, value: Any) -> Any:
    return FIELDS[name].empty if value == "" else FIELDS[name].normalise(value)


def field_update(name: str, value: Any) -> str:
    field = FIELDS[name]
    if value == field.empty:
        if field.clear is None:
            raise SlurmError(f"Slurm cannot take {name} from a reservation: make the reservation anew without it")
        return field.clear
    if not field.later:
        raise SlurmError(f"Slurm gives {name} to a new reservation only: make the reservation anew with it")
    return written(value)


def written(value: Any) -> str:
    """Return a normalised value as scontrol takes it."""
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else str(value // MINUTE if isinstance(value, int) else value)
