# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reservations as a task reads, compares and returns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ...adapter.slurm import Slurm
from ...common import hostlist
from .fields import AMOUNTS, FIELDS, as_tres
from .flags import DERIVED_FLAGS

Reservation = dict[str, Any]

# What a task returns of a reservation.
DETAILS = ("name", "nodes", "node_count", "start_time", "end_time", "duration", "flags", *FIELDS)


def load(slurm: Slurm) -> list[Reservation]:
    """Return the cluster's reservations, each with the list of its nodes."""
    return [
        {**record, "nodes": hostlist.expand(record["nodes"]) if record["nodes"] else []}
        for record in slurm.reservations()
    ]


def find(slurm: Slurm, name: str) -> Optional[Reservation]:
    """Return a reservation; None when there is none of this name."""
    return next((record for record in load(slurm) if record["name"] == name), None)


def details(record: Optional[Reservation], asked: Mapping[str, Any]) -> Optional[Reservation]:
    """Return what a task compares and returns of a reservation, without the flags that Slurm sets by itself.

    :param asked: the task's options: those of L(AMOUNTS) that are given are returned too, of C(tres) the keys given.
    """
    if record is None:
        return None
    found = {name: record[name] for name in (*DETAILS, *AMOUNTS) if name in DETAILS or asked.get(name) is not None}
    found["flags"] = [flag for flag in record["flags"] if flag not in DERIVED_FLAGS]
    if "tres" in found:
        found["tres"] = {name: count for name, count in record["tres"].items() if name in as_tres(asked["tres"])}
    return found
