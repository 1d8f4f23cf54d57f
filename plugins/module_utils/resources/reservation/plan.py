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
from ...common.plan import Change, Plan
from ...common.texts import expect_text
from ...common.times import INFINITE_MINUTES, MINUTE, moment
from .access import ACCESS, expect_members
from .fields import AMOUNTS, DEFAULT_USERS, FIELDS, field_update, normalised, written
from .flags import flag_update, new_flags, wanted_flags
from .nodes import changed_holding, new_holding, reduced_holding
from .records import Reservation, details, find
from .skip import skip, skip_time
from .span import ambiguous_durations, end_of, span_update

# Fields of a request to scontrol.
Update = dict[str, str]


def plan_reservation(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_reservation."""
    name = _expect_name(params["name"])
    record = find(slurm, name)
    before = details(record, params)
    if params["state"] == "absent":
        after, update = _plan_removal(before, params)
    elif record is None or before is None:
        after, update = _plan_creation(slurm, params)
    else:
        after, update = _plan_update(slurm, before, "SPEC_NODES" in record["flags"], params)
    until = skip_time(after, params)
    if until is not None and after is not None:
        # When the next one begins is known when Slurm has skipped the others.
        after = {**after, "start_time": None, "end_time": None}
    changes = _changes(name, before, after)
    writes: list[Callable[[], None]] = []
    if changes and after is None:
        writes.append(lambda: slurm.delete_reservation(name))
    elif changes and before is None:
        writes.append(lambda: slurm.create_reservation(name, update))
    elif update:
        writes.append(lambda: slurm.update_reservation(name, update))
    if until is not None:
        writes.append(lambda: skip(slurm, name, until))

    def read_back() -> dict[str, Any]:
        return {"reservation": details(find(slurm, name), params)}

    return Plan({"reservation": after}, changes, writes, read_back, ambiguous_durations(params))


def _plan_creation(slurm: Slurm, params: dict[str, Any]) -> tuple[Reservation, Update]:
    holding = new_holding(slurm, params)
    given = {name: params[name] for name in (*FIELDS, *AMOUNTS) if params[name] is not None}
    flags = new_flags(params, holding.nodes)
    start = moment("start_time", params["start_time"] or "now")
    begin = start.epoch if start.epoch is not None else int(time.time())
    record: dict[str, Any] = {name: field.empty for name, field in FIELDS.items()}
    record.update({name: normalised(name, value) for name, value in given.items()})
    if not any(record[name] for name in ACCESS):
        record["users"] = list(DEFAULT_USERS)
    update = {
        field.key: written(name, record[name])
        for name, field in {**FIELDS, **AMOUNTS}.items()
        if record.get(name, field.empty) != field.empty
    }
    update.update(holding.update, starttime=start.slurm)
    if flags:
        update["flags"] = ",".join(flags)
    end, update_end = end_of(params, begin)
    update.update(update_end or {"duration": "infinite"})
    if end is None:
        end = begin + INFINITE_MINUTES * MINUTE
    span = {"start_time": begin, "end_time": end, "duration": (end - begin) // MINUTE}
    held = {"nodes": holding.nodes, "node_count": holding.node_count}
    return {**record, **span, **held, "name": params["name"], "flags": flags}, update


def _plan_update(slurm: Slurm, before: Reservation, named: bool, params: dict[str, Any]) -> tuple[Reservation, Update]:
    after, update = dict(before), {}
    for name, field in {**FIELDS, **AMOUNTS}.items():
        if params[name] is None:
            continue
        after[name] = normalised(name, params[name])
        if after[name] != before[name]:
            update[field.key] = field_update(name, before[name], after[name])
    expect_members(after["groups"], update)
    holding = changed_holding(slurm, before, after["partition"], params)
    after.update(nodes=holding.nodes, node_count=holding.node_count)
    if params["flags"] is not None:
        after["flags"] = wanted_flags(params["flags"], params, after["nodes"])
        update.update(flag_update(before["flags"], after["flags"], named))
    flags = [words["flags"] for words in (update, holding.update) if "flags" in words]
    update.update(holding.update)
    if flags:
        update["flags"] = ",".join(flags)
    update.update(span_update(before, after, params))
    return after, update


def _plan_removal(before: Optional[Reservation], params: dict[str, Any]) -> tuple[Optional[Reservation], Update]:
    holding = None if before is None else reduced_holding(before["nodes"], params)
    if before is None or holding is None:
        return None, {}
    return {**before, "nodes": holding.nodes, "node_count": holding.node_count}, holding.update


def _changes(name: str, before: Optional[Reservation], after: Optional[Reservation]) -> list[Change]:
    title = f"reservation {name}"
    old, new = before or {}, after or {}
    fields = dict.fromkeys((*old, *new))
    return [
        Change(title, field, old.get(field), new.get(field)) for field in fields if old.get(field) != new.get(field)
    ]


def _expect_name(name: str) -> str:
    if not name:
        raise SlurmError("name is empty: Slurm would choose a name")
    return expect_text("name", name)
