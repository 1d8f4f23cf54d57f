# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk: one SQLite file with all that a listener must not forget, for any thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# 1: the first.
SCHEMA = 1

TABLES = """
CREATE TABLE IF NOT EXISTS inbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    received REAL NOT NULL,       -- seconds since the epoch, by the listener's clock
    kind TEXT NOT NULL,           -- notification, snapshot or event
    what TEXT NOT NULL,           -- for people: node down, snapshot, listener_up
    hostlist TEXT NOT NULL,       -- for people
    nodes INTEGER NOT NULL,
    size INTEGER NOT NULL,        -- bytes of the content as it came
    settled INTEGER NOT NULL,     -- whether the ledger has said what of it is new
    done INTEGER NOT NULL DEFAULT 0,  -- how many of its events the engine has taken
    outcome TEXT,                 -- NULL: it waits
    detail TEXT NOT NULL DEFAULT '',
    content TEXT NOT NULL         -- JSON; the last, since what follows a large column is slow to read
);
CREATE INDEX IF NOT EXISTS waiting ON inbox (number, size) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS aside (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL,          -- the uuid of its row in the inbox
    event TEXT NOT NULL,          -- JSON
    error TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger (
    node TEXT PRIMARY KEY,
    conditions TEXT NOT NULL,     -- down,drained
    changed REAL NOT NULL,        -- when it was last reported
    fell TEXT NOT NULL,           -- JSON: when it left service
    details TEXT NOT NULL         -- JSON: what a snapshot told of it
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Database:
    """A connection that one thread uses at a time.

    :raises sqlite3.Error: from every method when the disk is full or cannot be written; nothing is stored then.
    :raises ValueError: when a later release has written the file.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise ValueError(f"{path} was written by a later release of hpc.slurm (schema {version}): use that one")
            self._connection.executescript(f"{TABLES} PRAGMA user_version={SCHEMA};")
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def transaction(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Do all of it or nothing.

        :param durable: whether it is on the disk when this ends. What is not survives a crash of the process, and not
            one of the machine: right for notes of progress, without which an event comes a second time.
        """
        with self._lock:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            yield self._connection

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
