# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about reservations, most of them through scontrol.

pyslurm reads neither all flags nor QOS, nor names that are not UTF-8, and loses flags when it makes a reservation.

scontrol prints a reservation as JSON, which lacks comment, QOS, allowed partitions and the time of PURGE_COMP, and as
text, where names, comments and other texts may look like fields. What the JSON says locates the fields in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Optional

from .connection import Connection
from .error_numbers import translated
from .errors import SlurmError

# The end of a reservation made with a duration of 0, which scontrol shows as "Unknown": slurmctld holds it as this.
NEVER = 2**32 - 1
READING = "scontrol show reservation"
# How often to read both forms again when a reservation changes between the two requests.
READ_ATTEMPTS = 5
# Words that other releases print at the end of a line, and the cores of nodes that are reserved in part.
_OTHER = r"(?: +\w+=[^\s]*)*?"
_LINE = (
    r"\nReservationName={name} StartTime=\S+ EndTime=\S+ Duration=\S+" + _OTHER + r" Nodes={node_list} "
    r"NodeCnt={node_count} CoreCnt={core_count} Features={features} PartitionName={partition} Flags=(?P<flags>\S*)"
    + _OTHER
    + r" TRES={tres}"
    + _OTHER
    + r"(?: AllowedPartitions=(?P<allowed_partitions>[^\n]*?))?(?: QOS=(?P<qos>[^\n]*?))?"
    + _OTHER
    + r" Users={users} Groups={groups} Accounts={accounts} Licenses={licenses} State=(?P<state>\S+) "
    r"BurstBuffer={burst_buffer}" + _OTHER + r" MaxStartDelay=\S+"
)
_TEXTS = (
    "name",
    "node_list",
    "features",
    "partition",
    "tres",
    "users",
    "groups",
    "accounts",
    "licenses",
    "burst_buffer",
)
_COMMENT = " Comment="


class ReservationRequests(Connection):
    """Requests about reservations."""

    def reservations(self) -> list[dict[str, Any]]:
        """Return the reservations; C(nodes) is a hostlist, empty for none."""
        for _attempt in range(READ_ATTEMPTS):
            listed = _listed(self._run("scontrol", "show", "reservation", "--all", "--json"))
            text = self._run("scontrol", "show", "reservation", "--all", "--oneliner") if listed else ""
            found = parse_reservations(listed, text)
            if found is not None:
                return found
        raise SlurmError(
            "the reservations changed each time that they were read: run the task again",
            call=READING,
        )

    def create_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        """Make a reservation.

        :param fields: by their names in C(scontrol create reservation).
        """
        self._run("scontrol", "create", "reservation", f"reservationname={name}", *_arguments(fields))

    def update_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        """Change a reservation with one request. The controller itself carries out C(nodes+) and C(nodes-)."""
        self._run("scontrol", "update", f"reservationname={name}", *_arguments(fields))

    def skip_reservation(self, name: str) -> None:
        """Skip the present or the next occurrence of a recurring reservation."""
        pyslurm = self._pyslurm()
        with translated(pyslurm, f"REQUEST_UPDATE_RESERVATION of {name}"):
            pyslurm.Reservation(name).modify(pyslurm.Reservation(flags=pyslurm.ReservationFlags.SKIP))

    def delete_reservation(self, name: str) -> None:
        self._run("scontrol", "delete", f"reservationname={name}")


def _listed(output: str) -> list[dict[str, Any]]:
    try:
        return list(json.loads(output)["reservations"])
    except (ValueError, TypeError):
        raise SlurmError(
            f"scontrol printed no JSON of reservations: {output[:80]!r}; Slurm has to be built with JSON (libjson-c)",
            call=READING,
        ) from None


def _arguments(fields: Mapping[str, str]) -> list[str]:
    """Return fields as scontrol takes them: a name with a sign, C(nodes+), keeps it before the equal sign."""
    return [f"{name}={value}" for name, value in fields.items()]


def parse_reservations(listed: list[dict[str, Any]], text: str) -> Optional[list[dict[str, Any]]]:
    """Return reservations from both forms that scontrol prints; None when these are not of the same reservations.

    :param listed: C(reservations) of C(--json).
    :param text: the output with C(--oneliner).
    """
    lines = [re.compile(_LINE.format(**_located(item))) for item in listed]
    rest, found = f"\n{text}", []
    start = lines[0].match(rest) if lines else None
    for item, line in zip(listed, [*lines[1:], re.compile(r"\n\Z")]):
        following = line.search(rest, start.end()) if start else None
        if start is None or following is None:
            return None
        tail = rest[start.end() : following.start()]
        if tail and not tail.startswith(_COMMENT):
            return None
        found.append(_reservation(item, start.groupdict(), tail[len(_COMMENT) :]))
        start = following
    return found


def _located(item: Mapping[str, Any]) -> dict[str, str]:
    """Return patterns of what the JSON says of a reservation, as the text shows it: C((null)) for none."""
    texts = {name: re.escape(item[name]) or r"(?:\(null\))?" for name in _TEXTS}
    return {**texts, **{name: str(item[name]) for name in ("node_count", "core_count")}}


def _reservation(item: Mapping[str, Any], printed: Mapping[str, Optional[str]], comment: str) -> dict[str, Any]:
    start, end = _number(item["start_time"]), _number(item["end_time"])
    return {
        "name": item["name"],
        "state": printed["state"],
        "nodes": item["node_list"],
        "node_count": item["node_count"],
        "core_count": item["core_count"],
        "start_time": start,
        "end_time": end,
        "duration": (end - start) // 60,
        "flags": _items(_printed(printed["flags"])),
        "users": _items(item["users"]),
        "accounts": _items(item["accounts"]),
        "groups": _items(item["groups"]),
        "qos": _items(_printed(printed["qos"])),
        "allowed_partitions": _items(_printed(printed["allowed_partitions"])),
        "licenses": _items(item["licenses"]),
        "tres": dict(pair.split("=", 1) for pair in _items(item["tres"])),
        "partition": item["partition"] or None,
        "features": item["features"] or None,
        "burst_buffer": item["burst_buffer"] or None,
        "max_start_delay": item["max_start_delay"] or None,
        "comment": comment or None,
    }


def _number(value: Any) -> int:
    """Return a number of Slurm's JSON, which may be an object that tells whether it is set and infinite."""
    if isinstance(value, Mapping):
        return int(value["number"]) if value["set"] and not value["infinite"] else NEVER
    return int(value)


def _printed(text: Optional[str]) -> str:
    return "" if text in (None, "(null)") else str(text)


def _items(text: str) -> list[str]:
    return sorted(text.split(",")) if text else []
