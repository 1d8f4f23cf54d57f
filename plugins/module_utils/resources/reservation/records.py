# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reservations as a task reads, compares and returns them."""

from __future__ import annotations

from typing import Any, Optional

from ...adapter.slurm import Slurm
from ...common import hostlist
from .fields import FIELDS
from .flags import DERIVED_FLAGS

Reservation = dict[str, Any]

# What a task returns of a reservation.
DETAILS = ("name", "nodes", "start_time", "end_time", "duration", "flags", *FIELDS)


def load(slurm: Slurm) -> list[Reservation]:
    """Return the cluster's reservations, each with the list of its nodes."""
    return [{**record, "nodes": hostlist.expand(record["nodes"] or "")} for record in slurm.reservations()]


def find(slurm: Slurm, name: str) -> Optional[Reservation]:
    """Return what a task compares and returns of a reservation; None when there is none of this name."""
    record = next((record for record in load(slurm) if record["name"] == name), None)
    return None if record is None else details(record)


def details(record: Reservation) -> Reservation:
    """Return the L(DETAILS) of a reservation, without the flags that Slurm sets by itself."""
    flags = [flag for flag in record["flags"] if flag not in DERIVED_FLAGS]
    return {**{name: record[name] for name in DETAILS}, "flags": flags}
