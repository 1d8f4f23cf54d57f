# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database: transactions are all or nothing, and a disk that cannot be written is noticed."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import threading

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.database import SCHEMA, Database


@pytest.fixture
def database(tmp_path):
    with contextlib.closing(Database(tmp_path / "db")) as made:
        yield made


def store(database: Database, name: str, **keys: bool) -> None:
    with database.transaction(**keys) as connection:
        connection.execute("INSERT INTO last_sync VALUES (?, '1')", (name,))


def stored(database: Database) -> list[str]:
    with database.reading() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM last_sync ORDER BY name")]


def pragma(database: Database, name: str) -> object:
    with database.reading() as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_file(database, tmp_path):
    assert (pragma(database, "journal_mode"), pragma(database, "user_version")) == ("wal", SCHEMA)
    store(database, "durable")
    assert pragma(database, "synchronous") == 2  # FULL
    store(database, "progress", durable=False)
    assert pragma(database, "synchronous") == 1  # NORMAL
    with contextlib.closing(Database(tmp_path / "db")) as again:
        assert stored(again) == ["durable", "progress"]


@pytest.mark.parametrize("error", [ValueError, sqlite3.IntegrityError, KeyboardInterrupt])
def test_all_or_nothing(database, error):
    with pytest.raises(error), database.transaction() as connection:
        connection.execute("INSERT INTO last_sync VALUES ('half', '1')")
        raise error
    assert stored(database) == []
    store(database, "later")
    assert stored(database) == ["later"]


def test_a_later_schema_is_refused(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA + 1}")
    with pytest.raises(ValueError, match=rf"later release of hpc.slurm \(schema {SCHEMA + 1}\): use that one"):
        Database(tmp_path / "db")


def test_a_file_that_is_not_a_database(tmp_path):
    (tmp_path / "db").write_text("this is no database, and long enough to be looked at" * 20)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        Database(tmp_path / "db")


def test_a_full_database_stores_nothing(database):
    store(database, "kept")
    with database.reading() as connection:
        connection.execute(f"PRAGMA max_page_count={pragma(database, 'page_count')}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store(database, "x" * 100_000)
    assert not database._connection.in_transaction
    with database.reading() as connection:
        connection.execute("PRAGMA max_page_count=1000000")
    store(database, "later")
    assert stored(database) == ["kept", "later"]


def test_a_database_that_is_read_only(database):
    with database.reading() as connection:
        connection.execute("PRAGMA query_only=1")
    assert not database.writable()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store(database, "lost")
    with database.reading() as connection:
        connection.execute("PRAGMA query_only=0")
    assert database.writable()
    assert stored(database) == []


def test_a_disk_without_room(database):
    """A limit on the size of files simulates it: the write itself fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        writable = database.writable()
        for durable in (True, False):
            with pytest.raises(sqlite3.Error):
                store(database, "lost", durable=durable)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not writable
    assert database.writable()
    store(database, "later")
    assert not database._connection.in_transaction
    assert stored(database) == ["later"]


def test_many_threads(database):
    def work(thread: int) -> None:
        for number in range(20):
            store(database, f"{thread} {number:02}", durable=number % 2 == 0)
            assert database.writable()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert stored(database) == [f"{thread} {number:02}" for thread in range(8) for number in range(20)]
