# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept on disk: the state directory and the inbox, also when a process is killed."""

from __future__ import annotations

import fcntl
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils import parts
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import Inbox
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.state import StateDirectory

LOAD = f"import runpy, pathlib; load = runpy.run_path({parts.__file__!r})['load']\n"
HOLD = (
    LOAD
    + "s = load('trigger_listener.state').StateDirectory(pathlib.Path({path!r})); print('held', flush=True); input()"
)
WRITE = (
    LOAD
    + "i = load('trigger_listener.inbox').Inbox(pathlib.Path({path!r}))\n"
    + "for n in range(100000): i.store(str(n), n, 'event', {{'n': n}}); print(n, flush=True)"
)


@pytest.fixture
def inbox(tmp_path):
    box = Inbox(tmp_path / "inbox")
    yield box
    box.close()


def process(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def kill(holder: subprocess.Popen[str]) -> str:
    holder.kill()
    return holder.communicate(timeout=10)[0]


def contents(box: Inbox) -> list[str]:
    found = []
    while entry := box.first():
        found.append(entry.uuid)
        box.remove(entry)
    return found


def test_the_state_directory_is_private_and_keeps_the_id(tmp_path):
    path = tmp_path / "a" / "b"
    state = StateDirectory(path)
    made = state.identity(None)
    assert path.stat().st_mode & 0o777 == 0o700
    assert len(made) == 32
    assert state.identity("given-id") == "given-id"
    state.close()
    again = StateDirectory(path)
    assert again.identity(None) == made
    again.close()


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 10])
def test_an_id_that_is_damaged(tmp_path, content):
    state = StateDirectory(tmp_path)
    (tmp_path / "id").write_bytes(content)
    with pytest.raises(ValueError, match="holds no id"):
        state.identity(None)
    state.close()


def test_a_directory_that_cannot_be_used(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="state_dir .*file cannot be used"):
        StateDirectory(tmp_path / "file")

    def refuse(*_args):
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ValueError, match="cannot be locked: no locks here"):
        StateDirectory(tmp_path / "d")


def test_one_listener_at_a_time(tmp_path):
    first = StateDirectory(tmp_path)
    with pytest.raises(ValueError, match="in use by another listener"):
        StateDirectory(tmp_path)
    first.close()
    StateDirectory(tmp_path).close()


def test_a_killed_holder_leaves_no_lock(tmp_path):
    holder = process(HOLD.format(path=str(tmp_path)))
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="in use by another listener"):
            StateDirectory(tmp_path)
    finally:
        kill(holder)
    StateDirectory(tmp_path).close()


def test_order_and_progress_survive_reopening(tmp_path):
    box = Inbox(tmp_path / "inbox")
    assert box.first() is None
    for name in "cab":
        box.store(name, 1.5, "event", {"name": name})
    box.advance(box.first(), 7)
    box.close()
    box = Inbox(tmp_path / "inbox")
    entry = box.first()
    assert (entry.uuid, entry.received, entry.kind, entry.content, entry.done) == ("c", 1.5, "event", {"name": "c"}, 7)
    assert contents(box) == ["c", "a", "b"]
    box.close()


def test_what_a_killed_writer_stored_is_there(tmp_path):
    writer = process(WRITE.format(path=str(tmp_path / "inbox")))
    seen = [writer.stdout.readline() for _number in range(30)]
    seen += kill(writer).splitlines(keepends=True)
    said = [line.strip() for line in seen if line.endswith("\n")]
    box = Inbox(tmp_path / "inbox")
    found = contents(box)
    box.close()
    assert len(said) >= 30
    # The writer may have been killed between storing one and saying so.
    assert found[: len(said)] == said and len(found) - len(said) <= 1


def test_a_later_schema_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "inbox") as connection:
        connection.execute("PRAGMA user_version=2")
    connection.close()
    with pytest.raises(ValueError, match=r"later release of hpc.slurm \(schema 2\)"):
        Inbox(tmp_path / "inbox")


def test_a_full_database_stores_nothing(inbox):
    connection = inbox._connection
    inbox.store("kept", 1, "event", {})
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(sqlite3.Error, match="full"):
        inbox.store("large", 1, "event", {"text": "x" * 100000})
    connection.execute("PRAGMA max_page_count=1000000")
    inbox.store("later", 1, "event", {})
    assert contents(inbox) == ["kept", "later"]


def test_a_database_that_is_read_only(inbox):
    inbox._connection.execute("PRAGMA query_only=1")
    assert not inbox.writable()
    with pytest.raises(sqlite3.Error, match="readonly"):
        inbox.store("lost", 1, "event", {})
    inbox._connection.execute("PRAGMA query_only=0")
    assert inbox.writable()
    assert contents(inbox) == []


def test_a_disk_that_takes_no_more(inbox):
    """The limit on the size of files stands for a full disk: the writing itself fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        writable = inbox.writable()
        with pytest.raises(sqlite3.Error):
            inbox.store("lost", 1, "event", {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not writable
    assert inbox.writable()
    inbox.store("later", 1, "event", {})
    assert not inbox._connection.in_transaction
    assert contents(inbox) == ["later"]


def test_many_threads(inbox):
    def work(thread: int) -> None:
        for number in range(20):
            inbox.store(f"{thread} {number}", 1, "event", {})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    found = contents(inbox)
    assert len(found) == len(set(found)) == 160
    for number in range(8):
        mine = [name for name in found if name.startswith(f"{number} ")]
        assert mine == [f"{number} {n}" for n in range(20)]


def test_no_file_is_readable_by_others(tmp_path):
    state = StateDirectory(tmp_path)
    assert Path(tmp_path, "lock").stat().st_mode & 0o077 == 0
    assert not os.get_inheritable(state._lock)
    state.close()
