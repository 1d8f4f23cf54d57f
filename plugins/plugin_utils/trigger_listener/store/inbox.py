# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inbox: the queue on disk of what was accepted and not yet delivered, in order.

A notification is one row, however many nodes it names. It is stored as received, in a fraction of a millisecond, and
resolved later (resolver.py). Its events are built when it is delivered (feed/events.py), each time with the same uuids,
and C(delivered) counts those that the engine has.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from typing import Any, Optional

from .database import Database
from .entries import MOST_SHOWN, Entry, NewEntry, Row, to_row

# What may be pending: far more than an engine that works ever leaves, and far less than a disk holds.
MOST_PENDING = 10_000
MOST_BYTES = 256 * 1024 * 1024
# Notifications that are examined at a time, whether they can be merged.
MOST_MERGED = 1000
# Completed entries that are kept for the status page.
KEPT = 1000


class InboxFullError(Exception):
    """Too many entries are pending."""


class Inbox:
    """The queue of a listener.

    :raises sqlite3.Error: from every method when the disk is full or cannot be written; then nothing is stored.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # At most so many entries, and characters of them, are pending: those that were counted last, and all since.
        self._pending, self._size = MOST_PENDING, MOST_BYTES

    def store(self, entries: Iterable[NewEntry]) -> None:
        """Append entries, all or none; they are on disk when this returns.

        :raises InboxFullError: when too many are pending.
        """
        rows = [to_row(entry, resolved=entry.is_resolved) for entry in entries]
        with self._database.transaction() as connection:
            self.expect_room(connection, rows)
            for row in rows:
                insert(connection, row)

    def expect_room(self, connection: sqlite3.Connection, rows: list[dict[str, Any]]) -> None:
        """Refuse rows for which there is no room, in a transaction that will insert them.

        :raises InboxFullError: when too many entries, or too large ones, are pending.
        """
        new = sum(row["size"] for row in rows)
        if not self._has_room(len(rows), new):
            query = "SELECT count(*), coalesce(sum(size), 0) FROM inbox WHERE outcome IS NULL"
            self._pending, self._size = connection.execute(query).fetchone()
            if not self._has_room(len(rows), new):
                raise InboxFullError(f"{self._pending} entries are pending")
        self._pending, self._size = self._pending + len(rows), self._size + new

    def _has_room(self, entries: int, size: int) -> bool:
        return self._pending + entries <= MOST_PENDING and self._size + size <= MOST_BYTES

    def oldest(self, unresolved: bool = False) -> Optional[Row]:
        """Return the row of the oldest pending entry, or None.

        :param unresolved: of those that have not been compared with the ledger.
        """
        query = f"{_SELECT_PENDING} AND NOT resolved" if unresolved else _SELECT_PENDING
        with self._database.reading() as connection:
            return connection.execute(f"{query} ORDER BY number LIMIT 1").fetchone()  # type: ignore[no-any-return]

    def unresolved_after(self, number: int) -> list[Row]:
        """Return the next notifications after this entry that have not been compared with the ledger."""
        query = f"{_SELECT_PENDING} AND NOT resolved AND number > ? ORDER BY number LIMIT ?"
        with self._database.reading() as connection:
            return connection.execute(query, (number, MOST_MERGED)).fetchall()

    def note_delivered(self, entry: Entry, count: int) -> None:
        """Note how many of an entry's events the engine has."""
        with self._database.transaction(durable=False) as connection:
            connection.execute("UPDATE inbox SET delivered = ? WHERE number = ?", (count, entry.number))

    def complete(self, entry: Entry, outcome: str, detail: str = "") -> None:
        """Note the outcome of an entry, and remove the oldest completed ones."""
        with self._database.transaction(durable=False) as connection:
            complete(connection, entry.number, outcome, detail)

    def has_pending(self, type_: str) -> bool:
        """Tell whether an event of this type is pending."""
        query = "SELECT 1 FROM inbox WHERE outcome IS NULL AND summary = ? LIMIT 1"
        with self._database.reading() as connection:
            return connection.execute(query, (type_,)).fetchone() is not None

    def remove_pending(self, type_: str) -> None:
        """Remove the pending events of this type."""
        query = "DELETE FROM inbox WHERE outcome IS NULL AND kind = 'event' AND summary = ?"
        with self._database.transaction() as connection:
            connection.execute(query, (type_,))


_SELECT_PENDING = (
    "SELECT number, uuid, received, kind, summary, content, delivered, resolved FROM inbox WHERE outcome IS NULL"
)


# Statements, within a transaction of the caller's.


def insert(connection: sqlite3.Connection, row: dict[str, Any]) -> int:
    """Insert a row of to_row() and return its number."""
    statement = (
        "INSERT INTO inbox (uuid, received, kind, summary, hostlist, nodes, content, size, resolved) VALUES"
        " (:uuid, :received, :kind, :summary, :hostlist, :nodes, :content, :size, :resolved)"
    )
    return connection.execute(statement, row).lastrowid or 0


def set_content(connection: sqlite3.Connection, number: int, content: str) -> None:
    """Replace a notification's content by what the comparison with the ledger found."""
    connection.execute("UPDATE inbox SET content = ?, resolved = 1 WHERE number = ?", (content, number))


def complete(connection: sqlite3.Connection, number: int, outcome: str, detail: str) -> None:
    # The content may be a megabyte, and is not needed any more.
    statement = "UPDATE inbox SET outcome = ?, detail = ?, content = '{}' WHERE number = ?"
    connection.execute(statement, (outcome, detail[:MOST_SHOWN], number))
    connection.execute("DELETE FROM inbox WHERE outcome IS NOT NULL AND number <= ?", (number - KEPT,))


def add_undeliverable(connection: sqlite3.Connection, uuid: str, event: dict[str, Any], error: str) -> None:
    """Keep an event that the engine failed with.

    :param uuid: that of its entry.
    """
    statement = "INSERT INTO undeliverable (entry, event, error, time) VALUES (?, ?, ?, ?)"
    connection.execute(statement, (uuid, json.dumps(event), error, time.time()))
    connection.execute("DELETE FROM undeliverable WHERE number <= (SELECT max(number) FROM undeliverable) - ?", (KEPT,))
