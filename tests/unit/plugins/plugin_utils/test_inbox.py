# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inbox: order, what of it is news, what cannot be read, its limits, a disk that is full, and crashes."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.plugin_utils import parts
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import inbox as inbox_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.events import Maker, listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import InboxFullError, New
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.snapshot import Snapshot, parse
from ansible_collections.hpc.slurm.tests.unit.listener import ME, Core

WRITE = f"""
import runpy, pathlib
load = runpy.run_path({parts.__file__!r})["load"]
inbox, database = load("trigger_listener.inbox"), load("trigger_listener.database")
box = inbox.Inbox(database.Database(pathlib.Path({{path!r}})), load("trigger_listener.metrics").Metrics())
for n in range(100000):
    new = inbox.New.notification("node", "down", f"n{{{{n}}}}")
    box.store([new])
    print(new.uuid, flush=True)
"""


@pytest.fixture
def core(tmp_path):
    with contextlib.closing(Core(tmp_path / "db")) as made:
        yield made


@pytest.fixture
def full(core):
    """Fill the disk, as far as SQLite is concerned, and empty it again."""

    def fill(is_full: bool = True) -> None:
        core.connection.execute(f"PRAGMA query_only={int(is_full)}")

    return fill


def snapshot(*groups: tuple[str, str], reason: str = "Not responding", count: int = 1000, **keys) -> Snapshot:
    """Return a snapshot that was read just now."""
    now = time.time()
    nodes = [
        {
            "nodes": nodes,
            "state": state.split("+"),
            "reason": reason,
            "reason_user": "slurm",
            "reason_time": int(now - 600),
        }
        for nodes, state in groups
    ]
    content = {"time": now, "age": 0.0, "slurm_user": "slurm", "count": count, "nodes": nodes, "triggers": [], **keys}
    return parse(json.dumps(content), now)


def take(core, *groups, **keys) -> int:
    """Give a snapshot to the inbox and return the number of events."""
    return core.inbox.snapshot(snapshot(*groups, **keys), Maker("node", "lab", ME).count)[1]


def up() -> New:
    return New.event(listener_event("listener_up", ME))


def outcomes(core) -> list[tuple[str, str]]:
    return core.rows("SELECT what, coalesce(outcome, 'waiting') FROM inbox ORDER BY number")


def test_what_is_stored(core):
    new = core.tell("down", "n[1-3],n7", at=1.5)
    row = core.rows("SELECT uuid, received, kind, what, hostlist, nodes, settled, done, outcome FROM inbox")
    assert row == [(new.uuid, 1.5, "notification", "node down", "n[1-3],n7", 4, 0, 0, None)]
    assert core.inbox.waits("node down") and not core.inbox.waits("node up")


@pytest.mark.parametrize("text", ["", "n[", "@all", "n1 n2", "n[1-5000000]"])
def test_what_is_no_hostlist_is_nothing_to_store(text):
    with pytest.raises(SlurmError):
        New.notification("node", "down", text)


def test_a_long_hostlist_is_shortened_for_people_only(core):
    text = ",".join(f"a{number}x" for number in range(1000))
    core.tell("down", text)
    (shown,) = core.rows("SELECT hostlist FROM inbox")
    assert shown == text[: inbox_module.SHOWN] + "..."
    assert core.inbox.next().content["reports"][0]["hostlist"] == text


def test_order_and_progress_survive_reopening(core):
    first, event, last = core.tell("down", "n1"), up(), core.tell("up", "n1")
    core.inbox.store([event])
    core.inbox.advance(core.inbox.next(), 7)
    core.close()
    with contextlib.closing(Core(core.path)) as again:
        entry = again.inbox.next()
        assert (entry.uuid, entry.what, entry.done) == (first.uuid, "node down", 7)
        found = []
        while entry := again.inbox.next():
            found.append(entry.uuid)
            again.inbox.end(entry, "taken")
        assert found == [first.uuid, last.uuid, event.uuid]


def test_several_at_once_are_stored_all_or_none(core):
    new = New.notification("node", "down", "n1")
    with pytest.raises(sqlite3.IntegrityError):
        core.inbox.store([New.notification("node", "up", "n2"), new, new])
    assert core.waiting() == []
    core.inbox.store([])
    assert core.inbox.next() is None


def test_a_state_is_news_once(core):
    core.tell("down", "n[1-2]")
    core.tell("down", "n[2-3]")
    core.tell("up", "n1")
    core.tell("down", "n1")
    assert core.states() == [("n1", "down"), ("n2", "down"), ("n3", "down"), ("n1", "up"), ("n1", "down")]
    assert core.conditions() == {"n1": "down", "n2": "down", "n3": "down"}
    assert core.sample("duplicates_total", type="down") == 1
    assert core.sample("flaps_total") == 1


def test_a_notification_of_nothing_new_still_fired(core):
    core.tell("down", "n1")
    core.tell("down", "n1")
    assert [event["type"] for event in core.feed()] == ["trigger_fired", "node_state", "trigger_fired"]


def test_settled_once(core):
    """What is news is noted with the entry: the second time, and after a crash, it is the same."""
    core.tell("down", "n1")
    assert core.inbox.next() == core.inbox.next()
    core.close()
    with contextlib.closing(Core(core.path)) as again:
        assert again.states() == [("n1", "down")]
        assert again.sample("duplicates_total", type="down") is None


def test_flaps_are_told_and_part_a_batch(core):
    for type_ in ("down", "up", "down", "up"):
        core.tell(type_, "n1")
    core.tell("down", "n[1-3]")
    core.states()
    core.tell("up", "n[1-3]")
    core.tell("down", "n[1-3]")
    *_before, one, two = core.feed("batch")
    assert [(event["hostlist"], event["flaps"]) for event in (one, two)] == [("n1", 4), ("n[2-3]", 2)]
    assert core.sample("flaps_total") == 5


def test_a_snapshot_finds_what_no_trigger_told(core):
    core.tell("down", "n1")
    core.tell("drained", "n3")
    assert take(core, ("n[1-2]", "DOWN+NOT_RESPONDING"), ("n4", "IDLE+DRAIN")) == 3
    assert outcomes(core) == [("node down", "waiting"), ("node drained", "waiting"), ("snapshot", "waiting")]
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
    assert core.conditions() == {"n1": "down", "n2": "down", "n4": "drained"}
    assert take(core, ("n[1-2]", "DOWN"), ("n4", "IDLE+DRAIN")) == 0
    assert outcomes(core)[-1] == ("snapshot", "nothing new")
    assert dict(core.rows("SELECT name, value FROM facts"))["nodes"] == "1000"


def test_what_was_told_after_slurm_was_read_is_newer_than_the_snapshot(core):
    read = snapshot(("n2", "DOWN"), age=5.0)
    core.tell("down", "n1", at=read.read + 0.001)
    core.tell("up", "n2", at=read.read + 0.001)
    number, events = core.inbox.snapshot(read, Maker("node", None, ME).count)
    assert events == 0
    assert core.states() == [("n1", "down"), ("n2", "up")]
    assert core.rows("SELECT outcome FROM inbox WHERE uuid = ?", number) == ["nothing new"]


def test_what_is_told_while_a_snapshot_waits_for_its_turn_is_newer(core, monkeypatch):
    """As when the feeder settles ten thousand nodes meanwhile."""
    row = core.inbox._row

    def told_just_then(query):
        monkeypatch.undo()
        core.tell("down", "n1")
        return row(query)

    read = snapshot()
    monkeypatch.setattr(core.inbox, "_row", told_just_then)
    assert core.inbox.snapshot(read, Maker("node", None, ME).count)[1] == 0
    assert core.states() == [("n1", "down")]


@pytest.mark.parametrize(("synced", "news"), [(86400, 1), (800, 0)])
def test_what_happened_since_the_last_snapshot_long_ago_is_news(core, synced, news):
    now = time.time()
    core.tell("drained", "n[1-2]", at=now - 100_000)
    core.states()
    with core.database.transaction() as connection:
        connection.execute("INSERT INTO facts VALUES ('sync', ?)", (json.dumps(now - synced),))
    read = snapshot(("n1", "IDLE+DRAIN"), ("n2", "IDLE+DRAIN"), ("n3", "IDLE"))
    read.groups[1] = read.groups[1]._replace(since=now - 90_000)  # the one of the first is 600 s old
    assert core.inbox.snapshot(read, Maker("node", None, ME).count)[1] == news


def test_a_snapshot_finds_flaps(core):
    core.tell("down", "n1", at=time.time() - 1200)
    assert take(core, ("n1", "DOWN")) == 1  # since 600 s, so it was up in between
    assert [(it["state"], it["flaps"]) for it in core.feed()[1:]] == [("down", 1), ("down", 2)]
    assert core.sample("flaps_total") == 1


def test_nodes_that_are_well_are_forgotten_in_the_end(core):
    core.tell("up", "n[1-100]", at=time.time() - 7200)
    core.tell("up", "n200")
    core.states()
    assert take(core) == 0
    assert core.rows("SELECT node FROM ledger") == ["n200"]


def test_what_is_set_aside_is_reported_by_the_next_snapshot(core):
    core.tell("down", "n[1-2]")
    entry = core.inbox.next()
    event = {"type": "node_state", "meta": {"uuid": "u", "hosts": ["n2"]}}
    core.inbox.set_aside(entry, event, "a filter failed")
    core.inbox.end(entry, "set aside", "1 of 3 events set aside")
    assert core.rows("SELECT entry, event, error FROM aside") == [(entry.uuid, json.dumps(event), "a filter failed")]
    assert core.sample("events_set_aside_total") == 1
    assert outcomes(core) == [("node down", "set aside")]
    take(core, ("n[1-2]", "DOWN"))
    assert core.states() == [("n2", "down")]


@pytest.mark.parametrize("settled", [0, 1])
@pytest.mark.parametrize(
    "content", ["no JSON", "[]", "{}", "7", '{"type": "down"}', '{"type": "down", "class": "node", "hostlist": "n["}']
)
def test_what_cannot_be_read_does_not_stop_those_behind_it(core, content, settled):
    core.tell("down", "n1")
    core.tell("down", "n2")
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = ?, settled = ? WHERE number = 1", (content, settled))
    if settled and content != "no JSON":
        core.inbox.end(core.inbox.next(), "set aside")  # the feeder's work
    assert core.inbox.next().content["reports"][0]["nodes"] == ["n2"]
    assert outcomes(core) == [("node down", "set aside"), ("node down", "waiting")]
    if not settled or content == "no JSON":
        assert core.sample("events_set_aside_total") == 1
        assert core.rows("SELECT error LIKE 'it cannot be read: %' FROM aside") == [1]


def test_what_cannot_be_read_does_not_stop_a_snapshot(core):
    core.tell("down", "n1")
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = 'no JSON'")
    assert take(core, ("n1", "DOWN")) == 1


def test_the_number_of_entries_is_bounded(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "MOST_WAITING", 3)
    for number in range(3):
        core.tell("down", f"n{number}")
    for attempt in (
        lambda: core.tell("down", "n9"),
        lambda: core.inbox.store([up()]),
        lambda: take(core, ("n9", "DOWN")),
    ):
        with pytest.raises(InboxFullError, match="3 entries wait for the engine"):
            attempt()
    assert core.waiting() == ["node down"] * 3
    # A snapshot without news waits for nobody.
    assert take(core, ("n[0-2]", "DOWN")) == 0
    core.inbox.end(core.inbox.next(), "taken")
    core.tell("down", "n9")
    assert len(core.waiting()) == 3


def test_the_bytes_are_bounded(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "MOST_BYTES", 3000)
    text = ",".join(f"a{number}" for number in range(500))
    core.tell("down", text)
    with pytest.raises(InboxFullError):
        core.tell("up", text)
    core.inbox.end(core.inbox.next(), "taken")
    core.tell("up", text)


def test_what_has_ended_is_kept_for_a_while(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "KEPT", 5)
    for number in range(20):
        core.tell("down", f"n{number}")
    while entry := core.inbox.next():
        core.inbox.set_aside(entry, {}, "never")
        core.inbox.end(entry, "set aside", "x" * 5000)
    assert core.rows("SELECT number FROM inbox ORDER BY number") == [16, 17, 18, 19, 20]
    assert core.rows("SELECT number FROM aside ORDER BY number") == [16, 17, 18, 19, 20]
    assert set(core.rows("SELECT content, length(detail) FROM inbox")) == {("{}", inbox_module.SHOWN)}


def test_what_waits_is_kept_for_ever(core, monkeypatch):
    monkeypatch.setattr(inbox_module, "KEPT", 5)
    core.tell("down", "n1")
    take(core)
    for _number in range(20):
        take(core)  # nothing new, and ended as soon as stored
    assert outcomes(core)[:2] == [("node down", "waiting"), ("snapshot", "waiting")]
    assert len(core.rows("SELECT number FROM inbox")) == 7


def test_dropping(core):
    core.inbox.store([up(), New.event(listener_event("sync_due", ME))])
    core.tell("down", "n1")
    core.inbox.drop("sync_due")
    assert core.waiting() == ["listener_up", "node down"]


def test_a_disk_that_is_full(core, full):
    """Nothing is half done, nothing is counted, and it recovers."""
    core.tell("down", "n1")
    core.tell("down", "n1")
    entry = core.inbox.next()
    core.inbox.end(entry, "taken")
    read = snapshot(("n[1-2]", "DOWN"))
    full()
    calls = [
        lambda: core.tell("up", "n9"),
        core.inbox.next,  # it must be settled
        lambda: core.inbox.snapshot(read, Maker("node", None, ME).count),
        lambda: core.inbox.advance(entry, 1),
        lambda: core.inbox.end(entry, "taken"),
        lambda: core.inbox.set_aside(entry, {"meta": {"hosts": ["n1"]}}, "why"),
        lambda: core.inbox.drop("node down"),
    ]
    for _again in range(3):
        for call in calls:
            with pytest.raises(sqlite3.OperationalError):
                call()
    full(False)
    assert core.sample("duplicates_total", type="down") == 0
    assert core.sample("events_set_aside_total") == core.sample("flaps_total") == 0
    assert core.waiting() == ["node down"]
    assert take(core, ("n[1-2]", "DOWN")) == 1
    assert core.states() == [("n2", "down")]
    assert core.sample("duplicates_total", type="down") == 1


def test_a_disk_that_fails_while_an_entry_is_set_aside(core, monkeypatch):
    core.tell("down", "n1")
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = 'no JSON'")
        connection.execute("ALTER TABLE aside RENAME TO elsewhere")
    with pytest.raises(sqlite3.OperationalError):
        core.inbox.next()
    assert core.sample("events_set_aside_total") == 0
    with core.database.transaction() as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO aside")
    assert core.inbox.next() is None
    assert core.sample("events_set_aside_total") == 1


def test_what_a_killed_writer_stored_is_there_under_the_same_uuids(core):
    core.close()
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WRITE.format(path=str(core.path))]
    with subprocess.Popen(command, stdout=pipe, text=True) as writer:
        seen = [writer.stdout.readline() for _number in range(30)]
        writer.kill()
        seen += writer.communicate(timeout=10)[0].splitlines(keepends=True)
    said = [line.strip() for line in seen if line.endswith("\n")]
    with contextlib.closing(Core(core.path)) as again:
        found = again.rows("SELECT uuid FROM inbox WHERE outcome IS NULL ORDER BY number")
        states = again.states()
    assert len(said) >= 30
    # The writer may have been killed between storing one and saying so.
    assert found[: len(said)] == said and len(found) - len(said) <= 1
    assert states == [(f"n{number}", "down") for number in range(len(found))]


def test_an_interrupted_settling_is_done_again(core, monkeypatch):
    """Killed between the reading of the ledger and the writing: neither the entry nor the ledger has changed."""
    core.tell("down", "n[1-2]")

    def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(inbox_module.Ledger, "write", die)
        core.inbox.next()
    assert core.conditions() == {}
    assert core.states() == [("n1", "down"), ("n2", "down")]


def test_thousands_of_nodes(core):
    core.tell("down", "n[0001-2000]")
    assert len(core.states()) == 2000
    assert take(core, ("n[0001-2000]", "DOWN"), ("n[2001-4000]", "DOWN+DRAIN"), count=9000) == 4000
    assert take(core, count=9000) == 4000
    assert len(core.states()) == 8000
    assert core.conditions() == {}
