# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events that are made of an entry: always the same, and none is lost when the granularity changes."""

from __future__ import annotations

import itertools
import uuid

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.events import Maker, listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import Entry
from ansible_collections.hpc.slurm.tests.unit.listener import ME

ORIGIN = str(uuid.UUID(int=7))
DETAILS = {"reason": "Not responding", "reason_user": "slurm", "reason_time": 1789999000, "flags": ["DOWN"]}


def report(*nodes, state="down", flaps=1, **keys):
    return {"state": state, "flaps": flaps, "details": {}, "nodes": list(nodes), **keys}


def told(*reports, done=0):
    content = {"trigger": {"class": "node", "type": "down"}, "reports": list(reports)}
    return Entry(1, ORIGIN, 86400.5, "notification", "node down", content, done)


def seen(*reports, done=0):
    return Entry(1, ORIGIN, 86400.5, "snapshot", "snapshot", {"reports": list(reports)}, done)


def made(entry, granularity="node", cluster="lab"):
    maker = Maker(granularity, cluster, ME)
    events = list(maker.events_of(entry))
    assert events == list(maker.events_of(entry))
    assert maker.count(entry) == len(events)
    assert len({event["meta"]["uuid"] for event in events}) == len(events)
    assert {event["meta"]["received_at"] for event in events} <= {"1970-01-02T00:00:00.500000+00:00"}
    return events


def test_an_event_a_node():
    fired, one, two = made(told(report("gpu07", "n1")))
    assert fired == {
        "type": "trigger_fired",
        "trigger": {"class": "node", "type": "down"},
        "listener": ME._asdict(),
        "notification": ORIGIN,
        "meta": {**fired["meta"], "hosts": []},
    }
    assert one == {
        "type": "node_state",
        "node": "gpu07",
        "state": "down",
        "flaps": 1,
        "cluster": "lab",
        "origin": "trigger",
        "notification": ORIGIN,
        "meta": {**one["meta"], "hosts": ["gpu07"]},
    }
    assert one["meta"]["uuid"] == str(uuid.uuid5(uuid.UUID(ORIGIN), "node_state down gpu07"))
    assert two["node"] == "n1"


def test_an_event_a_notification():
    _fired, one, two = made(told(report("n1", "n2", hostlist="n2,n1"), report("n3", flaps=2)), "batch", None)
    assert (one["nodes"], one["hostlist"], one["meta"]["hosts"]) == (["n1", "n2"], "n2,n1", ["n1", "n2"])
    assert (two["hostlist"], two["flaps"], two["cluster"]) == ("n3", 2, None)


def test_what_a_snapshot_found():
    entry = seen(
        report("n1", "n2", details=DETAILS), report("n1", state="drained", details=DETAILS), report("n9", state="up")
    )
    events = made(entry)
    assert [(event["node"], event["state"]) for event in events] == [
        ("n1", "down"),
        ("n2", "down"),
        ("n1", "drained"),
        ("n9", "up"),
    ]
    assert {event["origin"] for event in events} == {"snapshot"}
    assert events[0].items() >= DETAILS.items()
    assert [event["hostlist"] for event in made(entry, "batch")] == ["n[1-2]", "n1", "n9"]


def test_an_event_as_it_is():
    event = listener_event("listener_up", ME)
    assert event["meta"]["hosts"] == []
    entry = Entry(1, event["meta"]["uuid"], 1.0, "event", "listener_up", event, 0)
    assert list(Maker("node", "lab", ME).events_of(entry)) == [event]
    assert listener_event("listener_up", ME)["meta"]["uuid"] != event["meta"]["uuid"]


def test_thousands_of_nodes():
    names = [f"n{number:05}" for number in range(3000)]
    assert made(told(report(*names)))[-1]["node"] == "n02999"
    assert len(made(told(report(*names)), "batch")) == 2


@pytest.mark.parametrize("first", ["node", "batch"])
@pytest.mark.parametrize("then", ["node", "batch"])
@pytest.mark.parametrize("entry_of", [told, seen])
def test_a_granularity_that_changes_between_runs_loses_no_node(first, then, entry_of):
    """However many events each run came to give, every node has been in one of them at the end."""
    reports = [report("n1", "n2", "n3"), report("n4", flaps=2), report("n5", "n6", state="drained")]
    wanted = {(node, it["state"]) for it in reports for node in it["nodes"]}
    most = Maker("node", "lab", ME).count(entry_of(*reports))
    for given in itertools.product(range(most + 1), repeat=2):
        done, had = 0, set()
        for granularity, number in ((first, given[0]), (then, given[1]), (first, most)):
            maker, entry = Maker(granularity, "lab", ME), entry_of(*reports, done=done)
            done = maker.resume(entry)
            assert done <= entry.done
            for event in itertools.islice(maker.events_of(entry), done, done + number):
                had |= {(node, event.get("state")) for node in event["meta"]["hosts"]}
                done += 1
        assert had == wanted


def test_what_was_noted_is_not_put_again():
    assert Maker("node", None, ME).resume(told(report("n1", "n2"), done=2)) == 2
    assert Maker("batch", None, ME).resume(told(report("n1", "n2"), done=2)) == 1
    assert Maker("batch", None, ME).resume(seen(report("n1", "n2"), done=1)) == 0
