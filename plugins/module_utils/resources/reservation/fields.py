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
# The fields that say who may use a reservation: Slurm requires one of them.
ACCESS = ("users", "accounts", "groups", "qos", "allowed_partitions")


class Field(NamedTuple):
    """A field of a reservation.

    :param key: its name in C(scontrol update reservation).
    :param normalise: from the option's value to the form of the record, in which values are compared.
    :param empty: the record's value when it is not set.
    :param clear: what clears it in C(scontrol update reservation); None: Slurm cannot clear it.
    :param updatable: whether Slurm can set it on an existing reservation.
    """

    key: str
    normalise: Callable[[Any], Any]
    empty: Any
    clear: Optional[str] = ""
    updatable: bool = True


def as_set(items: Iterable[str]) -> list[str]:
    """Return names sorted and without duplicates: Slurm keeps users, accounts and so on as sets."""
    return sorted({str(item).strip() for item in items if str(item).strip()})


def as_licenses(items: Iterable[str]) -> list[str]:
    """Return licenses with their counts: C(matlab) is C(matlab:1)."""
    return as_set(item if ":" in item else f"{item}:1" for item in as_set(items))


def as_text(value: Any) -> Optional[str]:
    text = str(value).strip()
    if "\n" in text:
        raise SlurmError(f"a text of a reservation must be one line: {text!r}")
    return text or None


def as_seconds(value: Any) -> Optional[int]:
    """Return max_start_delay in seconds: Slurm shows it as HH:MM:SS and takes minutes."""
    return minutes("max_start_delay", value) * MINUTE


FIELDS = {
    "users": Field("users", as_set, []),
    "accounts": Field("accounts", as_set, []),
    "groups": Field("groups", as_set, []),
    "qos": Field("qos", as_set, []),
    "allowed_partitions": Field("allowedpartitions", as_set, [], clear=None),
    "licenses": Field("licenses", as_licenses, []),
    "partition": Field("partitionname", as_text, None, clear=None),
    "features": Field("features", as_text, None, updatable=False),
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
            raise SlurmError(
                f"Slurm cannot clear {name} of a reservation: delete and create the reservation without it"
            )
        return field.clear
    if not field.updatable:
        raise SlurmError(f"Slurm sets {name} on a new reservation only: delete and create the reservation with it")
    return written(value)


def written(value: Any) -> str:
    """Return a normalised value in the form that scontrol takes."""
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else str(value // MINUTE if isinstance(value, int) else value)
