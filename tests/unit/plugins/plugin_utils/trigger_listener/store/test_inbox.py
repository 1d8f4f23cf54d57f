# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inbox: order, progress, limits, a full disk, and crashes."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.plugin_utils import parts
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.events import EventBuilder, listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store import inbox as inbox_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.entries import MOST_SHOWN, NewEntry
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.inbox import InboxFullError
from ansible_collections.hpc.slurm.tests.unit.listener import ME, Core, snapshot

WRITE = f"""
import runpy, pathlib
load = runpy.run_path({parts.__file__!r})["load"]
inbox, database = load("trigger_listener.store.inbox"), load("trigger_listener.store.database")
entries = load("trigger_listener.store.entries")
box = inbox.Inbox(database.Database(pathlib.Path({{path!r}})))
for n in range(100000):
    new = entries.NewEntry.notification("node", "down", f"n{{{{n}}}}")
    box.store([new])
    print(new.uuid, flush=True)
"""


def listener_up() -> NewEntry:
    return NewEntry.event(listener_event("listener_up", ME))


def test_what_is_stored(core):
    new = core.notify("down", "n[1-3],n7", at=1.5)
    row = core.rows("SELECT uuid, received, kind, summary, hostlist, nodes, resolved, delivered, outcome FROM inbox")
    assert row == [(new.uuid, 1.5, "notification", "node down", "n[1-3],n7", 4, 0, 0, None)]
    assert core.inbox.has_pending("node down") and not core.inbox.has_pending("node up")


@pytest.mark.parametrize("text", ["", "n[", "@all", "n1 n2", "n[1-5000000]"])
def test_a_notification_needs_a_hostlist(text):
    with pytest.raises(SlurmError):
        NewEntry.notification("node", "down", text)


def test_a_long_hostlist_is_shortened_for_the_status_page_only(core):
    text = ",".join(f"a{number}x" for number in range(1000))
    core.notify("down", text)
    (shown,) = core.rows("SELECT hostlist FROM inbox")
    assert shown == text[:MOST_SHOWN] + "..."
    assert core.resolver.next_entry().content["reports"][0]["hostlist"] == text


def test_order_and_progress_survive_reopening(core):
    first, event, last = core.notify("down", "n1"), listener_up(), core.notify("up", "n1")
    core.inbox.store([event])
    core.inbox.note_delivered(core.resolver.next_entry(), 7)
    core.close()
    with contextlib.closing(Core(core.path)) as again:
        entry = again.resolver.next_entry()
        assert (entry.uuid, entry.summary, entry.delivered) == (first.uuid, "node down", 7)
        found = []
        while entry := again.resolver.next_entry():
            found.append(entry.uuid)
            again.inbox.complete(entry, "delivered")
        assert found == [first.uuid, last.uuid, event.uuid]


def test_several_entries_are_stored_all_or_none(core):
    new = NewEntry.notification("node", "down", "n1")
    with pytest.raises(sqlite3.IntegrityError):
        core.inbox.store([NewEntry.notification("node", "up", "n2"), new, new])
    assert core.pending() == []
    core.inbox.store([])
    assert core.resolver.next_entry() is None


def test_the_number_of_entries_is_bounded(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "MOST_PENDING", 3)
    for number in range(3):
        core.notify("down", f"n{number}")
    for attempt in (
        lambda: core.notify("down", "n9"),
        lambda: core.inbox.store([listener_up()]),
        lambda: core.apply_snapshot(("n9", "DOWN")),
    ):
        with pytest.raises(InboxFullError, match="3 entries are pending"):
            attempt()
    assert core.pending() == ["node down"] * 3
    # A snapshot without changes needs no room.
    assert core.apply_snapshot(("n[0-2]", "DOWN")) == 0
    core.inbox.complete(core.resolver.next_entry(), "delivered")
    core.notify("down", "n9")
    assert len(core.pending()) == 3


def test_the_bytes_are_bounded(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "MOST_BYTES", 3000)
    text = ",".join(f"a{number}" for number in range(500))
    core.notify("down", text)
    with pytest.raises(InboxFullError):
        core.notify("up", text)
    core.inbox.complete(core.resolver.next_entry(), "delivered")
    core.notify("up", text)


def test_the_last_completed_entries_are_kept(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "KEPT", 5)
    for number in range(20):
        core.notify("down", f"n{number}")
    while entry := core.resolver.next_entry():
        core.resolver.mark_undeliverable(entry, {}, "never")
        core.inbox.complete(entry, "undeliverable", "x" * 5000)
    assert core.rows("SELECT number FROM inbox ORDER BY number") == [16, 17, 18, 19, 20]
    assert core.rows("SELECT number FROM undeliverable ORDER BY number") == [16, 17, 18, 19, 20]
    assert set(core.rows("SELECT content, length(detail) FROM inbox")) == {("{}", MOST_SHOWN)}


def test_pending_entries_are_never_removed(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "KEPT", 5)
    core.notify("down", "n1")
    core.apply_snapshot()
    for _number in range(20):
        core.apply_snapshot()  # without changes, and completed at once
    assert core.outcomes()[:2] == [("node down", "pending"), ("snapshot", "pending")]
    assert len(core.rows("SELECT number FROM inbox")) == 7


def test_removing_pending_events(core):
    core.inbox.store([listener_up(), NewEntry.event(listener_event("sync_due", ME))])
    core.notify("down", "n1")
    core.inbox.remove_pending("sync_due")
    assert core.pending() == ["listener_up", "node down"]


def test_a_full_disk(core, fill_disk):
    """Nothing is half stored, nothing is counted, and it recovers."""
    core.notify("down", "n1")
    core.notify("down", "n1")
    entry = core.resolver.next_entry()
    core.inbox.complete(entry, "delivered")
    read = snapshot(("n[1-2]", "DOWN"))
    fill_disk()
    calls = [
        lambda: core.notify("up", "n9"),
        core.resolver.next_entry,  # which resolves it
        lambda: core.resolver.apply_snapshot(read, EventBuilder("node", ME).count),
        lambda: core.inbox.note_delivered(entry, 1),
        lambda: core.inbox.complete(entry, "delivered"),
        lambda: core.resolver.mark_undeliverable(entry, {"meta": {"hosts": ["n1"]}}, "why"),
        lambda: core.inbox.remove_pending("node down"),
    ]
    for _again in range(3):
        for call in calls:
            with pytest.raises(sqlite3.OperationalError):
                call()
    fill_disk(False)
    assert core.sample("duplicates_total", type="down") == 0
    assert core.sample("events_undeliverable_total") == core.sample("flaps_total") == 0
    assert core.pending() == ["node down"]
    assert core.apply_snapshot(("n[1-2]", "DOWN")) == 1
    assert core.states() == [("n2", "down")]
    assert core.sample("duplicates_total", type="down") == 1


def test_what_a_killed_writer_stored_keeps_its_uuids(core):
    core.close()
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WRITE.format(path=str(core.path))]
    with subprocess.Popen(command, stdout=pipe, text=True) as writer:
        lines = [writer.stdout.readline() for _number in range(30)]
        writer.kill()
        lines += writer.communicate(timeout=10)[0].splitlines(keepends=True)
    printed = [line.strip() for line in lines if line.endswith("\n")]
    with contextlib.closing(Core(core.path)) as again:
        found = again.rows("SELECT uuid FROM inbox WHERE outcome IS NULL ORDER BY number")
        states = again.states()
    assert len(printed) >= 30
    # The writer may have been killed between storing an entry and printing it.
    assert found[: len(printed)] == printed and len(found) - len(printed) <= 1
    assert states == [(f"n{number}", "down") for number in range(len(found))]
