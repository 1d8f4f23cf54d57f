# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reservations: what a task may set, how each field compares, and the plans that lead there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from ..adapter.errors import SlurmError
from ..adapter.slurm import Slurm
from ..common import hostlist
from ..common.core import Change, Plan
from ..common.names import expect_known
from ..common.times import INFINITE_MINUTES, MINUTE, Moment, minutes, moment, seconds
from .node import select_nodes

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
DEFAULT_USERS = ("root",)
# Who may use a reservation: Slurm wants one of them to be set.
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
# What a task returns of a reservation.
DETAILS = ("name", "nodes", "start_time", "end_time", "duration", "flags", *FIELDS)


def plan_reservation(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_reservation: its options in, what is to be done out."""
    name = _name(params["name"])
    record = next((item for item in slurm.reservations() if item["name"] == name), None)
    before = None if record is None else details(record)
    if params["state"] == "absent":
        after, update = _leave(before, params)
    elif before is None:
        after, update = _new(slurm, params)
    else:
        after, update = _altered(slurm, before, params)
    changes = _changes(name, before, after)
    writes: list[Callable[[], None]] = []
    if changes and after is None:
        writes.append(lambda: slurm.delete_reservation(name))
    elif changes and before is None:
        writes.append(lambda: slurm.create_reservation(name, update))
    elif changes:
        writes.append(lambda: slurm.update_reservation(name, update))

    def read_back() -> dict[str, Any]:
        stored = next((item for item in slurm.reservations() if item["name"] == name), None)
        return {"reservation": None if stored is None else details(stored)}

    return Plan({"reservation": after}, changes, writes, read_back)


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_reservation_info: a reading, nothing else."""
    found = slurm.reservations()
    if params["names"] is not None:
        found = [record for record in found if record["name"] in params["names"]]
    if params["nodes"] is not None:
        on = set(hostlist.from_option(params["nodes"]))
        found = [record for record in found if on & set(record["nodes"])]
    return Plan({"reservations": {record["name"]: record for record in found}})


def details(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a task compares and returns of a reservation: without the flags that Slurm sets by itself."""
    flags = [flag for flag in record["flags"] if flag not in DERIVED_FLAGS]
    return {**{name: record[name] for name in DETAILS}, "flags": flags}


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


def _expect_given(flags: Iterable[str], refused: Iterable[str], why: str) -> None:
    """Refuse in check mode too what scontrol would refuse."""
    if wrong := sorted(set(flags) & set(refused)):
        raise SlurmError(f"Slurm does not give the flag {', '.join(wrong)} to {why}")


# The three ways: a new one, a changed one, and nodes taken out.


def _new(slurm: Slurm, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    nodes = hostlist.from_option(params["nodes"] or [])
    if not nodes:
        raise SlurmError(f"there is no reservation {params['name']}: give nodes to make it")
    select_nodes(slurm.nodes(("name",)), nodes)
    given = {name: params[name] for name in FIELDS if params[name] is not None}
    if not any(given.get(name) for name in ACCESS):
        given["users"] = list(DEFAULT_USERS)
    flags = as_flags(DEFAULT_FLAGS if params["flags"] is None else params["flags"])
    _expect_given(flags, NEVER_GIVEN, "a reservation whose nodes are named")
    start = moment("start_time", params["start_time"] or "now")
    begin = start.epoch if start.epoch is not None else int(time.time())
    record: dict[str, Any] = {name: field.empty for name, field in FIELDS.items()}
    record.update({name: _normalised(name, value) for name, value in given.items()})
    update = {FIELDS[name].key: _written(record[name]) for name in given if record[name] != FIELDS[name].empty}
    update.update({"nodes": hostlist.fold(nodes), "starttime": start.slurm})
    if flags:
        update["flags"] = ",".join(flags)
    end, update_end = _end(params, begin)
    update.update(update_end or {"duration": "infinite"})
    if end is None:
        end = begin + INFINITE_MINUTES * MINUTE
    span = {"start_time": begin, "end_time": end, "duration": (end - begin) // MINUTE}
    return {**record, **span, "name": params["name"], "nodes": nodes, "flags": flags}, update


def _altered(slurm: Slurm, before: dict[str, Any], params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    after, update = dict(before), {}
    for name, field in FIELDS.items():
        if params[name] is None:
            continue
        after[name] = _normalised(name, params[name])
        if after[name] != before[name]:
            update[field.key] = _field_update(name, after[name])
    if params["flags"] is not None:
        after["flags"] = as_flags(params["flags"])
        update.update(_flag_update(before["flags"], after["flags"]))
    if params["nodes"] is not None:
        after["nodes"], change = _nodes(slurm, before["nodes"], params)
        update.update(change)
    update.update(_span(before, after, params))
    return after, update


def _normalised(name: str, value: Any) -> Any:
    return FIELDS[name].empty if value == "" else FIELDS[name].normalise(value)


def _field_update(name: str, value: Any) -> str:
    field = FIELDS[name]
    if value == field.empty:
        if field.clear is None:
            raise SlurmError(f"Slurm cannot take {name} from a reservation: make the reservation anew without it")
        return field.clear
    if not field.later:
        raise SlurmError(f"Slurm gives {name} to a new reservation only: make the reservation anew with it")
    return _written(value)


def _leave(before: Optional[dict[str, Any]], params: dict[str, Any]) -> tuple[Optional[dict[str, Any]], dict[str, str]]:
    if before is None or params["nodes"] is None:
        return None, {}
    leaving = set(hostlist.from_option(params["nodes"]))
    kept = [node for node in before["nodes"] if node not in leaving]
    if not kept:
        # Slurm refuses to take the last node out, and would choose others for an empty list.
        return None, {}
    gone = [node for node in before["nodes"] if node in leaving]
    return {**before, "nodes": kept}, {"nodes-": hostlist.fold(gone)} if gone else {}


def _nodes(slurm: Slurm, there: list[str], params: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    wanted = hostlist.from_option(params["nodes"])
    if not wanted:
        raise SlurmError("nodes is empty: name nodes, or use state=absent to delete the reservation")
    held = set(there)
    new = [node for node in wanted if node not in held]
    if new:
        select_nodes(slurm.nodes(("name",)), new)
    if params["purge_nodes"]:
        return wanted, {"nodes": hostlist.fold(wanted)} if set(wanted) != held else {}
    together = hostlist.expand(",".join([*there, *wanted]))
    return together, {"nodes+": hostlist.fold(new)} if new else {}


def _flag_update(there: list[str], wanted: list[str]) -> dict[str, str]:
    gone = [flag for flag in there if flag not in wanted]
    fixed = [flag for flag in gone if not FLAGS.get(flag.partition("=")[0], False)]
    if fixed:
        raise SlurmError(
            f"Slurm cannot take the flag {', '.join(fixed)} from a reservation: name it in flags, or make the "
            "reservation anew"
        )
    new = [flag for flag in wanted if flag not in there]
    _expect_given(new, (*ONLY_NEW, *NEVER_GIVEN), "a reservation that exists: make the reservation anew")
    # A flag whose time changes, PURGE_COMP=..., is set anew and not taken away first.
    words = {flag.partition("=")[0] for flag in wanted}
    signed = [f"+{flag}" for flag in new]
    signed += [f"-{flag.partition('=')[0]}" for flag in gone if flag.partition("=")[0] not in words]
    return {"flags": ",".join(signed)} if signed else {}


def _span(before: dict[str, Any], after: dict[str, Any], params: dict[str, Any]) -> dict[str, str]:
    """Put the times into C(after), and return what to write. A new start moves the end with it."""
    update: dict[str, str] = {}
    start = _new_start(before, params)
    if start is not None and start.epoch is not None:
        after["start_time"] = start.epoch
        after["end_time"] = start.epoch + before["duration"] * MINUTE
        # Slurm moves the end by itself only where it was given as a duration.
        update.update(starttime=start.slurm, duration=str(before["duration"]))
    end, change = (None, {}) if _end_stays(before, params) else _end(params, after["start_time"])
    if end is not None and end != after["end_time"]:
        after["end_time"] = end
        update = {**{key: value for key, value in update.items() if key != "duration"}, **change}
    after["duration"] = (after["end_time"] - after["start_time"]) // MINUTE
    return update


def _new_start(before: dict[str, Any], params: dict[str, Any]) -> Optional[Moment]:
    """Return the start that a reservation is to have instead of the one it has; None when it keeps that.

    :raises SlurmError: when it has started already: Slurm does not move it then.
    """
    if params["start_time"] is None:
        return None
    start, started = moment("start_time", params["start_time"]), before["start_time"] <= time.time()
    if start.relative:
        # A reservation that has started has started "now"; the other relative forms are for a new one.
        return start if start.now and not started else None
    if start.epoch == before["start_time"] or _bygone(before, start):
        return None
    if started:
        raise SlurmError(f"the reservation {before['name']} has started, its start cannot change: leave start_time out")
    return start


def _end_stays(before: dict[str, Any], params: dict[str, Any]) -> bool:
    if params["end_time"] is None:
        return False
    end = moment("end_time", params["end_time"])
    return end.relative or _bygone(before, end)


def _bygone(before: dict[str, Any], when: Moment) -> bool:
    """Tell whether a time is of a past occurrence: Slurm moves a recurring reservation on when it has ended."""
    return bool(RECURRING & set(before["flags"])) and when.epoch is not None and when.epoch <= time.time()


def _end(params: dict[str, Any], begin: int) -> tuple[Optional[int], dict[str, str]]:
    if params["duration"] is not None:
        length = minutes("duration", params["duration"])
        return begin + length * MINUTE, {"duration": "infinite" if length == INFINITE_MINUTES else str(length)}
    if params["end_time"] is not None:
        end = moment("end_time", params["end_time"])
        if end.epoch is not None and end.epoch <= begin:
            raise SlurmError("end_time is not after the start of the reservation")
        return end.epoch, {"endtime": end.slurm}
    return None, {}


def _changes(name: str, before: Optional[dict[str, Any]], after: Optional[dict[str, Any]]) -> list[Change]:
    title = f"reservation {name}"
    old, new = before or {}, after or {}
    return [
        Change(title, field, old.get(field), new.get(field)) for field in DETAILS if old.get(field) != new.get(field)
    ]


def _written(value: Any) -> str:
    """Return a normalised value as scontrol takes it."""
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else str(value // MINUTE if isinstance(value, int) else value)


def _name(name: str) -> str:
    if not name.strip() or any(char.isspace() or char in ",=" for char in name):
        raise SlurmError(f"a reservation's name has no blanks, commas or equal signs: {name!r}")
    return name
