# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: what was last reported of each node, in the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from .node_record import FLAP_WINDOW, RETRY_WINDOW, NodeRecord
from .records import Record

Row = tuple[str, str, float, str, str, str, float, float, float, float]


_NOTES = (
    "UPDATE ledger SET failed = ? WHERE node IN (SELECT value FROM json_each(?))",
    "UPDATE ledger SET postponed = ? WHERE node IN (SELECT value FROM json_each(?))",
    "UPDATE ledger SET resumed = ? WHERE node IN (SELECT value FROM json_each(?))",
)


def rows_of(records: Iterable[NodeRecord]) -> list[Row]:
    """Return the rows of records; made before a transaction, so that it is short."""
    return [
        (
            *(it.node, ",".join(sorted(it.states)), it.reported),
            *(json.dumps(it.left_service), json.dumps(it.details), json.dumps(it.retried)),
            *(it.failed, it.postponed, it.repeated, it.resumed),
        )
        for it in records
    ]


class Ledger:
    """The rows of the ledger, within a transaction of the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, nodes: Iterable[str]) -> dict[str, NodeRecord]:
        """Return a record for every node, a new one for a node that is not in the ledger."""
        names = list(nodes)
        query = "SELECT * FROM ledger WHERE node IN (SELECT value FROM json_each(?))"
        known = {row[0]: _record(row) for row in self._connection.execute(query, (json.dumps(names),))}
        return {name: known.get(name) or NodeRecord(name) for name in names}

    def out_of_service(self) -> dict[str, NodeRecord]:
        """Return the nodes that were last reported out of service."""
        rows = self._connection.execute("SELECT * FROM ledger WHERE states != ''")
        return {row[0]: _record(row) for row in rows}

    def write(self, rows: list[Row]) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def remove(self, nodes: Iterable[str]) -> None:
        """Remove nodes, so that the next snapshot reports them again."""
        query = "DELETE FROM ledger WHERE node IN (SELECT value FROM json_each(?))"
        self._connection.execute(query, (json.dumps(list(nodes)),))

    def note(self, record: Record) -> None:
        """Note what a reaction did with its nodes."""
        for query, nodes in zip(_NOTES, (record.failed(), record.postponed(), record.resumed())):
            self._connection.execute(query, (record.time, json.dumps(list(nodes))))

    def prune(self, now: float) -> None:
        """Remove nodes that have been in service for so long that they cannot flap, and that have retries left."""
        query = "DELETE FROM ledger WHERE states = '' AND reported < iif(retried = '[]', ?, ?)"
        self._connection.execute(query, (now - FLAP_WINDOW, now - RETRY_WINDOW))


def _record(row: Row) -> NodeRecord:
    node, states, reported, left_service, details, retried, *times = row
    names = frozenset(states.split(",")) if states else frozenset()
    return NodeRecord(
        node, names, reported, tuple(json.loads(left_service)), json.loads(details), tuple(json.loads(retried)), *times
    )
