# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reservations of the fake cluster: how scontrol and slurmctld 26.05 answer requests, and what they refuse."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn, Optional

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist

# Observed: a start shortly before now is accepted, as "now" is in the past when the controller reads it.
GRACE = 600
NEVER = 2**32 - 1
YEAR = 365 * 24 * 60
# Seconds between two occurrences.
PERIODS = {"HOURLY": 3600, "DAILY": 86400, "WEEKLY": 7 * 86400}
RECURRING = ("HOURLY", "DAILY", "WEEKLY", "WEEKDAY", "WEEKEND")
REMOVABLE = (
    *("ANY_NODES", "FLEX", "IGNORE_JOBS", "MAGNETIC", "MAINT", "PART_NODES", "PURGE_COMP", "STATIC", "USER_DELETE"),
    *RECURRING,
)
ADDABLE = [*REMOVABLE, "NO_HOLD_JOBS_AFTER_END", "OVERLAP", "REPLACE", "REPLACE_DOWN", "TIME_FLOAT"]
SHARING = {"MAINT", "OVERLAP"}
LISTS = ("users", "groups", "accounts", "qos", "allowedpartitions", "licenses")
# Lists of which observed: none can be cleared, nor made one of denied names later.
PERMANENT = ("qos", "allowed_partitions")
TEXTS = ("features", "burstbuffer", "comment")
NAMES = {
    "allowedpartitions": "allowed_partitions",
    "burstbuffer": "burst_buffer",
    "partitionname": "partition",
    "maxstartdelay": "max_start_delay",
}
TIMES = ("starttime", "endtime", "duration")
NODES = ("nodes", "nodes+", "nodes-")
# What an update of other fields leaves out: observed, other TRES are accepted and ignored.
IGNORED = ("nodecnt", "tres")
# How many generic resources of a kind the cluster has.
GPUS = 4
# What a new reservation holds.
HELD = ("nodes", "nodecnt", "corecnt", "tres", "features")
NEW: dict[str, Any] = {
    "nodes": [],
    "flags": [],
    "core_count": None,
    "gres": {},
    "users": [],
    "accounts": [],
    "groups": [],
    "qos": [],
    "allowed_partitions": [],
    "licenses": [],
    "partition": None,
    "features": None,
    "burst_buffer": None,
    "max_start_delay": None,
    "comment": None,
}
REFUSALS = {
    "ESLURM_INVALID_PARTITION_NAME": (2000, "Invalid partition name specified"),
    "ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE": (2014, "Requested node configuration is not available"),
    "ESLURM_NODES_BUSY": (2016, "Requested nodes are busy"),
    "ESLURM_USER_ID_MISSING": (2010, "Invalid user id"),
    "ESLURM_INVALID_NODE_NAME": (2018, "Invalid node name specified"),
    "ESLURM_NOT_SUPPORTED": (2036, "Requested operation not supported on this system"),
    "ESLURM_RESERVATION_INVALID": (2053, "Requested reservation is invalid"),
    "ESLURM_INVALID_TIME_VALUE": (2054, "Invalid time specified"),
    "ESLURM_RESERVATION_NOT_SKIPPABLE": (2999, "Reservation given is not skipable, try deleting instead"),
    "ESLURM_RESERVATION_BUSY": (2055, "Requested reservation is in use"),
    "ESLURM_RESERVATION_OVERLAP": (2058, "Requested reservation overlaps with another reservation"),
    "ESLURM_INVALID_QOS": (2066, "Invalid qos specification"),
    "ESLURM_RESERVATION_EMPTY": (2080, "Reservation request lacks users, groups or accounts"),
    "ESLURM_RESERVATION_NAME_DUP": (2082, "Duplicate reservation name"),
    "ESLURM_RSV_ALREADY_STARTED": (2104, "Reservation already started"),
    "ESLURM_INVALID_LICENSES": (2048, "Invalid license specification"),
    "ESLURM_INVALID_ACCOUNT": (2045, "Invalid account or account/partition combination specified"),
    "ESLURM_CORE_RESERVATION_UPDATE": (2109, "Core-based reservation can not be updated"),
    "ESLURM_GROUP_ID_MISSING": (2113, "Invalid group id"),
    "ESLURM_INVALID_TRES": (2115, "Invalid Trackable RESource (TRES) specification"),
}


def refuse(name: str, call: str) -> NoReturn:
    """Fail as slurmctld does."""
    errno, text = REFUSALS[name]
    raise SlurmError.from_errno(errno, name, text, call)


def complain(words: str, call: str) -> NoReturn:
    """Fail as scontrol does before it sends anything."""
    raise SlurmError(f"{call}: scontrol: error: {words}", call=call)


class Reservations:
    """The reservations of a cluster.

    :param nodes: the records of the cluster's nodes, by name.
    """

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self._nodes = nodes
        self.stored: dict[str, dict[str, Any]] = {}
        self.users = {"root", "slurm", "alice", "bob"}
        self.groups = {"root", "slurm", "alice"}
        self.accounts: Optional[set[str]] = None
        """The accounts there are; None without accounting storage, where any is accepted."""
        self.qos: set[str] = set()
        self.licenses: set[str] = set()
        self.default_partition = "main"
        self.gres: set[str] = set()
        """The generic resources that a reservation may ask for."""

    def listed(self) -> list[dict[str, Any]]:
        """Return the reservations that have not ended, as scontrol shows them."""
        now = int(time.time())
        self.stored = {name: it for name, it in self.stored.items() if it["end_time"] > now}
        return [self._shown(name, it, now) for name, it in self.stored.items()]

    def _shown(self, name: str, record: Mapping[str, Any], now: int) -> dict[str, Any]:
        cores = record["core_count"] or sum(self._nodes[node]["total_cpus"] for node in record["nodes"])
        kept = {key: value for key, value in record.items() if key != "gres"}
        return {
            **{key: list(value) if isinstance(value, list) else value for key, value in kept.items()},
            "name": _decoded(name),
            "comment": None if record["comment"] is None else _decoded(record["comment"]),
            "nodes": hostlist.fold(record["nodes"]),
            "state": "ACTIVE" if record["start_time"] <= now else "INACTIVE",
            "node_count": len(record["nodes"]),
            "core_count": cores,
            "duration": (record["end_time"] - record["start_time"]) // 60,
            "tres": {**({"cpu": str(cores)} if cores else {}), **record["gres"]},
        }

    def create(self, name: str, fields: Mapping[str, str], call: str) -> None:
        if not any(fields.get(key) for key in ("users", "groups", "accounts", "qos", "allowedpartitions")):
            words = "Either Users/Groups, AllowedPartitions, QOS and/or Accounts must be specified."
            complain(f"{words}  No reservation created.", call)
        now = int(time.time())
        start = _epoch(fields["starttime"], call)
        end = _epoch(fields["endtime"], call) if "endtime" in fields else start + _minutes(fields["duration"]) * 60
        if end < start:
            complain("Start time cannot be after end time.  No reservation created.", call)
        if start < now - GRACE or end <= now < start - 1:
            refuse("ESLURM_INVALID_TIME_VALUE", call)
        end = end if end > start else NEVER  # observed
        if not {user.lstrip("-") for user in fields.get("users", "").split(",")} <= {"", *self.users}:
            raise SlurmError(f"{call}: Error creating the reservation: Unspecified error", call=call)
        if fields.get("users") and fields.get("groups"):
            complain("Users and Groups are mutually exclusive.  You can have one or the other, but not both.", call)
        if name in self.stored:
            refuse("ESLURM_RESERVATION_NAME_DUP", call)
        record = {**NEW, "start_time": start, "end_time": end, "features": fields.get("features")}
        self._set(record, {key: value for key, value in fields.items() if key not in (*TIMES, *HELD)}, call, new=True)
        self._hold(record, fields, call)
        self._store(name or f"root_{len(self.stored)}", record, call)

    def _hold(self, record: dict[str, Any], fields: Mapping[str, str], call: str) -> None:
        """Give a new reservation its nodes."""
        flags, partition, nodes = set(record["flags"]), record["partition"], fields.get("nodes")
        if not nodes and not any(fields.get(key) for key in ("nodecnt", "corecnt", "tres", "licenses", "burstbuffer")):
            if not partition:
                complain("CoreCnt, Nodes, NodeCnt, TRES or Watts must be specified.  No reservation created.", call)
            nodes = "ALL"
        if nodes == "ALL" and partition:
            flags.add("PART_NODES")
        elif "PART_NODES" in flags:
            complain("PART_NODES flag requires specifying a Partition and ALL nodes.  No reservation created.", call)
        _expect_replaceable(flags, fields, call)
        record["flags"] = sorted(flags)
        gres = self._generic_resources(fields.get("tres", ""), call)
        if nodes:
            self._take(record, "nodes", nodes, call)
        elif "ANY_NODES" not in flags:
            self._choose(record, fields, call)
        elif not record["licenses"] and not record["burst_buffer"]:
            refuse("ESLURM_RESERVATION_INVALID", call)
        if "corecnt" in fields:
            record["core_count"] = int(fields["corecnt"])
        record["gres"] = gres

    def _generic_resources(self, text: str, call: str) -> dict[str, str]:
        gres = dict(item.split("=") for item in text.split(",") if item)
        if not set(gres) <= self.gres:
            refuse("ESLURM_INVALID_TRES", call)
        if any(int(count) > GPUS for count in gres.values()):
            refuse("ESLURM_NODES_BUSY", call)
        return gres

    def _choose(self, record: dict[str, Any], fields: Mapping[str, str], call: str) -> None:
        # Observed: of each node one core, where no count of nodes is asked for.
        count = int(fields.get("nodecnt") or fields.get("corecnt") or bool(fields.get("tres")))
        if not count:
            refuse("ESLURM_INVALID_NODE_NAME", call)
        record["partition"] = record["partition"] or self.default_partition
        record["nodes"] = self._free(record, count, [], call)

    def _free(self, record: Mapping[str, Any], count: int, held: Collection[str], call: str) -> list[str]:
        """Return nodes that a reservation can take beside those that it holds."""
        nodes = [name for name, node in self._nodes.items() if record["partition"] in node["partitions"]]
        if record["features"]:
            nodes = [name for name in nodes if record["features"] in self._nodes[name]["available_features"]]
        if len(nodes) < count and record["features"]:
            refuse("ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE", call)
        nodes = [name for name in nodes if name not in held]
        if not SHARING & set(record["flags"]):
            others = [it for it in self.stored.values() if it["nodes"] != record["nodes"] or not it["nodes"]]
            nodes = [name for name in nodes if not any(_overlap({**record, "nodes": [name]}, it) for it in others)]
        if len(nodes) < count:
            refuse("ESLURM_NODES_BUSY", call)
        return nodes[:count]

    def _resize(self, record: dict[str, Any], count: int, call: str) -> None:
        if record["core_count"] or record["gres"]:
            refuse("ESLURM_CORE_RESERVATION_UPDATE", call)
        there = record["nodes"]
        record["partition"] = record["partition"] or self.default_partition
        more = self._free(record, count - len(there), there, call) if count > len(there) else []
        # Observed: idle nodes leave first, the first of them.
        record["nodes"] = hostlist.expand(",".join([*there[max(0, len(there) - count) :], *more]))
        record["flags"] = [flag for flag in record["flags"] if flag not in ("PART_NODES", "ALL_NODES")]

    def _take(self, record: dict[str, Any], key: str, value: str, call: str) -> None:
        if record["core_count"] or record["gres"]:
            refuse("ESLURM_CORE_RESERVATION_UPDATE", call)
        if {"REPLACE", "REPLACE_DOWN"} & set(record["flags"]):
            refuse("ESLURM_NOT_SUPPORTED", call)
        flags = {*record["flags"], "SPEC_NODES"}
        if value.upper() == "ALL":
            partition = record["partition"] if "PART_NODES" in flags else None
            flags.discard("ALL_NODES") if partition else flags.add("ALL_NODES")
            record["nodes"] = [
                name for name, node in self._nodes.items() if partition is None or partition in node["partitions"]
            ]
        else:
            flags -= {"PART_NODES", "ALL_NODES"}
            record["nodes"] = self._changed_nodes(record["nodes"], key, value, call)
        record["flags"] = sorted(flags)

    def update(self, name: str, fields: Mapping[str, str], call: str) -> None:
        if name not in self.stored:
            refuse("ESLURM_RESERVATION_INVALID", call)
        record = dict(self.stored[name])
        self._move(record, fields, call)
        if self.accounts is not None and fields.get("groups") and "users" in fields:
            raise SlurmError(f"{call}: slurm_update error: Unspecified error", call=call)
        if "corecnt" in fields:
            refuse("ESLURM_CORE_RESERVATION_UPDATE", call)
        if fields.get("licenses") == "" and not record["nodes"]:
            refuse("ESLURM_INVALID_LICENSES", call)
        self._set(record, {key: value for key, value in fields.items() if key not in (*TIMES, *NODES, *IGNORED)}, call)
        for key in NODES:
            if key in fields:
                self._take(record, key, fields[key], call)
        if "nodecnt" in fields:
            self._resize(record, int(fields["nodecnt"]), call)
        if not record["nodes"] and not record["licenses"] and not record["burst_buffer"]:
            refuse("ESLURM_RESERVATION_INVALID", call)
        self._store(name, record, call)

    def skip(self, name: str, call: str) -> None:
        """Move a reservation to its next occurrence."""
        if name not in self.stored:
            refuse("ESLURM_RESERVATION_INVALID", call)
        record = self.stored[name]
        for flag, period in PERIODS.items():
            if flag in record["flags"]:
                for key in ("start_time", "end_time"):
                    record[key] += period
                return
        refuse("ESLURM_RESERVATION_NOT_SKIPPABLE", call)

    def delete(self, name: str, busy: bool, call: str) -> None:
        if name not in self.stored:
            refuse("ESLURM_RESERVATION_INVALID", call)
        if busy:
            refuse("ESLURM_RESERVATION_BUSY", call)
        del self.stored[name]

    def _move(self, record: dict[str, Any], fields: Mapping[str, str], call: str) -> None:
        now = int(time.time())
        if "starttime" in fields:
            start = _epoch(fields["starttime"], call)
            if record["start_time"] <= now:
                refuse("ESLURM_RSV_ALREADY_STARTED", call)
            if start < now - GRACE:
                refuse("ESLURM_INVALID_TIME_VALUE", call)
            record["end_time"] += start - record["start_time"]
            record["start_time"] = start
        if "endtime" in fields:
            record["end_time"] = _epoch(fields["endtime"], call)
        if "duration" in fields:
            record["end_time"] = record["start_time"] + _minutes(fields["duration"]) * 60
        if record["end_time"] <= max(now, record["start_time"]):
            refuse("ESLURM_INVALID_TIME_VALUE", call)

    def _set(self, record: dict[str, Any], fields: Mapping[str, str], call: str, new: bool = False) -> None:
        for key, value in fields.items():
            name = NAMES.get(key, key)
            if key == "flags":
                record["flags"] = _flags(record["flags"], value, call)
            elif key in LISTS:
                items = self._list(name, record[name], value, call)
                record[name] = items if new else _signed(name, record[name], items, call)
            elif key in TEXTS:
                if key == "features" and value:  # for reservations of a number of nodes
                    refuse("ESLURM_NOT_SUPPORTED", call)
                record[name] = value or None
            elif key == "partitionname":
                record[name] = self._partition(value, call)
            elif key == "maxstartdelay":
                if not value:
                    complain("Invalid duration maxstartdelay=.  No reservation update.", call)
                record[name] = int(value) * 60 or None
            else:
                complain(f"Unknown parameter {key}={value}.  No reservation update.", call)

    def _changed_nodes(self, there: list[str], key: str, value: str, call: str) -> list[str]:
        named = hostlist.expand(value) if value else []
        if not set(named) <= set(self._nodes):
            refuse("ESLURM_INVALID_NODE_NAME" if key != "nodes" or not there else "ESLURM_RESERVATION_INVALID", call)
        if key == "nodes+":
            named = [*there, *(node for node in named if node not in there)]
        elif key == "nodes-":
            named = [node for node in there if node not in named]
        if not named:
            refuse("ESLURM_RESERVATION_INVALID", call)
        return hostlist.expand(",".join(named))

    def _list(self, name: str, there: list[str], value: str, call: str) -> list[str]:
        items = sorted(value.split(",")) if value else []
        names = [item.lstrip("+-") for item in items]
        if name == "users" and not set(names) <= self.users:
            refuse("ESLURM_USER_ID_MISSING", call)
        if name == "accounts" and self.accounts is not None and not set(names) <= self.accounts:
            refuse("ESLURM_INVALID_ACCOUNT", call)
        if name == "groups" and not set(items) <= self.groups:
            refuse("ESLURM_GROUP_ID_MISSING", call)
        if name == "allowed_partitions":
            for item in names:
                self._partition(item, call)
        if name == "qos" and not (self.qos and set(names) <= self.qos):  # none exist without accounting storage
            refuse("ESLURM_INVALID_QOS", call)
        if name == "licenses" and not {item.partition(":")[0] for item in items} <= self.licenses:
            refuse("ESLURM_INVALID_LICENSES", call)
        if not items and name in PERMANENT:
            if not there:
                refuse(INVALID[name], call)
            return there  # observed: an empty list is accepted and ignored
        return items

    def _partition(self, value: str, call: str) -> str:
        if not any(value in node["partitions"] for node in self._nodes.values()):
            refuse("ESLURM_INVALID_PARTITION_NAME", call)
        return value

    def _store(self, name: str, record: dict[str, Any], call: str) -> None:
        if not any(record[key] for key in ("users", "groups", "accounts", "qos", "allowed_partitions")):
            refuse("ESLURM_RESERVATION_EMPTY", call)
        if record["users"] and record["groups"]:
            words = "Reservations can't have users and groups specified, only one or the other"
            raise SlurmError(f"{call}: {words}", call=call)
        others = [it for other, it in self.stored.items() if other != name]
        if not SHARING & set(record["flags"]) and any(_overlap(record, other) for other in others):
            refuse("ESLURM_RESERVATION_OVERLAP", call)
        self.stored[name] = record


# What Slurm answers to names that it cannot remove from a list.
INVALID = {
    "users": "ESLURM_USER_ID_MISSING",
    "accounts": "ESLURM_INVALID_ACCOUNT",
    "qos": "ESLURM_INVALID_QOS",
    "allowed_partitions": "ESLURM_INVALID_PARTITION_NAME",
}


def _signed(name: str, there: list[str], items: list[str], call: str) -> list[str]:
    """Return a list after an update, as slurmctld does it: names with signs change it, others replace it."""
    if name not in INVALID or not any(item[0] in "+-" for item in items):
        return items
    denied = all(item[0] == "-" for item in there or items) and bool(there or name not in PERMANENT)
    sign = "-" if denied else ""
    found = {item.lstrip("-") for item in there}
    for item in sorted(items, key=lambda it: it.startswith("-") == denied):  # removals first
        if item.startswith("-") == denied:
            found.add(item[1:])
        elif item[1:] in found:
            found.remove(item[1:])
        elif name not in PERMANENT:
            refuse(INVALID[name], call)
    if not found and name in PERMANENT:
        refuse(INVALID[name], call)
    return sorted(sign + item for item in found)


def _expect_replaceable(flags: set[str], fields: Mapping[str, str], call: str) -> None:
    if not {"REPLACE", "REPLACE_DOWN"} & flags:
        return
    if "nodes" in fields:
        refuse("ESLURM_INVALID_NODE_NAME", call)
    if {"MAINT", "STATIC"} & flags:
        refuse("ESLURM_NOT_SUPPORTED", call)


def _decoded(text: str) -> str:
    """Return a text as the adapter reads it: bytes that are not UTF-8 become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (
        not SHARING & set(other["flags"])
        and bool(set(one["nodes"]) & set(other["nodes"]))
        and max(one["start_time"], other["start_time"]) < min(one["end_time"], other["end_time"])
    )


def _flags(there: Collection[str], text: str, call: str) -> list[str]:
    flags = {flag.partition("=")[0]: flag for flag in there}
    for item in filter(None, text.split(",")):
        word, _equals, value = item.lstrip("+-").partition("=")
        if word not in (REMOVABLE if item.startswith("-") else ADDABLE):
            complain(f"Error parsing flags {text}.  No reservation update.", call)
        flags.pop(word, None)
        if not item.startswith("-"):
            flags[word] = f"{word}={value or '00:05:00'}" if word == "PURGE_COMP" else word
    return sorted(flags.values())


def _minutes(text: str) -> int:
    return YEAR if text == "infinite" else int(text)


def _epoch(text: str, call: str) -> int:
    """Return a time in the forms of scontrol, some of them."""
    units = {"minute": 60, "hour": 3600, "day": 86400}
    now: Optional[re.Match[str]] = re.fullmatch(r"now(?:\+(\d+)(minute|hour|day)s?)?", text)
    if now:
        return int(time.time()) + int(now[1] or 0) * units[now[2] or "minute"]
    if text == "tomorrow":
        midnight = datetime.fromtimestamp(time.time()).replace(hour=0, minute=0, second=0, microsecond=0)
        return int((midnight + timedelta(days=1)).timestamp())
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").timestamp())
    except ValueError:
        complain(f"Invalid start time starttime={text}.  No reservation created.", call)
