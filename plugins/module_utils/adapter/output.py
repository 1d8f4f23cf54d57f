# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Slurm's commands print, read into plain values."""

from __future__ import annotations

import re
from typing import Any, Optional

from ..common import hostlist
from .errors import SlurmError

# The end of a reservation made with a duration of 0, which scontrol shows as "Unknown": slurmctld holds it as this.
NEVER = 2**32 - 1
# A line of strigger --get. Its columns may be wider than usual, and that of the flags is blank when there are none;
# a program is an absolute path with arguments (strigger(1)).
_TRIGGER = re.compile(
    r"\s*(?P<id>\d+) (?P<resource>\S+)\s+(?P<resource_id>\S+) (?P<event>\S+)\s+(?P<offset>-?\d+) (?P<user>\S+)\s+"
    r"(?P<flags>(?!/)\S+)?\s*(?P<program>/.*)"
)


def trigger(line: str) -> dict[str, Any]:
    """Return a line of C(strigger --get --noheader) as a trigger.

    :raises SlurmError: for a line that cannot be read.
    """
    match = _TRIGGER.fullmatch(line.rstrip())
    if not match:
        raise SlurmError(f"cannot read this line of strigger --get: {line!r}", call="strigger --get")
    fields: dict[str, Any] = match.groupdict()
    fields["permanent"] = "PERM" in (fields.pop("flags") or "")
    fields.update(id=int(fields["id"]), offset=int(fields["offset"]))
    if fields["resource_id"] == "(null)":  # as strigger shows that of a burst buffer's trigger
        fields["resource_id"] = "*"
    return fields


def reservations(text: str) -> list[dict[str, Any]]:
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
    nodes = _text(fields["Nodes"])
    return {
        "name": fields["ReservationName"],
        "state": fields["State"],
        "nodes": hostlist.expand(nodes) if nodes else [],
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
