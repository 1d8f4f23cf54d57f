# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of reservations that a task can set: how each compares, and how it is written and cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...common.texts import expect_text
from ...common.times import MINUTE, minutes
from .access import ACCESS, access_update, expect_access

DEFAULT_USERS = ("root",)


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


def as_set(items: Iterable[Any]) -> list[str]:
    """Return names sorted and without duplicates, as Slurm keeps them: it splits each at commas."""
    names = (name.strip() for item in items for name in expect_text("a name", str(item)).split(","))
    return sorted({name for name in names if name})


def as_access(name: str, items: Iterable[Any]) -> list[str]:
    names = as_set(items)
    expect_access(name, names)
    return names


def as_licenses(items: Iterable[Any]) -> list[str]:
    """Return licenses with their counts: C(matlab) is C(matlab:1)."""
    return as_set(item if ":" in item else f"{item}:1" for item in as_set(items))


def as_name(value: Any) -> Optional[str]:
    return as_text(str(value).strip())


def as_text(value: Any) -> Optional[str]:
    return expect_text("a text of a reservation", str(value)) or None


def as_seconds(value: Any) -> Optional[int]:
    """Return max_start_delay in seconds: Slurm shows it as HH:MM:SS and takes minutes."""
    return minutes("max_start_delay", value) * MINUTE


def as_tres(value: Mapping[str, Any]) -> dict[str, str]:
    """Return generic resources, C({"gres/gpu": "2"}); the other TRES of a reservation have options of their own."""
    if others := sorted(str(name) for name in value if not str(name).startswith("gres/")):
        raise SlurmError(
            f"tres is for generic resources, such as gres/gpu, and not for {', '.join(others)}: use core_count for "
            "cpu, node_count for node, licenses for license, burst_buffer for bb"
        )
    return {str(name): str(count) for name, count in sorted(value.items())}


FIELDS = {
    **{name: Field(name.replace("_", ""), partial(as_access, name), []) for name in ACCESS},
    "licenses": Field("licenses", as_licenses, []),
    "partition": Field("partitionname", as_name, None, clear=None),
    "features": Field("features", as_name, None, updatable=False),
    "burst_buffer": Field("burstbuffer", as_name, None),
    "comment": Field("comment", as_text, None),
    "max_start_delay": Field("maxstartdelay", as_seconds, None, clear="0"),
}
# What Slurm computes for every reservation: of interest where the task asks for it.
AMOUNTS = {
    "core_count": Field("corecnt", int, None, updatable=False),
    "tres": Field("tres", as_tres, {}, updatable=False),
}


def normalised(name: str, value: Any) -> Any:
    field = {**FIELDS, **AMOUNTS}[name]
    return field.empty if value == "" else field.normalise(value)


def field_update(name: str, before: Any, value: Any) -> str:
    """Return the value of a field in C(scontrol update reservation)."""
    if name in ACCESS:
        return access_update(name, before, value)
    field = {**FIELDS, **AMOUNTS}[name]
    if value == field.empty and name in FIELDS:
        if field.clear is None:
            raise SlurmError(
                f"Slurm cannot clear {name} of a reservation: delete and create the reservation without it"
            )
        return field.clear
    if not field.updatable:
        raise SlurmError(f"Slurm sets {name} on a new reservation only: delete and create the reservation with it")
    return written(name, value)


def written(name: str, value: Any) -> str:
    """Return a normalised value in the form that scontrol takes."""
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{key}={count}" for key, count in value.items())
    return str(value // MINUTE if name == "max_start_delay" else value)
