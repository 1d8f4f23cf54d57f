# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inbox: what has been accepted and not yet been taken by the engine, on disk.

A notification is one row, however many nodes it names; its events are made when it is fed (events.py), with the same
uuids each time, and C(done) says how many of them the engine has taken.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any, NamedTuple, Optional

# 1: the first.
SCHEMA = 1


class Entry(NamedTuple):
    """A row of the inbox: a notification (kind C(notification)) or an event as it is (kind C(event))."""

    number: int
    uuid: str
    received: float
    kind: str
    content: dict[str, Any]
    done: int


class Inbox:
    """A queue in SQLite, for any thread.

    :raises sqlite3.Error: from every method when the disk is full or cannot be written; nothing is stored then.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            self._connection.close()
            raise ValueError(f"{path} was written by a later release of hpc.slurm (schema {version}): use that one")
        self._connection.executescript(
            "CREATE TABLE IF NOT EXISTS inbox (number INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE,"
            " received REAL NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0);"
            f"PRAGMA user_version={SCHEMA};"
        )

    def store(self, uuid: str, received: float, kind: str, content: dict[str, Any]) -> None:
        """Put an entry at the end; it is on disk when this returns."""
        values = (uuid, received, kind, json.dumps(content))
        with self._lock:
            self._connection.execute("INSERT INTO inbox (uuid, received, kind, content) VALUES (?, ?, ?, ?)", values)

    def first(self) -> Optional[Entry]:
        """Return the entry that has waited longest, or None."""
        query = "SELECT number, uuid, received, kind, content, done FROM inbox ORDER BY number LIMIT 1"
        with self._lock:
            row = self._connection.execute(query).fetchone()
        if row is None:
            return None
        number, uuid, received, kind, content, done = row
        return Entry(number, uuid, received, kind, json.loads(content), done)

    def advance(self, entry: Entry, done: int) -> None:
        """Note that the engine has taken so many of the entry's events."""
        with self._lock:
            self._connection.execute("UPDATE inbox SET done = ? WHERE number = ?", (done, entry.number))

    def remove(self, entry: Entry) -> None:
        with self._lock:
            self._connection.execute("DELETE FROM inbox WHERE number = ?", (entry.number,))

    def writable(self) -> bool:
        """Tell whether the disk takes a change, by writing one that changes nothing.

        One statement that commits itself: what is rolled back never reaches the disk, so a full one goes unnoticed.
        """
        with self._lock:
            try:
                self._connection.execute(f"PRAGMA user_version={SCHEMA}")
            except sqlite3.Error:
                return False
        return True

    def close(self) -> None:
        with self._lock:
            self._connection.close()
