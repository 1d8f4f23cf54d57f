# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_node: from its options to the changes and the requests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.availability import expect_within, limit_of, unavailable
from ...common.plan import Change, Plan
from ...common.waiting import wait_until_none
from .attributes import record_of, scontrol_fields
from .records import Node, select_again
from .selection import Selection
from .task import Task


def plan_nodes(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_node."""
    selection = Selection.of(params)
    task = Task.of(params)
    loaded = slurm.nodes({*task.fields, *task.attributes, "partitions"})
    before = _records(selection.nodes(slurm, loaded), task)
    names = list(before)
    after, skipped = _predict(before, task, slurm)
    changed = [name for name in names if after[name] != before[name]]
    state_changes = [name for name in changed if not task.is_reached(before[name])]
    _expect_available(slurm, params["max_unavailable"], task, loaded, state_changes)
    if task.target is not None:
        task.target.expect_possible({name: before[name] for name in state_changes})

    def result(nodes: dict[str, Node]) -> dict[str, Any]:
        return {"nodes": nodes, "changed_nodes": sorted(changed), "skipped_nodes": skipped}

    return Plan(
        result(after),
        [
            Change(name, field, before[name][field], after[name][field])
            for name in changed
            for field in after[name]
            if before[name][field] != after[name][field]
        ],
        _writes(slurm, task, _changes(task, before, changed, state_changes)),
        read_back=lambda: result(_records(select_again(slurm.nodes({*task.fields, *task.attributes}), names), task)),
        wait=_wait(slurm, params, task, [name for name in names if name not in skipped]),
    )


def _records(nodes: dict[str, Node], task: Task) -> dict[str, Node]:
    """Return what a task compares and returns of its nodes."""
    return {name: {**task.record(node), **record_of(node, task.attributes)} for name, node in nodes.items()}


def _predict(before: dict[str, Node], task: Task, slurm: Slurm) -> tuple[dict[str, Node], dict[str, str]]:
    """Return the nodes as they will be, and the nodes that the task may not act on, each with the cause."""
    user = slurm.user()
    slurm_user = cache(lambda: str(slurm.config()["slurm_user_name"]))
    after, skipped = {}, {}
    for name, node in before.items():
        after[name] = task.after(node, user)
        cause = task.skip_cause(node, slurm_user) if after[name] != node else None
        if cause:
            skipped[name] = cause
            after[name] = node
    return after, skipped


class _Changes(NamedTuple):
    """The nodes that each kind of request is for, and the attributes to set."""

    state: list[str]
    reason: list[str]
    attributes: list[str]
    new_attributes: dict[str, Any]


def _changes(task: Task, before: dict[str, Node], changed: list[str], state_changes: list[str]) -> _Changes:
    attribute_changes = [
        name for name in changed if any(before[name][key] != task.attributes[key] for key in task.attributes)
    ]
    differing = {
        key: value
        for key, value in task.attributes.items()
        if any(before[name][key] != value for name in attribute_changes)
    }
    if len(attribute_changes) > 1 and {"address", "hostname"} & set(differing):
        raise SlurmError(
            f"address and hostname are for one node at a time, these are {hostlist.fold(attribute_changes)}"
        )
    moved = set(state_changes)
    reason_changes = [
        name for name in changed if task.update_reason and name not in moved and before[name]["reason"] != task.reason
    ]
    return _Changes(state_changes, reason_changes, attribute_changes, differing)


def _writes(slurm: Slurm, task: Task, changes: _Changes) -> list[Callable[[], None]]:
    """Return one request for each kind of change, with the nodes that need it."""
    writes: list[Callable[[], None]] = []
    target = task.target
    if changes.attributes:
        writes.append(
            lambda: slurm.update_attributes(hostlist.fold(changes.attributes), scontrol_fields(changes.new_attributes))
        )
    if changes.state and target is not None:
        writes.append(lambda: target.apply(slurm, changes.state, task.reason))
    if changes.reason:
        writes.append(lambda: slurm.update_nodes(hostlist.fold(changes.reason), reason=task.reason))
    return writes


def _expect_available(
    slurm: Slurm, max_unavailable: Optional[str], task: Task, loaded: dict[str, Node], state_changes: list[str]
) -> None:
    if max_unavailable is None:
        return
    limit = limit_of(max_unavailable)
    if state_changes and task.target is not None and task.target.takes_out:
        expect_within(limit, state_changes, loaded, unavailable(loaded, slurm.reservations()))


def _wait(slurm: Slurm, params: dict[str, Any], task: Task, names: list[str]) -> Optional[Callable[[], dict[str, Any]]]:
    """Return the wait that the task asks for."""
    if not params["wait"]:
        return None
    wait = task.target.wait(slurm, names) if task.target else None
    if wait is None:
        raise SlurmError("wait is for the states down, drained, failed, rebooted, powered_down and powered_up")
    return lambda: {"waited": wait_until_none(wait, params["wait_timeout"])}
