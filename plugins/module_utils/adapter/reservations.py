# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reservations, through scontrol, which names every flag and changes them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from .connection import Connection

# The end of a reservation made with a duration of 0, which scontrol shows as "Unknown": slurmctld holds it as this.
NEVER = 2**32 - 1


class ReservationRequests(Connection):
    """Requests about reservations."""

    def reservations(self) -> list[dict[str, Any]]:
        """Return the reservations; C(nodes) is a hostlist, empty for none."""
        return parse_reservations(self._run("scontrol", "show", "reservation", "--all", "--oneliner"))

    def create_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        """Make a reservation.

        :param fields: by their names in C(scontrol create reservation).
        """
        self._run("scontrol", "create", "reservation", f"reservationname={name}", *_arguments(fields))

    def update_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        """Change a reservation with one request. The controller itself carries out C(nodes+) and C(nodes-)."""
        self._run("scontrol", "update", f"reservationname={name}", *_arguments(fields))

    def delete_reservation(self, name: str) -> None:
        self._run("scontrol", "delete", f"reservationname={name}")


def _arguments(fields: Mapping[str, str]) -> list[str]:
    """Return fields as scontrol takes them: a name with a sign, C(nodes+), keeps it before the equal sign."""
    return [f"{name}={value}" for name, value in fields.items()]


def parse_reservations(text: str) -> list[dict[str, Any]]:
    """Return what C(scontrol --oneliner show reservation) prints, with C(SLURM_TIME_FORMAT=%s), as reservations.

    A comment may have line breaks: what does not begin as a reservation goes on with the one before.
    """
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("ReservationName="):
            found.append(line)
        elif found:
            found[-1] += f"\n{line}"
    return [_reservation(line) for line in found]


def _reservation(line: str) -> dict[str, Any]:
    # The comment is last, and may hold anything.
    head, _key, comment = line.partition(" Comment=")
    fields = {key: value for key, _equals, value in (word.partition("=") for word in head.split()) if key != "NodeName"}
    start, end = _epoch(fields["StartTime"]), _epoch(fields["EndTime"])
    return {
        "name": fields["ReservationName"],
        "state": fields["State"],
        "nodes": _text(fields["Nodes"]) or "",
        "node_count": int(fields["NodeCnt"]),
        "core_count": int(fields["CoreCnt"]),
        "start_time": start,
        "end_time": end,
        "duration": (end - start) // 60,
        "flags": _items(fields["Flags"]),
        "users": _items(fields["Users"]),
        "accounts": _items(fields["Accounts"]),
        "groups": _items(fields["Groups"]),
        "qos": _items(fields.get("QOS")),
        "allowed_partitions": _items(fields.get("AllowedPartitions")),
        "licenses": _items(fields["Licenses"]),
        "tres": dict(item.split("=", 1) for item in _items(fields["TRES"])),
        "partition": _text(fields["PartitionName"]),
        "features": _text(fields["Features"]),
        "burst_buffer": _text(fields["BurstBuffer"]),
        "max_start_delay": _seconds(_text(fields["MaxStartDelay"])),
        "comment": comment or None,
    }


def _epoch(text: str) -> int:
    return NEVER if text == "Unknown" else int(text)


def _text(value: Optional[str]) -> Optional[str]:
    return None if value in (None, "", "(null)") else value


def _items(value: Optional[str]) -> list[str]:
    text = _text(value)
    return sorted(text.split(",")) if text else []


def _seconds(text: Optional[str]) -> Optional[int]:
    """Return a time such as C(1-02:03:04) or C(00:10:00) in seconds."""
    if text is None:
        return None
    days, _dash, clock = text.rpartition("-")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
