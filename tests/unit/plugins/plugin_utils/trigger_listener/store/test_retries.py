# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that a reaction did not bring back are reported again: when, how often, and which not."""

from __future__ import annotations

import time

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.changes import Retries
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.node_record import RETRY_WINDOW
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.records import KEPT, Group, Record
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.resolver import Resolver
from ansible_collections.hpc.slurm.tests.unit.listener import snapshot

EVENT = "5f0c0e5c-0000-4000-8000-000000000000"
OTHER = "5f0c0e5c-0000-4000-8000-000000000001"


def ours(event=EVENT, tail=""):
    return f"hpc.slurm.node_down {event}{tail}"


def recorded(core, decision, nodes="n1", event=EVENT, ago=60.0):
    group = Group(nodes, decision, "why")
    core.resolver.add_record(Record(event, "n", "hpc.slurm.node_down", time.time() - ago, [group]))


@pytest.fixture
def drained(core):
    """A node that went down an hour ago, and that a reaction drained."""
    now = time.time()
    core.notify("down", "n1", at=now - 4000)
    core.notify("drained", "n1", at=now - 3900)
    core.states()
    return core


def synced(core, state="DOWN+DRAIN", reason=None, since=590, **keys):
    """Return the states that a sync reports again."""
    read = snapshot(("n1", state), reason=reason or ours())
    read.groups[0] = read.groups[0]._replace(since=time.time() - since)
    core.resolver.apply_snapshot(read, lambda entry: len(entry.content["reports"]))
    found = [event for event in core.feed() if event["type"] == "node_state"]
    assert all(event["retry"] is True for event in found)
    return [event["state"] for event in found]


@pytest.mark.parametrize("state", ["DOWN+DRAIN", "IDLE+DRAIN", "DOWN+DRAIN+NOT_RESPONDING"])
@pytest.mark.parametrize("decision", ["resumed", "failed"])
@pytest.mark.parametrize("tail", ["", " : Not responding", ": 'Turn it on' failed"])
def test_a_reaction_has_ended_and_the_node_is_not_back(drained, state, decision, tail):
    """As when slurmctld is killed just after the resume, and comes back with the old state; or a repair fails."""
    recorded(drained, decision)
    assert synced(drained, state, ours(tail=tail)) == ["down"]


def test_a_reaction_is_under_way(drained):
    assert synced(drained) == []
    recorded(drained, "resumed", ago=-1.0)  # after Slurm was read
    assert synced(drained) == []


def test_a_reaction_left_the_node_to_a_person(drained):
    recorded(drained, "held", "n[1-3]")
    assert synced(drained, since=90_000) == []


def test_a_reaction_was_killed_for_good(drained):
    assert synced(drained, since=3500) == []
    assert synced(drained, since=3700) == ["down"]
    assert synced(drained, since=3700) == []  # now another one is under way
    assert synced(drained, reason=ours("by hand"), since=3700) == []


@pytest.mark.parametrize("reason", ["broken fan", f"{ours()}, JD has it", "hpc.slurm.node_down", ours("other")])
def test_a_person_has_the_node(drained, reason):
    recorded(drained, "failed")
    assert synced(drained, reason=reason, since=90_000) == []


def test_a_planned_absence(drained):
    recorded(drained, "failed")
    assert synced(drained, "DOWN+DRAIN+MAINTENANCE") == []


def test_the_retries_of_a_day(drained):
    for number, event in enumerate([EVENT, OTHER, EVENT]):
        recorded(drained, "failed", event=event, ago=-1e-3 * number)
        while time.time() < float(drained.rows("SELECT max(time) FROM records")[0]):
            pass
        assert synced(drained, reason=ours(event)) == ["down"]
        assert synced(drained, reason=ours(event)) == []
    recorded(drained, "failed", ago=0.0)
    assert synced(drained) == []
    assert [record.details["retry"] for record in ledger(drained)] == [False]
    with drained.database.transaction() as connection:
        connection.execute("UPDATE ledger SET retried = ?", (f"[{time.time() - RETRY_WINDOW - 1}]",))
    assert synced(drained) == ["down"]


def test_the_last_retry_without_an_end_is_recorded_once(core):
    """As when AWX does not take the job: no playbook ran that could post a record."""
    core.resolver = Resolver(core.database, core.inbox, core.metrics, retries=Retries(per_day=1))
    core.notify("down", "n1", at=time.time() - 8000)
    core.states()
    assert synced(core, "DOWN", "Not responding", since=8000) == ["down"]
    assert core.rows("SELECT count(*) FROM records") == [0]
    with core.database.transaction() as connection:
        connection.execute("UPDATE ledger SET reported = reported - 3700, repeated = repeated - 3700")
    for _sync in range(2):
        assert synced(core, "DOWN", "Not responding", since=8000) == []
        [groups] = core.rows("SELECT groups FROM records")
        assert "no retries are left today" in groups and '"held"' in groups and '"n1"' in groups


def ledger(core):
    with core.database.reading() as connection:
        return list(resolver_ledger(connection).out_of_service().values())


def resolver_ledger(connection):
    from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.ledger import Ledger

    return Ledger(connection)


def test_no_retries(drained):
    drained.resolver = Resolver(drained.database, drained.inbox, drained.metrics, retries=Retries(per_day=0))
    recorded(drained, "failed")
    assert synced(drained) == []


def test_a_reaction_failed_before_it_drained_the_node(core):
    """No controller responded, for example: the node is as slurmctld set it."""
    core.notify("down", "n1", at=time.time() - 600)
    core.states()
    assert synced(core, "DOWN", "Not responding", since=600) == []
    recorded(core, "failed")
    assert synced(core, "DOWN", "Not responding", since=600) == ["down"]
    assert synced(core, "DOWN", "Not responding", since=600) == []


def test_no_reaction_came(core):
    core.notify("down", "n1", at=time.time() - 3700)
    core.states()
    assert synced(core, "DOWN", "Not responding", since=3700) == ["down"]
    assert synced(core, "DOWN", "Not responding", since=3700) == []


def test_a_node_keeps_its_retries_when_it_is_back_in_between(drained):
    recorded(drained, "failed")
    assert synced(drained) == ["down"]
    with drained.database.transaction() as connection:
        connection.execute("UPDATE ledger SET states = '', reported = reported - 7200")
    drained.apply_snapshot(("n2", "IDLE"))
    assert drained.rows("SELECT retried != '[]' FROM ledger") == [1]


def test_old_records_are_removed(core):
    for number in range(KEPT + 5):
        core.resolver.add_record(Record(f"e{number}", "n", "p", 1.0, []))
    assert core.rows("SELECT count(*), min(event) FROM records WHERE event = 'e5' OR number <= 6") == [(1, "e5")]
    assert core.rows("SELECT count(*) FROM records") == [KEPT]
