# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of an entry: always the same, and none is lost when the granularity changes."""

from __future__ import annotations

import itertools
import uuid

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.events import EventBuilder, listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.entries import Entry, NewEntry
from ansible_collections.hpc.slurm.tests.unit.listener import ME

ORIGIN = str(uuid.UUID(int=7))
DETAILS = {"reason": "Not responding", "reason_user": "slurm", "reason_time": 1789999000, "flags": ["DOWN"]}


def report(*nodes, state="down", flaps=1, **keys):
    return {"state": state, "flaps": flaps, "details": {}, "nodes": list(nodes), **keys}


def notification(*reports, delivered=0):
    content = {"trigger": {"class": "node", "type": "down"}, "reports": list(reports)}
    return Entry(1, ORIGIN, 86400.5, "notification", "node down", content, delivered)


def snapshot(*reports, delivered=0):
    return Entry(1, ORIGIN, 86400.5, "snapshot", "snapshot", {"reports": list(reports)}, delivered)


LISTENER = {
    "cluster": "lab",
    "listener": {"id": ME.id, "url": ME.url, "run": ME.run, "permanent": True},
}


def built(entry, granularity="node", cluster="lab"):
    builder = EventBuilder(granularity, ME._replace(cluster=cluster), trigger_fired=True)
    events = list(builder.events_of(entry))
    assert events == list(builder.events_of(entry))
    assert builder.count(entry) == len(events)
    assert len({event["meta"]["uuid"] for event in events}) == len(events)
    assert {event["meta"]["received_at"] for event in events} <= {"1970-01-02T00:00:00.500000+00:00"}
    return events


@pytest.mark.parametrize("granularity", ["node", "batch"])
@pytest.mark.parametrize(
    "trigger",
    [
        {"class": "slurmctld", "type": "backup_slurmctld_assumed_control"},
        {"class": "burst_buffer", "type": "burst_buffer"},
        {"class": "job", "type": "down", "job_id": "4711"},
        {"class": "node", "type": "reconfig"},
    ],
)
def test_a_trigger_that_is_not_about_the_state_of_nodes(core, trigger, granularity):
    text = trigger.get("job_id", trigger["type"])
    core.inbox.store([NewEntry.notification(trigger["class"], trigger["type"], text)])
    (fired,) = core.feed(granularity)
    assert (fired["type"], fired["trigger"], fired["meta"]["hosts"]) == ("trigger_fired", trigger, [])
    assert core.ledger() == {}


def test_one_event_per_node():
    fired, one, two = built(notification(report("gpu07", "n1")))
    assert fired == {
        "type": "trigger_fired",
        "trigger": {"class": "node", "type": "down"},
        **LISTENER,
        "notification": ORIGIN,
        "meta": {**fired["meta"], "hosts": []},
    }
    assert one == {
        "type": "node_state",
        "node": "gpu07",
        "state": "down",
        "flaps": 1,
        "origin": "trigger",
        **LISTENER,
        "notification": ORIGIN,
        "meta": {**one["meta"], "hosts": ["gpu07"]},
    }
    assert one["meta"]["uuid"] == str(uuid.uuid5(uuid.UUID(ORIGIN), "node_state down gpu07"))
    assert two["node"] == "n1"


def test_one_event_per_notification():
    _fired, one, two = built(notification(report("n1", "n2", hostlist="n2,n1"), report("n3", flaps=2)), "batch", None)
    assert (one["nodes"], one["hostlist"], one["meta"]["hosts"]) == (["n1", "n2"], "n2,n1", ["n1", "n2"])
    assert (two["hostlist"], two["flaps"], two["cluster"]) == ("n3", 2, None)


def test_the_events_of_a_snapshot():
    entry = snapshot(
        report("n1", "n2", details=DETAILS), report("n1", state="drained", details=DETAILS), report("n9", state="up")
    )
    events = built(entry)
    assert [(event["node"], event["state"]) for event in events] == [
        ("n1", "down"),
        ("n2", "down"),
        ("n1", "drained"),
        ("n9", "up"),
    ]
    assert {event["origin"] for event in events} == {"snapshot"}
    assert events[0].items() >= DETAILS.items()
    assert [event["hostlist"] for event in built(entry, "batch")] == ["n[1-2]", "n1", "n9"]


def test_an_event_of_the_listener():
    event = listener_event("listener_up", ME)
    assert event["meta"]["hosts"] == [] and event["cluster"] == "lab"
    entry = Entry(1, event["meta"]["uuid"], 1.0, "event", "listener_up", event, 0)
    assert list(EventBuilder("node", ME).events_of(entry)) == [event]
    assert listener_event("listener_up", ME)["meta"]["uuid"] != event["meta"]["uuid"]


def test_thousands_of_nodes():
    names = [f"n{number:05}" for number in range(3000)]
    assert built(notification(report(*names)))[-1]["node"] == "n02999"
    assert len(built(notification(report(*names)), "batch")) == 2


@pytest.mark.parametrize("first", ["node", "batch"])
@pytest.mark.parametrize("then", ["node", "batch"])
@pytest.mark.parametrize("entry_of", [notification, snapshot])
def test_no_node_is_lost_when_the_granularity_changes_between_runs(first, then, entry_of):
    """However many events each run delivers, every node is in one of them at the end."""
    reports = [report("n1", "n2", "n3"), report("n4", flaps=2), report("n5", "n6", state="drained")]
    wanted = {(node, it["state"]) for it in reports for node in it["nodes"]}
    most = EventBuilder("node", ME, trigger_fired=True).count(entry_of(*reports))
    for given in itertools.product(range(most + 1), repeat=2):
        done, had = 0, set()
        for granularity, number in ((first, given[0]), (then, given[1]), (first, most)):
            builder, entry = (
                EventBuilder(granularity, ME, trigger_fired=True),
                entry_of(*reports, delivered=done),
            )
            done = builder.delivered_count(entry)
            assert done <= entry.delivered
            for event in itertools.islice(builder.events_of(entry), done, done + number):
                had |= {(node, event.get("state")) for node in event["meta"]["hosts"]}
                done += 1
        assert had == wanted


@pytest.mark.parametrize(("first", "then"), [(False, True), (True, False), (False, False)])
@pytest.mark.parametrize("granularity", ["node", "batch"])
def test_no_node_is_lost_when_trigger_fired_is_switched_between_runs(first, then, granularity):
    reports = [report("n1", "n2"), report("n3", state="drained")]
    for number in range(4):
        builder = EventBuilder(granularity, ME, first)
        before = list(itertools.islice(builder.events_of(notification(*reports)), number))
        noted = builder.progress(notification(*reports), number) if number else 0
        entry = notification(*reports, delivered=noted)
        builder = EventBuilder(granularity, ME, then)
        after = list(itertools.islice(builder.events_of(entry), builder.delivered_count(entry), None))
        assert {node for event in before + after for node in event["meta"]["hosts"]} == {"n1", "n2", "n3"}
        if granularity == "node":
            assert sum(len(event["meta"]["hosts"]) for event in before + after) == 3


def test_a_permanent_trigger_has_no_event_of_its_own():
    assert [event["type"] for event in EventBuilder("batch", ME).events_of(notification(report("n1")))] == [
        "node_state"
    ]
    again = EventBuilder("batch", ME._replace(permanent=False)).events_of(notification(report("n1")))
    assert [event["type"] for event in again] == ["trigger_fired", "node_state"]


def test_nodes_with_different_reasons_are_one_batch():
    """Otherwise a snapshot of nodes that failed one after the other would run a playbook for each."""
    others = {**DETAILS, "reason_time": 1789999007}
    entry = snapshot(
        report("n1", details=DETAILS, hostlist="n1"), report("n2", "n3", details=others), report("n4", flaps=2)
    )
    one, two = built(entry, "batch")
    assert (one["hostlist"], one["nodes"], two["hostlist"]) == ("n[1-3]", ["n1", "n2", "n3"], "n4")
    assert one.items() >= {**DETAILS, "reason_time": None}.items()


@pytest.mark.parametrize(
    ("granularity", "entry", "count"),
    [
        ("node", notification(report("n1", "n2"), delivered=2), 2),
        ("batch", notification(report("n1", "n2"), delivered=2), 1),
        ("batch", snapshot(report("n1", "n2"), delivered=1), 0),
    ],
)
def test_delivered_events_are_not_delivered_again(granularity, entry, count):
    assert EventBuilder(granularity, ME, trigger_fired=True).delivered_count(entry) == count
