# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_reservation: its options in, the changes and one request out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.plan import Change, Plan
from ...common.times import INFINITE_MINUTES, MINUTE, moment
from ..node.records import select_nodes
from .fields import ACCESS, DEFAULT_USERS, FIELDS, field_update, normalised, written
from .flags import DEFAULT_FLAGS, NEVER_GIVEN, as_flags, expect_given, flag_update
from .records import DETAILS, Reservation, find
from .span import end_of, span_update

# Fields of a request to scontrol.
Update = dict[str, str]


def plan_reservation(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_reservation."""
    name = _name(params["name"])
    before = find(slurm, name)
    if params["state"] == "absent":
        after, update = _plan_removal(before, params)
    elif before is None:
        after, update = _created(slurm, params)
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
    return Plan({"reservation": after}, changes, writes, lambda: {"reservation": find(slurm, name)})


def _created(slurm: Slurm, params: dict[str, Any]) -> tuple[Reservation, Update]:
    nodes = hostlist.from_option(params["nodes"] or [])
    if not nodes:
        raise SlurmError(f"there is no reservation {params['name']}: give nodes to make it")
    select_nodes(slurm.nodes(("name",)), nodes)
    given = {name: params[name] for name in FIELDS if params[name] is not None}
    if not any(given.get(name) for name in ACCESS):
        given["users"] = list(DEFAULT_USERS)
    flags = as_flags(DEFAULT_FLAGS if params["flags"] is None else params["flags"])
    expect_given(flags, NEVER_GIVEN, "a reservation whose nodes are named")
    start = moment("start_time", params["start_time"] or "now")
    begin = start.epoch if start.epoch is not None else int(time.time())
    record: dict[str, Any] = {name: field.empty for name, field in FIELDS.items()}
    record.update({name: normalised(name, value) for name, value in given.items()})
    update = {FIELDS[name].key: written(record[name]) for name in given if record[name] != FIELDS[name].empty}
    update.update({"nodes": hostlist.fold(nodes), "starttime": start.slurm})
    if flags:
        update["flags"] = ",".join(flags)
    end, update_end = end_of(params, begin)
    update.update(update_end or {"duration": "infinite"})
    if end is None:
        end = begin + INFINITE_MINUTES * MINUTE
    span = {"start_time": begin, "end_time": end, "duration": (end - begin) // MINUTE}
    return {**record, **span, "name": params["name"], "nodes": nodes, "flags": flags}, update


def _altered(slurm: Slurm, before: Reservation, params: dict[str, Any]) -> tuple[Reservation, Update]:
    after, update = dict(before), {}
    for name, field in FIELDS.items():
        if params[name] is None:
            continue
        after[name] = normalised(name, params[name])
        if after[name] != before[name]:
            update[field.key] = field_update(name, after[name])
    if params["flags"] is not None:
        after["flags"] = as_flags(params["flags"])
        update.update(flag_update(before["flags"], after["flags"]))
    if params["nodes"] is not None:
        after["nodes"], change = _nodes(slurm, before["nodes"], params)
        update.update(change)
    update.update(span_update(before, after, params))
    return after, update


def _plan_removal(before: Optional[Reservation], params: dict[str, Any]) -> tuple[Optional[Reservation], Update]:
    if before is None or params["nodes"] is None:
        return None, {}
    leaving = set(hostlist.from_option(params["nodes"]))
    kept = [node for node in before["nodes"] if node not in leaving]
    if not kept:
        # Slurm refuses to take the last node out, and would choose others for an empty list.
        return None, {}
    gone = [node for node in before["nodes"] if node in leaving]
    return {**before, "nodes": kept}, {"nodes-": hostlist.fold(gone)} if gone else {}


def _nodes(slurm: Slurm, there: list[str], params: dict[str, Any]) -> tuple[list[str], Update]:
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


def _changes(name: str, before: Optional[dict[str, Any]], after: Optional[dict[str, Any]]) -> list[Change]:
    title = f"reservation {name}"
    old, new = before or {}, after or {}
    return [
        Change(title, field, old.get(field), new.get(field)) for field in DETAILS if old.get(field) != new.get(field)
    ]


def _name(name: str) -> str:
    if not name.strip() or any(char.isspace() or char in ",=" for char in name):
        raise SlurmError(f"a reservation's name has no blanks, commas or equal signs: {name!r}")
    return name
