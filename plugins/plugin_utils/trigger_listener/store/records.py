# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of reactions: what each run of a playbook did with the nodes of its event, and why."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from ....module_utils.common import hostlist
from .entries import MOST_SHOWN

# Records that are kept.
KEPT = 1000
# Groups of a record on the status page.
MOST_GROUPS = 20
# The decisions that leave nodes drained for a person, that did not succeed, and that the next sync is to repeat.
HELD = "held"
FAILED = "failed"
POSTPONED = "postponed"
RESUMED = "resumed"


class Group(NamedTuple):
    """Nodes with the same decision, as a hostlist."""

    nodes: str
    decision: str
    why: str


class Record(NamedTuple):
    """What a run of a playbook did.

    :param event: the uuid of the event that ran it.
    :param notification: the uuid of the event's entry.
    :param time: when it was received.
    """

    event: str
    notification: str
    playbook: str
    time: float
    groups: list[Group]

    def shown(self) -> list[Group]:
        """Return what the status page shows of it."""
        return [
            group._replace(nodes=group.nodes if len(group.nodes) <= MOST_SHOWN else group.nodes[:MOST_SHOWN] + "...")
            for group in self.groups[:MOST_GROUPS]
        ]

    def held(self) -> set[str]:
        """Return the nodes that the run left drained for a person."""
        return self._nodes(HELD)

    def failed(self) -> set[str]:
        """Return the nodes with which the run failed."""
        return self._nodes(FAILED)

    def postponed(self) -> set[str]:
        """Return the nodes that the run left as they are until the next sync."""
        return self._nodes(POSTPONED)

    def resumed(self) -> set[str]:
        """Return the nodes that the run brought back."""
        return self._nodes(RESUMED)

    def _nodes(self, decision: str) -> set[str]:
        return {name for it in self.groups if it.decision == decision for name in hostlist.expand(it.nodes)}


_QUERIES = {
    "event": (
        "SELECT event, notification, playbook, time, groups FROM records"
        " WHERE event IN (SELECT value FROM json_each(?)) ORDER BY number"
    ),
    "notification": (
        "SELECT event, notification, playbook, time, groups FROM records"
        " WHERE notification IN (SELECT value FROM json_each(?)) ORDER BY number"
    ),
}


class Records:
    """The rows of the records, within a transaction of the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, record: Record) -> None:
        """Add a record, and remove the oldest ones."""
        row = (record.event, record.notification, record.playbook, record.time, json.dumps(record.groups))
        statement = "INSERT INTO records (event, notification, playbook, time, groups) VALUES (?, ?, ?, ?, ?)"
        number = self._connection.execute(statement, row).lastrowid or 0
        self._connection.execute("DELETE FROM records WHERE number <= ?", (number - KEPT,))

    def of_events(self, events: Iterable[str]) -> dict[str, Record]:
        """Return the last record of each of these events that has one."""
        return {record.event: record for record in self._read("event", events)}

    def of_entries(self, entries: Iterable[str]) -> dict[str, list[Record]]:
        """Return the last record of each event of these entries."""
        found: dict[str, dict[str, Record]] = {}
        for record in self._read("notification", entries):
            found.setdefault(record.notification, {})[record.event] = record
        return {entry: list(records.values()) for entry, records in found.items()}

    def _read(self, column: str, values: Iterable[str]) -> list[Record]:
        rows = self._connection.execute(_QUERIES[column], (json.dumps(list(values)),))
        return [
            Record(event, notification, playbook, when, [Group(*group) for group in json.loads(groups)])
            for event, notification, playbook, when, groups in rows
        ]
