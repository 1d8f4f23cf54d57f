# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the listener is: what the status page shows, what Prometheus reads, and when it is not well."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import overview as overview_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.events import Maker, listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import New
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.overview import Observer
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.settings import Settings
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.snapshot import parse
from ansible_collections.hpc.slurm.tests.unit.listener import ME, Core


class Seen(Core):
    """The database, with an observer."""

    def __init__(self, path, **args):
        super().__init__(path)
        self.trouble = ""
        self.observer = Observer(self.database, Settings.from_args(args), lambda: self.trouble)

    def look(self):
        return self.observer.look()

    def status(self):
        return self.look().status("lab", 5.0)

    def snapshot(self, *nodes, triggers=()):
        now = time.time()
        content = {"time": now, "age": 0.0, "slurm_user": "slurm", "count": 10008, "nodes": nodes, "triggers": triggers}
        self.inbox.snapshot(parse(json.dumps(content), now), Maker("node", None, ME).count)


@pytest.fixture
def seen(tmp_path):
    with contextlib.closing(Seen(tmp_path / "db")) as made:
        yield made


def group(nodes, state, reason="Not responding", when=1789999000):
    user = "slurm" if reason else None
    return {"nodes": nodes, "state": state.split("+"), "reason": reason, "reason_user": user, "reason_time": when}


def test_a_new_one(seen):
    status = seen.status()
    up_since = status.pop("up_since")
    assert time.time() - 60 < up_since <= time.time()
    assert status == {
        "cluster": "lab",
        "now": 5.0,
        "health": {"status": "ok", "reasons": []},
        "inbox": {"waiting": 0, "oldest_seconds": 0.0, "set_aside": 0},
        "sync": {"last": None, "interval": 300, "nodes": None},
        "triggers": [],
        "nodes": [],
        "nodes_not_well": 0,
        "events": [],
    }


def test_nodes_that_are_not_well(seen):
    seen.tell("down", "n1", at=1000.0)
    trigger = {"id": 17, "event": "down", "permanent": True}
    seen.snapshot(
        group("n[1-2]", "DOWN"),
        group("n3", "IDLE+DRAIN", reason=None, when=None),
        triggers=[{**trigger, "user": "slurm"}],
    )
    status = seen.status()
    assert (status["triggers"], status["sync"]["nodes"]) == ([trigger], 10008)
    assert abs(status["sync"]["last"] - time.time()) < 60
    keys = {"reason": "Not responding", "reason_user": "slurm", "since": 1789999000}
    assert [{**node, "since": round(node["since"])} for node in status["nodes"]] == [
        {"name": "n1", "states": ["down"], **keys, "flaps": 1},
        {"name": "n2", "states": ["down"], **keys, "flaps": 1},
        {
            "name": "n3",
            "states": ["drained"],
            "since": round(status["sync"]["last"]),
            "reason": None,
            "reason_user": None,
            "flaps": 1,
        },
    ]
    assert status["nodes_not_well"] == 3


def test_since_when_without_a_snapshot(seen):
    seen.tell("drained", "n1", at=1000.0)
    seen.tell("down", "n1", at=2000.0)
    seen.states()
    (node,) = seen.status()["nodes"]
    assert (node["states"], node["since"], node["flaps"]) == (["down", "drained"], 1000.0, 0)


def test_no_more_than_a_page_holds(seen, monkeypatch):
    monkeypatch.setattr(overview_module, "MOST_NODES", 3)
    seen.tell("down", "n[1-9]")
    for number in range(60):
        seen.tell("up", f"m{number}")
    seen.states()
    status = seen.status()
    assert (len(status["nodes"]), status["nodes_not_well"]) == (3, 9)
    assert len(status["events"]) == 50
    assert status["events"][0]["hostlist"] == "m59"
    assert json.loads(json.dumps(status)) == status


def test_what_became_of_the_events(seen):
    seen.tell("down", "n[1-3]")
    entry = seen.inbox.next()
    seen.inbox.end(entry, "set aside", "1 of 4 events set aside")
    seen.inbox.set_aside(entry, {"meta": {"uuid": "u", "hosts": ["n1"]}}, "why")
    seen.tell("drained", "n4", at=time.time() - 100)
    seen.inbox.advance(seen.inbox.next(), 1)
    seen.inbox.store([New.event(listener_event("listener_up", ME))])
    status = seen.status()
    assert [(it["what"], it["hostlist"], it["nodes"], it["outcome"], it["detail"]) for it in status["events"]] == [
        ("listener_up", "", 0, "waiting", ""),
        ("node drained", "n4", 1, "waiting", "1 events taken"),
        ("node down", "n[1-3]", 3, "set aside", "1 of 4 events set aside"),
    ]
    assert status["events"][-1]["id"] == entry.uuid
    inbox = status["inbox"]
    assert (inbox["waiting"], inbox["set_aside"]) == (2, 1)
    assert 100 <= inbox["oldest_seconds"] < 160


def test_a_clock_that_was_put_back(seen):
    seen.tell("down", "n1", at=time.time() + 3600)
    assert seen.status()["inbox"]["oldest_seconds"] == 0.0


def test_a_sync_that_is_still_to_come_says_nothing(seen, monkeypatch):
    """The clock has been put back since, by more than syncs may be late."""
    seen.snapshot()
    seen.observer._begun -= 10**7
    assert seen.look().checks["sync"] is True
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    assert seen.look().checks["sync"] is False
    seen.snapshot()
    assert seen.look().checks["sync"] is True


def test_a_disk_that_takes_nothing(seen):
    seen.connection.execute("PRAGMA query_only=1")
    found = seen.look()
    assert found.checks == {"inbox": False, "feeder": True, "sync": True}
    assert found.health() == {
        "status": "failing",
        "reasons": ["the inbox cannot be written: see to the disk of state_dir"],
    }
    seen.connection.execute("PRAGMA query_only=0")
    assert seen.look().health() == {"status": "ok", "reasons": []}


def test_a_feeder_in_trouble(seen):
    seen.trouble = "feeding waits for the disk of state_dir: full"
    assert seen.look().reasons == [seen.trouble]
    assert seen.look().checks["feeder"] is False


@pytest.mark.parametrize(
    ("interval", "ago", "well"), [(300, 100, True), (300, 899, True), (300, 910, False), (0, 10**6, True)]
)
def test_syncs_that_fail(tmp_path, interval, ago, well):
    with contextlib.closing(Seen(tmp_path / "db", sync_interval=interval)) as seen:
        seen.snapshot()
        seen.observer._begun -= 10**7
        with seen.database.transaction() as connection:
            connection.execute("UPDATE facts SET value = ? WHERE name = 'sync'", (str(time.time() - ago),))
        found = seen.look()
        assert found.checks["sync"] is well
        assert [reason.partition(" for ")[0] for reason in found.reasons] == [] if well else ["no snapshot came"]


def test_right_after_the_start_nobody_is_late(seen):
    """An earlier run's sync may be long ago."""
    seen.snapshot()
    with seen.database.transaction() as connection:
        connection.execute("UPDATE facts SET value = '1.0' WHERE name = 'sync'")
    assert seen.look().checks["sync"] is True
    seen.observer._begun -= 3 * 300 + 1
    assert seen.look().checks["sync"] is False


def test_a_database_that_cannot_be_read(seen):
    seen.close()
    with pytest.raises(sqlite3.Error):
        seen.look()


def test_what_prometheus_reads(seen):
    assert seen.metrics.exposition(seen.look())
    for name in ("inbox_depth", "inbox_oldest_seconds", "last_sync_timestamp_seconds", "triggers_armed", "nodes"):
        assert seen.sample(name) == 0
    assert seen.sample("sync_interval_seconds") == 300
    seen.tell("down", "n1")
    seen.snapshot(group("n[1-2]", "DOWN+DRAIN"), triggers=[{"id": 1, "event": "down", "permanent": True}])
    seen.trouble = "it stands still"
    text = seen.metrics.exposition(seen.look()).decode()
    assert seen.sample("inbox_depth") == 2
    assert seen.sample("triggers_armed") == 1
    assert seen.sample("nodes") == 10008
    unwell = {state: seen.sample("nodes_not_well", state=state) for state in ("down", "drained", "draining", "fail")}
    assert unwell == {"down": 2, "drained": 2, "draining": 0, "fail": 0}
    assert seen.sample("nodes_unanswered") == 0
    seen.snapshot(group("n1", "DOWN"), group("n2", "DOWN+DRAIN"), group("n3", "IDLE+DRAIN"), group("n[4-5]", "DOWN"))
    seen.snapshot(group("n[1,4]", "DOWN"), group("n2", "DOWN+DRAIN"), group("n5", "DOWN+MAINTENANCE"))
    seen.metrics.exposition(seen.look())
    assert seen.sample("nodes_unanswered") == 2
    health = {check: seen.sample("healthy", check=check) for check in ("inbox", "feeder", "sync")}
    assert health == {"inbox": 1, "feeder": 0, "sync": 1}
    assert abs(seen.sample("start_timestamp_seconds") - time.time()) < 60
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert {name for name in names if not name.startswith("hpc_slurm_")} == set()
    wanted = (
        "notifications_total snapshots_total refusals_total events_put_total events_set_aside_total duplicates_total"
    )
    assert {f"hpc_slurm_{name}" for name in [*wanted.split(), "flaps_total"]} <= names


def test_two_listeners_in_one_process_count_apart(seen, tmp_path):
    with contextlib.closing(Seen(tmp_path / "other")) as other:
        other.metrics.aside.inc()
        assert (seen.sample("events_set_aside_total"), other.sample("events_set_aside_total")) == (0, 1)
