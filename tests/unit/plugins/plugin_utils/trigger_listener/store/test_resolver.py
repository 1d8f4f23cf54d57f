# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resolver: what is a change and what a duplicate, entries that cannot be read, and interruptions."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.events import EventBuilder
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store import resolver as resolver_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.resolver import Resolver
from ansible_collections.hpc.slurm.tests.unit.listener import ME, Core, snapshot


def test_a_state_is_reported_once(core):
    core.notify("down", "n[1-2]")
    core.notify("down", "n[2-3]")
    core.notify("up", "n1")
    core.notify("down", "n1")
    assert core.states() == [("n1", "down"), ("n2", "down"), ("n3", "down"), ("n1", "up"), ("n1", "down")]
    assert core.ledger() == {"n1": "down", "n2": "down", "n3": "down"}
    assert core.sample("duplicates_total", type="down") == 1
    assert core.sample("flaps_total") == 1


def test_a_notification_without_changes_has_a_trigger_fired_event(core):
    core.notify("down", "n1")
    core.notify("down", "n1")
    assert [event["type"] for event in core.feed()] == ["trigger_fired", "node_state", "trigger_fired"]


def test_a_notification_is_resolved_once(core):
    """The changes are stored with the entry: they are the same the second time, and after a crash."""
    core.notify("down", "n1")
    assert core.resolver.next_entry() == core.resolver.next_entry()
    core.close()
    with contextlib.closing(Core(core.path)) as again:
        assert again.states() == [("n1", "down")]
        assert again.sample("duplicates_total", type="down") is None


def test_waiting_notifications_of_a_kind_become_one(core):
    merging = Resolver(core.database, core.inbox, core.metrics, merges=True)
    first = core.notify("down", "n[1-2]")
    core.notify("up", "n7")
    core.notify("down", "n[2-4]")
    core.notify("drained", "n4")
    core.notify("down", "n7")  # it was up before
    core.notify("down", "n4")  # it was drained before
    core.notify("down", "n9")
    entry = merging.next_entry()
    assert (entry.uuid, entry.content["reports"][0]["nodes"]) == (first.uuid, ["n1", "n2", "n3", "n4", "n9"])
    assert core.ledger() == dict.fromkeys(("n1", "n2", "n3", "n4", "n9"), "down")
    down, up, done, outcome = "node down", "node up", "pending", "merged"
    assert core.outcomes() == [
        (down, done), (up, done), (down, outcome), ("node drained", done), (down, done), (down, done), (down, outcome)
    ]  # fmt: skip
    # What comes later does not join what may have been delivered: after a crash it is the same event.
    core.notify("down", "n10")
    assert Resolver(core.database, core.inbox, core.metrics, merges=True).next_entry() == entry
    core.inbox.complete(entry, "delivered")
    found = []
    while entry := merging.next_entry():
        found += [(report["state"], report["nodes"]) for report in entry.content["reports"]]
        core.inbox.complete(entry, "delivered")
    assert found == [("up", ["n7"]), ("drained", ["n4"]), ("down", ["n7", "n10"])]


def test_a_node_named_by_several_merged_notifications_is_a_duplicate(core):
    for nodes in ("n1", "n[1-2]", "n2"):
        core.notify("down", nodes)
    merging = Resolver(core.database, core.inbox, core.metrics, merges=True)
    [report] = merging.next_entry().content["reports"]
    assert (report["nodes"], core.sample("duplicates_total", type="down")) == (["n1", "n2"], 2)


def test_large_notifications_are_not_merged(core):
    for nodes in ("n[1-6000]", "k[1-4000]", "m1"):
        core.notify("down", nodes)
    entry = Resolver(core.database, core.inbox, core.metrics, merges=True).next_entry()
    assert len(entry.content["reports"][0]["nodes"]) == 10_000
    assert core.outcomes() == [("node down", it) for it in ("pending", "merged", "pending")]


def test_an_unreadable_entry_is_not_merged(core):
    for nodes in ("n1", "n2", "n3"):
        core.notify("down", nodes)
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = 'no JSON' WHERE number = 2")
    merging = Resolver(core.database, core.inbox, core.metrics, merges=True)
    entry = merging.next_entry()
    assert entry.content["reports"][0]["nodes"] == ["n1", "n3"]
    core.inbox.complete(entry, "delivered")
    assert merging.next_entry() is None
    assert core.outcomes() == [("node down", it) for it in ("delivered", "undeliverable", "merged")]


def test_nodes_with_different_flaps_are_different_batches(core):
    for type_ in ("down", "up", "down", "up"):
        core.notify(type_, "n1")
    core.notify("down", "n[1-3]")
    core.states()
    core.notify("up", "n[1-3]")
    core.notify("down", "n[1-3]")
    *_before, one, two = core.feed("batch")
    assert [(event["hostlist"], event["flaps"]) for event in (one, two)] == [("n1", 4), ("n[2-3]", 2)]
    assert core.sample("flaps_total") == 5


def test_a_snapshot_finds_changes_without_a_notification(core):
    core.notify("down", "n1")
    core.notify("drained", "n3")
    assert core.apply_snapshot(("n[1-2]", "DOWN+NOT_RESPONDING"), ("n4", "IDLE+DRAIN")) == 3
    assert core.outcomes() == [("node down", "pending"), ("node drained", "pending"), ("snapshot", "pending")]
    events = [event for event in core.feed() if event["type"] == "node_state"]
    assert [(it["node"], it["state"], it["origin"]) for it in events] == [
        ("n1", "down", "trigger"),
        ("n3", "drained", "trigger"),
        ("n3", "up", "snapshot"),
        ("n2", "down", "snapshot"),
        ("n4", "drained", "snapshot"),
    ]
    assert events[3].items() >= {"reason": "Not responding", "reason_user": "slurm", "flaps": 1}.items()
    assert events[3]["flags"] == ["DOWN", "NOT_RESPONDING"]
    assert core.ledger() == {"n1": "down", "n2": "down", "n4": "drained"}
    assert core.apply_snapshot(("n[1-2]", "DOWN"), ("n4", "IDLE+DRAIN")) == 0
    assert core.outcomes()[-1] == ("snapshot", "unchanged")
    assert dict(core.rows("SELECT name, value FROM last_sync"))["nodes"] == "1000"


def test_a_notification_after_slurm_was_read_is_newer_than_the_snapshot(core):
    read = snapshot(("n2", "DOWN"), age=5.0)
    core.notify("down", "n1", at=read.read_at + 0.001)
    core.notify("up", "n2", at=read.read_at + 0.001)
    number, events = core.resolver.apply_snapshot(read, EventBuilder("node", ME).count)
    assert events == 0
    assert core.states() == [("n1", "down"), ("n2", "up")]
    assert core.rows("SELECT outcome FROM inbox WHERE uuid = ?", number) == ["unchanged"]


def test_a_notification_while_a_snapshot_waits_for_the_lock_is_newer(core, monkeypatch):
    """As while the feeder resolves ten thousand nodes."""
    oldest = core.inbox.oldest

    def notified_meanwhile(**keys):
        monkeypatch.undo()
        core.notify("down", "n1")
        return oldest(**keys)

    read = snapshot()
    monkeypatch.setattr(core.inbox, "oldest", notified_meanwhile)
    assert core.resolver.apply_snapshot(read, EventBuilder("node", ME).count)[1] == 0
    assert core.states() == [("n1", "down")]


@pytest.mark.parametrize(("synced", "changes"), [(86400, 1), (800, 0)])
def test_a_reason_since_the_last_sync_long_ago_is_a_change(core, synced, changes):
    now = time.time()
    core.notify("drained", "n[1-2]", at=now - 100_000)
    core.states()
    with core.database.transaction() as connection:
        connection.execute("INSERT INTO last_sync VALUES ('received', ?)", (json.dumps(now - synced),))
    read = snapshot(("n1", "IDLE+DRAIN"), ("n2", "IDLE+DRAIN"), ("n3", "IDLE"))
    read.groups[1] = read.groups[1]._replace(since=now - 90_000)  # the first has one that is 600 s old
    assert core.resolver.apply_snapshot(read, EventBuilder("node", ME).count)[1] == changes


def test_a_snapshot_finds_flaps(core):
    core.notify("down", "n1", at=time.time() - 1200)
    assert core.apply_snapshot(("n1", "DOWN")) == 1  # for 600 s, so it was up in between
    assert [(it["state"], it["flaps"]) for it in core.feed()[1:]] == [("down", 1), ("down", 2)]
    assert core.sample("flaps_total") == 1


def test_nodes_in_service_are_removed_from_the_ledger_after_an_hour(core):
    core.notify("up", "n[1-100]", at=time.time() - 7200)
    core.notify("up", "n200")
    core.states()
    assert core.apply_snapshot() == 0
    assert core.rows("SELECT node FROM ledger") == ["n200"]


def test_the_next_snapshot_reports_the_nodes_of_an_undeliverable_event(core):
    core.notify("down", "n[1-2]")
    entry = core.resolver.next_entry()
    event = {"type": "node_state", "meta": {"uuid": "u", "hosts": ["n2"]}}
    core.resolver.mark_undeliverable(entry, event, "a filter failed")
    core.inbox.complete(entry, "undeliverable", "1 of 3 events undeliverable")
    assert core.rows("SELECT entry, event, error FROM undeliverable") == [
        (entry.uuid, json.dumps(event), "a filter failed")
    ]
    assert core.sample("events_undeliverable_total") == 1
    assert core.outcomes() == [("node down", "undeliverable")]
    core.apply_snapshot(("n[1-2]", "DOWN"))
    assert core.states() == [("n2", "down")]


@pytest.mark.parametrize("resolved", [0, 1])
@pytest.mark.parametrize(
    "content", ["no JSON", "[]", "{}", "7", '{"type": "down"}', '{"type": "down", "class": "node", "hostlist": "n["}']
)
def test_an_unreadable_entry_does_not_stop_later_ones(core, content, resolved):
    core.notify("down", "n1")
    core.notify("down", "n2")
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = ?, resolved = ? WHERE number = 1", (content, resolved))
    if resolved and content != "no JSON":
        core.inbox.complete(core.resolver.next_entry(), "undeliverable")  # as the feeder does
    assert core.resolver.next_entry().content["reports"][0]["nodes"] == ["n2"]
    assert core.outcomes() == [("node down", "undeliverable"), ("node down", "pending")]
    if not resolved or content == "no JSON":
        assert core.sample("events_undeliverable_total") == 1
        assert core.rows("SELECT error LIKE 'the entry cannot be read: %' FROM undeliverable") == [1]


def test_an_unreadable_entry_does_not_stop_a_snapshot(core):
    core.notify("down", "n1")
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = 'no JSON'")
    assert core.apply_snapshot(("n1", "DOWN")) == 1


def test_the_disk_fails_while_an_entry_becomes_undeliverable(core, monkeypatch):
    core.notify("down", "n1")
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = 'no JSON'")
        connection.execute("ALTER TABLE undeliverable RENAME TO elsewhere")
    with pytest.raises(sqlite3.OperationalError):
        core.resolver.next_entry()
    assert core.sample("events_undeliverable_total") == 0
    with core.database.transaction() as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO undeliverable")
    assert core.resolver.next_entry() is None
    assert core.sample("events_undeliverable_total") == 1


def test_an_interrupted_resolution_is_repeated(core, monkeypatch):
    """Killed between reading and writing the ledger: neither the entry nor the ledger has changed."""
    core.notify("down", "n[1-2]")

    def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(resolver_module.Ledger, "write", die)
        core.resolver.next_entry()
    assert core.ledger() == {}
    assert core.states() == [("n1", "down"), ("n2", "down")]


def test_thousands_of_nodes(core):
    core.notify("down", "n[0001-2000]")
    assert len(core.states()) == 2000
    assert core.apply_snapshot(("n[0001-2000]", "DOWN"), ("n[2001-4000]", "DOWN+DRAIN"), count=9000) == 4000
    assert core.apply_snapshot(count=9000) == 4000
    assert len(core.states()) == 8000
    assert core.ledger() == {}
