# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database: one SQLite file with everything that a listener must not lose, usable from any thread."""

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
    summary TEXT NOT NULL,        -- node down, snapshot, listener_up
    hostlist TEXT NOT NULL,       -- for the status page, shortened
    nodes INTEGER NOT NULL,
    size INTEGER NOT NULL,        -- characters of the content as received
    resolved INTEGER NOT NULL,    -- whether it has been compared with the ledger
    delivered INTEGER NOT NULL DEFAULT 0,  -- how many of its events the engine has
    outcome TEXT,                 -- NULL: pending
    detail TEXT NOT NULL DEFAULT '',
    content TEXT NOT NULL         -- JSON; the last column, because those behind a large one are slow to read
);
CREATE INDEX IF NOT EXISTS pending ON inbox (number, size) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,          -- the uuid of the event that ran the playbook
    notification TEXT NOT NULL,   -- the uuid of its entry
    playbook TEXT NOT NULL,
    time REAL NOT NULL,
    groups TEXT NOT NULL          -- JSON: nodes, decision and why
);
CREATE TABLE IF NOT EXISTS undeliverable (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL,          -- the uuid of its entry
    event TEXT NOT NULL,          -- JSON
    error TEXT NOT NULL,
    time REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger (
    node TEXT PRIMARY KEY,
    states TEXT NOT NULL,         -- down,drained
    reported REAL NOT NULL,       -- when it was last reported
    left_service TEXT NOT NULL,   -- JSON: when it left service, within the last hour
    details TEXT NOT NULL,        -- JSON: its reason and flags in the last snapshot
    retried TEXT NOT NULL,        -- JSON: when it was reported again for its reaction, within the last day
    failed REAL NOT NULL,         -- when its reaction last failed
    postponed REAL NOT NULL,      -- when its reaction was last postponed
    repeated REAL NOT NULL,       -- when it was last reported again for its reaction
    resumed REAL NOT NULL         -- when its reaction last resumed it
) WITHOUT ROWID;
-- Of the last snapshot, and of the last sync that failed; values are JSON.
CREATE TABLE IF NOT EXISTS last_sync (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Database:
    """A connection, used by one thread at a time.

    :raises sqlite3.Error: from every method when the disk is full or cannot be written; then nothing is stored.
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
        """Store everything that is done in the context, or nothing.

        :param durable: whether it is on disk at the end. What is not durable survives a crash of the process, but not
            of the machine: good enough for progress, without which an event is delivered twice.
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
        """Tell whether the disk can be written, by writing a value that is there already.

        The statement commits itself: a transaction that is rolled back never reaches the disk, which may be full.
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
