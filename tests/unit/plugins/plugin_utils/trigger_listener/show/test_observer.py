# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observer: what /status and /healthz answer, and when a check fails."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.events import listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.show import overview as overview_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.entries import NewEntry
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.records import Group, Record
from ansible_collections.hpc.slurm.tests.unit.listener import ID, ME, Observed, node_group


def test_a_new_listener(observed):
    status = observed.status()
    up_since = status.pop("up_since")
    assert time.time() - 60 < up_since <= time.time()
    assert status == {
        "id": ID,
        "cluster": "lab",
        "now": 5.0,
        "health": {
            "status": "failing",
            "reasons": ["no sync has succeeded yet, the first one may still run"],
        },
        "inbox": {"pending": 0, "oldest_seconds": 0.0, "undeliverable": 0},
        "sync": {"last": None, "read_at": None, "failure": None, "interval": 300, "nodes": None},
        "triggers": [],
        "settings": [],
        "nodes": [],
        "nodes_out_of_service": 0,
        "entries": [],
    }


def test_nodes_out_of_service(observed):
    observed.notify("down", "n1", at=1000.0)
    trigger = {"id": 17, "event": "down", "permanent": True}
    observed.snapshot(
        node_group("n[1-2]", "DOWN"),
        node_group("n3", "IDLE+DRAIN", reason=None, when=None),
        triggers=[{**trigger, "user": "slurm"}],
    )
    status = observed.status()
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
    assert status["nodes_out_of_service"] == 3


def test_how_the_reactions_are_set(observed):
    """The first sync tells it, and the others do not."""
    settings = [{"name": "repair tasks", "value": "not set"}]
    observed.snapshot(settings=settings)
    observed.snapshot()
    assert observed.status()["settings"] == settings
    observed.snapshot(settings=[])
    assert observed.status()["settings"] == []


def test_the_time_of_a_node_without_a_snapshot(observed):
    observed.notify("drained", "n1", at=1000.0)
    observed.notify("down", "n1", at=2000.0)
    observed.states()
    (node,) = observed.status()["nodes"]
    assert (node["states"], node["since"], node["flaps"]) == (["down", "drained"], 1000.0, 0)


def test_the_numbers_of_nodes_and_entries_are_limited(observed, monkeypatch):
    monkeypatch.setattr(overview_module, "MOST_NODES", 3)
    observed.notify("down", "n[1-9]")
    for number in range(60):
        observed.notify("up", f"m{number}")
    observed.states()
    status = observed.status()
    assert (len(status["nodes"]), status["nodes_out_of_service"]) == (3, 9)
    assert len(status["entries"]) == 50
    assert status["entries"][0]["hostlist"] == "m59"
    assert json.loads(json.dumps(status)) == status


def test_the_outcomes_of_entries(observed):
    observed.notify("down", "n[1-3]")
    entry = observed.resolver.next_entry()
    observed.inbox.complete(entry, "undeliverable", "1 of 4 events undeliverable")
    observed.resolver.mark_undeliverable(entry, {"meta": {"uuid": "u", "hosts": ["n1"]}}, "why")
    observed.notify("drained", "n4", at=time.time() - 100)
    observed.inbox.note_delivered(observed.resolver.next_entry(), 1)
    observed.inbox.store([NewEntry.event(listener_event("listener_up", ME))])
    status = observed.status()
    assert [(it["summary"], it["hostlist"], it["nodes"], it["outcome"], it["detail"]) for it in status["entries"]] == [
        ("listener_up", "", 0, "pending", ""),
        ("node drained", "n4", 1, "pending", "1 events delivered"),
        ("node down", "n[1-3]", 3, "undeliverable", "1 of 4 events undeliverable"),
    ]
    assert status["entries"][-1]["id"] == entry.uuid
    inbox = status["inbox"]
    assert (inbox["pending"], inbox["undeliverable"]) == (2, 1)
    assert 100 <= inbox["oldest_seconds"] < 160


def test_the_clock_was_set_back(observed):
    observed.notify("down", "n1", at=time.time() + 3600)
    assert observed.status()["inbox"]["oldest_seconds"] == 0.0


def test_a_last_sync_in_the_future_is_ignored(observed, monkeypatch):
    """The clock has been set back, by more than the allowed age of a sync."""
    observed.snapshot()
    observed.observer._monotonic_start -= 10**7
    assert observed.read().checks["sync"] is True
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    assert observed.read().checks["sync"] is False
    observed.snapshot()
    assert observed.read().checks["sync"] is True


def test_the_disk_cannot_be_written(observed):
    observed.snapshot()
    observed.connection.execute("PRAGMA query_only=1")
    found = observed.read()
    assert found.checks == {"inbox": False, "feeder": True, "sync": True}
    assert found.health() == {
        "status": "failing",
        "reasons": ["the inbox cannot be written: check the disk of state_dir"],
    }
    observed.connection.execute("PRAGMA query_only=0")
    assert observed.read().health() == {"status": "ok", "reasons": []}


def test_delivery_is_stopped(observed):
    observed.snapshot()
    observed.problem = "delivery waits for the disk of state_dir: full"
    assert observed.read().problems == [observed.problem]
    assert observed.read().checks["feeder"] is False


@pytest.mark.parametrize(
    ("interval", "ago", "passes"), [(300, 100, True), (300, 899, True), (300, 910, False), (0, 10**6, True)]
)
def test_failed_syncs(tmp_path, interval, ago, passes):
    with contextlib.closing(Observed(tmp_path / "db", sync_interval=interval)) as observed:
        observed.snapshot()
        observed.observer._monotonic_start -= 10**7
        with observed.database.transaction() as connection:
            connection.execute("UPDATE last_sync SET value = ? WHERE name = 'received'", (str(time.time() - ago),))
        found = observed.read()
        assert found.checks["sync"] is passes
        problems = [] if passes else ["no sync has succeeded"]
        assert [reason.partition(" for ")[0] for reason in found.problems] == problems


def test_a_sync_that_failed_is_shown_until_one_succeeds(observed):
    observed.resolver.add_sync_failure("ctl1 is unreachable: Host key verification failed.")
    assert observed.read().problems == ["no sync has succeeded yet: ctl1 is unreachable: Host key verification failed."]
    failure = observed.status()["sync"]["failure"]
    assert failure["error"].startswith("ctl1") and abs(failure["time"] - time.time()) < 60
    observed.snapshot()
    assert observed.read().problems == [] and observed.status()["sync"]["failure"] is None
    assert observed.status()["sync"]["read_at"] <= observed.status()["sync"]["last"]
    # One failure after a success is no problem yet, and is shown.
    observed.resolver.add_sync_failure("curl: (60) SSL certificate problem")
    assert observed.read().problems == []
    assert observed.status()["sync"]["failure"]["error"] == "curl: (60) SSL certificate problem"
    observed.observer._monotonic_start -= 3 * 300 + 1
    with observed.database.transaction() as connection:
        connection.execute("UPDATE last_sync SET value = '1.0' WHERE name = 'received'")
    [problem] = observed.read().problems
    assert problem.endswith(" s: curl: (60) SSL certificate problem")


def test_the_first_syncs_after_a_start_have_time(observed):
    """The last sync of an earlier run may be long ago."""
    observed.snapshot()
    with observed.database.transaction() as connection:
        connection.execute("UPDATE last_sync SET value = '1.0' WHERE name = 'received'")
    assert observed.read().checks["sync"] is True
    observed.observer._monotonic_start -= 3 * 300 + 1
    assert observed.read().checks["sync"] is False


def test_the_database_cannot_be_read(observed):
    observed.close()
    with pytest.raises(sqlite3.Error):
        observed.read()


def test_a_node_that_its_reaction_did_not_bring_back_is_unhandled(observed):
    """Until another reaction has it."""
    event = "5f0c0e5c-0000-4000-8000-00000000000"
    group = node_group("n1", "DOWN+DRAIN", f"hpc.slurm.node_down {event}1", round(time.time()) - 60)
    observed.snapshot(group)
    assert observed.read().unhandled == 0
    groups = [Group("n1", "failed", "no power")]
    observed.resolver.add_record(Record(f"{event}1", "n", "hpc.slurm.node_down", time.time(), groups))
    observed.snapshot(group)
    assert observed.read().unhandled == 1
    observed.snapshot(node_group("n1", "DOWN+DRAIN", f"hpc.slurm.node_down {event}2", round(time.time())))
    assert observed.read().unhandled == 0
