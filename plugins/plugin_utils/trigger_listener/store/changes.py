# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes a notification or a snapshot changes, by what the ledger has of them. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ....module_utils.common.reasons import planned_absence
from . import node_record
from .node_record import NodeRecord
from .snapshot import Group, Snapshot

# The number of flaps in an event goes up to this one, so that the nodes of a notification make few batches.
MOST_FLAPS = 4


class Changes(NamedTuple):
    """The comparison with the ledger.

    :param changed: each changed node with a state to report, as its record is after it.
    :param records: the records to write to the ledger.
    :param flaps: how many nodes left service again within the hour.
    :param given_up: the nodes that would be reported again now, if retries were left.
    """

    changed: list[tuple[NodeRecord, str]]
    records: list[NodeRecord]
    flaps: int
    given_up: tuple[str, ...] = ()


def of_notification(known: Iterable[NodeRecord], state: str, now: float) -> Changes:
    """Compare a notification with the ledger.

    :param known: the record of each of its nodes.
    :param state: the event kind of the trigger.
    """
    changed, flaps = [], 0
    for record in known:
        after, is_change = node_record.apply_trigger(record, state, now)
        if is_change:
            changed.append((after, state))
            flaps += _flapped(record, after, now)
    return Changes(changed, [record for record, _state in changed], flaps)


class Retries(NamedTuple):
    """When nodes are reported again that are still out of service after their reaction.

    :param per_day: how often a day.
    :param limit: seconds after which a reaction without a record counts as ended.
    :param ended: when the reactions ended that have drained nodes, by the uuids of their events.
    :param held: the nodes that these reactions left drained for a person.
    """

    per_day: int = 3
    limit: float = 3600.0
    ended: Mapping[str, float] = {}
    held: frozenset[str] = frozenset()

    def is_due(self, record: NodeRecord, group: Group, read_at: float) -> bool:
        """Tell whether a node is to be reported again.

        :param record: the node before this snapshot.
        """
        if record.node in self.held or planned_absence(group.flags, group.reason):
            return False
        if group.reaction is not None:
            ended = max(self.ended.get(group.reaction, 0.0), record.failed, record.postponed)
            return record.repeated < ended < read_at or read_at - max(group.since, record.repeated) > self.limit
        if group.by_slurmctld and "DOWN" in group.flags and "DRAIN" not in group.flags:
            ended = max(record.failed, record.postponed)
            return record.reported < ended < read_at or read_at - record.reported > self.limit
        return False


DEFAULT_RETRIES = Retries()


def of_snapshot(
    known: Mapping[str, NodeRecord],
    snapshot: Snapshot,
    now: float,
    gap_start: float,
    retries: Retries = DEFAULT_RETRIES,
) -> Changes:
    """Compare a snapshot with the ledger.

    :param known: the record of each node that is in the snapshot, or out of service by the ledger.
    :param gap_start: see node_record.apply_snapshot().
    """
    groups = {name: group for group in snapshot.groups for name in group.nodes}
    changed, records, flaps, given_up = [], [], 0, []
    for name, record in known.items():
        if name in groups:
            after, states = node_record.apply_snapshot(record, groups[name], snapshot.read_at, now, gap_start)
            is_known = record.reported > 0.0 and not record.is_newer(snapshot.read_at, now)
            if is_known and "down" not in states and retries.is_due(record, groups[name], snapshot.read_at):
                after, is_due = after.with_retry(now, retries.per_day)
                states = [*states, *(["down"] if is_due else [])]
                # Once: after it, the ledger has this.
                given_up += [name] if not is_due and record.details.get("retry", True) else []
        else:
            after, states = node_record.apply_absence(record, snapshot.read_at, now)
        if after != record:
            records.append(after)
        changed += [(after, state) for state in states]
        flaps += _flapped(record, after, now)
    return Changes(changed, records, flaps, tuple(given_up))


def reports_of(changed: Iterable[tuple[NodeRecord, str]], now: float) -> list[dict[str, Any]]:
    """Return reports: groups of nodes with the same state, details and number of flaps."""
    reports: dict[str, dict[str, Any]] = {}
    for record, state in changed:
        report = {"state": state, "flaps": min(record.flaps(now), MOST_FLAPS), "details": record.details}
        reports.setdefault(json.dumps(report), {**report, "nodes": []})["nodes"].append(record.node)
    return list(reports.values())


def _flapped(before: NodeRecord, after: NodeRecord, now: float) -> int:
    """Return 1 when a node left service, and not for the first time within the hour."""
    return int(after.left_service[-1:] != before.left_service[-1:] and after.flaps(now) > 1)
