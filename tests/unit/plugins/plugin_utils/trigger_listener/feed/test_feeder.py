# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder: order, feedback, and engines, filters and disks that fail."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed import feeder as feeder_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.events import EventBuilder, listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.feeder import ATTEMPTS, Feeder
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.entries import NewEntry
from ansible_collections.hpc.slurm.tests.unit.listener import ME, Core, Engine, drive, until


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(feeder_module, "RETRY", 0.01)
    monkeypatch.setattr(feeder_module, "FEEDBACK_TIMEOUT", 0.05)


@contextlib.asynccontextmanager
async def feeding(core, engine, granularity="node", feedback=True):
    """Run a feeder and an engine."""
    builder = EventBuilder(granularity, ME, trigger_fired=True)
    feeder = Feeder(
        core.inbox, core.resolver, engine.queue, builder, core.metrics, engine.feedback if feedback else None
    )
    tasks = [asyncio.create_task(feeder.run()), asyncio.create_task(engine.run())]
    try:
        yield feeder
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def feed(core, engine, **keys):
    """Deliver until nothing is pending."""

    async def scenario():
        async with feeding(core, engine, **keys):
            await until(lambda: not core.pending(), "an empty inbox")

    drive(scenario())


def outcomes(core):
    return core.rows("SELECT outcome, detail FROM inbox ORDER BY number")


def nodes(events):
    return [event["node"] for event in events if event["type"] == "node_state"]


@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("granularity", ["node", "batch"])
def test_events_are_delivered_in_order_and_once(core, granularity, feedback):
    core.notify("down", "n[1-3]")
    core.inbox.store([NewEntry.event(listener_event("sync_due", ME))])
    core.notify("down", "n1")
    core.notify("up", "n1")

    async def scenario():
        engine = Engine()
        if not feedback:
            engine.feedback = asyncio.Queue()  # the simulated engine returns events in any case
        async with feeding(core, engine, granularity, feedback) as feeder:
            await until(lambda: not core.pending(), "an empty inbox")
            core.notify("down", "n9")
            feeder.wake()
            await until(lambda: not core.pending() and len(core.rows("SELECT 1 FROM inbox")) == 5, "the new entry")
            await until(engine.queue.queue.empty, "the engine to take the last event")
        return engine.taken

    events = drive(scenario())
    a_node = ["node_state"] * (3 if granularity == "node" else 1)
    assert [event["type"] for event in events] == [
        "trigger_fired",
        *a_node,
        "sync_due",
        "trigger_fired",
        "trigger_fired",
        "node_state",
        "trigger_fired",
        "node_state",
    ]
    assert outcomes(core) == [
        ("delivered", ""),
        ("delivered", ""),
        ("unchanged", ""),
        ("delivered", ""),
        ("delivered", ""),
    ]
    assert core.sample("events_delivered_total", type="node_state") == len(a_node) + 2
    assert core.sample("events_delivered_total", type="trigger_fired") == 4


def test_a_burst_of_notifications_becomes_two_events(core, monkeypatch):
    """The first goes at once, those that come within the pause together."""
    monkeypatch.setattr(feeder_module, "BURST_PAUSE", 5.0)
    core.resolver.merges = True
    core.notify("down", "n1")

    async def scenario():
        engine = Engine()
        async with feeding(core, engine, "batch") as feeder:
            await until(lambda: not core.pending(), "the first notification")
            # At once: on a slow disk one after the other would take longer than the pause.
            burst = [NewEntry.notification("node", "down", f"n{number}") for number in range(2, 30)]
            core.inbox.store([*burst, NewEntry.notification("node", "drained", "n[1-3]")])
            feeder.wake()
            await until(lambda: not core.pending(), "an empty inbox")
        return [event["hostlist"] for event in engine.taken if event["type"] == "node_state"]

    assert drive(scenario()) == ["n1", "n[2-29]", "n[1-3]"]
    assert core.ledger()["n1"] == "down,drained"


def test_an_entry_is_completed_after_the_feedback(core):
    core.notify("down", "n1")

    async def scenario():
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine):
            # Well beyond the timeout, after which the feeder checks whether the engine has finished with it.
            await until(engine.queue.queue.full, "the first event")
            await asyncio.sleep(5 * feeder_module.FEEDBACK_TIMEOUT)
            assert (core.pending(), engine.given) == (["node down"], [])
            engine.free.set()
            await until(lambda: not core.pending(), "an empty inbox")
        assert len(engine.given) == len(engine.taken) == 2

    drive(scenario())
    assert core.sample("events_undeliverable_total") == 0


def test_feedback_on_other_events_is_ignored(core):
    core.notify("down", "n1")

    async def scenario():
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine):
            for other in ({"meta": {"uuid": "of another event"}}, {"meta": {}}, {}):
                await engine.feedback.put(other)
            await until(engine.feedback.empty, "the feedback to be read")
            assert core.pending() == ["node down"]
            engine.free.set()
            await until(lambda: not core.pending(), "an empty inbox")

    drive(scenario())


@pytest.mark.parametrize("failures", [1, ATTEMPTS - 1])
def test_an_event_that_the_engine_failed_with_is_put_again_with_another_uuid(core, failures):
    """The engine does not report a failure, and ignores a uuid that it knows."""
    first = core.notify("down", "n1")
    engine = Engine()
    engine.failures = failures
    feed(core, engine)
    assert [event["type"] for event in engine.taken] == ["trigger_fired", "node_state"]
    given = [event["meta"]["uuid"] for event in engine.given]
    assert len(set(given)) == len(given) == 2 + failures
    assert given[0] == str(uuid.uuid5(uuid.UUID(first.uuid), "trigger_fired"))
    assert given[1] == str(uuid.uuid5(uuid.UUID(given[0]), "again"))
    assert outcomes(core) == [("delivered", "")]
    assert core.sample("events_delivered_total", type="trigger_fired") == 1


def test_an_undeliverable_event_does_not_stop_later_ones(core):
    first = core.notify("down", "n1")
    core.notify("down", "n2")
    engine = Engine()
    engine.failures = ATTEMPTS
    feed(core, engine)
    assert nodes(engine.taken) == ["n1", "n2"]
    assert outcomes(core) == [("undeliverable", "1 of 2 events undeliverable"), ("delivered", "")]
    assert core.sample("events_undeliverable_total") == 1
    ((entry, error),) = core.rows("SELECT entry, error FROM undeliverable")
    assert (entry, error) == (first.uuid, "the engine failed with the event, see the log of ansible-rulebook")


class FailingFilter:
    """A filter that changes the events of some nodes, and then raises."""

    def __init__(self, *bad, times=None):
        self.bad, self.seen, self.times = bad, [], times

    def __call__(self, event):
        self.seen.append(event.get("node"))
        if event.get("node") in self.bad and (self.times is None or self.seen.count(event["node"]) <= self.times):
            event.pop("meta")
            event.clear()
            raise RuntimeError("a bug in a filter")
        return event


@pytest.mark.parametrize("feedback", [False, True])
def test_filters_that_raise(core, feedback):
    core.notify("down", "n[1-4]")
    core.notify("down", "n5")
    failing = FailingFilter("n2", "n3")
    engine = Engine(failing)
    if not feedback:
        engine.feedback = asyncio.Queue()
    feed(core, engine, feedback=feedback)
    assert nodes(engine.taken) == ["n1", "n4", "n5"]
    assert outcomes(core) == [("undeliverable", "2 of 5 events undeliverable"), ("delivered", "")]
    assert core.rows("SELECT json_extract(event, '$.node') FROM undeliverable") == ["n2", "n3"]
    assert set(core.rows("SELECT error FROM undeliverable")) == {"RuntimeError: a bug in a filter"}
    assert core.ledger() == {"n1": "down", "n4": "down", "n5": "down"}
    # The first has all attempts, later ones of the same entry only one.
    assert (failing.seen.count("n2"), failing.seen.count("n3")) == (ATTEMPTS, 1)


def test_a_filter_that_raises_once(core):
    core.notify("down", "n[1-2]")
    engine = Engine(FailingFilter("n1", times=1))
    feed(core, engine)
    assert nodes(engine.taken) == ["n1", "n2"]
    assert outcomes(core) == [("delivered", "")]


def test_a_filter_that_multiplies_events(core):
    """The engine returns each of them, and blocks until they are read."""
    core.notify("down", "n[1-3]")
    engine = Engine(lambda event: [{**event, "part": number} for number in range(7)])
    engine._known = NothingKnown()
    feed(core, engine)
    assert len(engine.taken) == 4 * 7
    assert outcomes(core) == [("delivered", "")]


class NothingKnown(set):
    def __contains__(self, _item):
        return False


def test_a_filter_that_changes_an_event(core):
    def change(event):
        event["meta"]["more"] = event.pop("notification", None)
        event["state"] = "changed"
        return event

    core.notify("down", "n1")
    engine = Engine(change)
    engine.failures = 1
    feed(core, engine)
    first, second = (event["meta"]["more"] for event in engine.given[:2])
    assert first is not None and first == second


@pytest.mark.parametrize(
    "content",
    [
        '{"reports": [{"nodes": ["n1"]}], "trigger": {}}',
        '{"reports": 7, "trigger": {}}',
        '{"reports": [1]}',
        "{}",
        "[]",
    ],
)
def test_an_unreadable_entry_is_undeliverable(core, content):
    core.notify("down", "n1")
    core.notify("down", "n2")
    core.resolver.next_entry()
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = ? WHERE number = 1", (content,))
    engine = Engine()
    feed(core, engine)
    assert nodes(engine.taken) == ["n2"]
    assert [outcome for outcome, _detail in outcomes(core)] == ["undeliverable", "delivered"]
    assert core.rows("SELECT error LIKE 'the entry cannot be read: %' FROM undeliverable") == [1]


def test_an_event_without_a_valid_uuid(core):
    core.inbox.store([NewEntry.event({"type": "listener_up", "meta": {"uuid": "no uuid"}})])
    core.notify("down", "n1")
    engine = Engine()
    engine.failures = 1
    feed(core, engine)
    assert [outcome for outcome, _detail in outcomes(core)] == ["undeliverable", "delivered"]


def test_the_disk_is_full_for_a_while(core):
    """Delivery stops, reports it, and resumes; what the engine has is not delivered again."""
    core.notify("down", "n[1-3]")

    async def scenario():
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine) as feeder:
            await until(engine.queue.queue.full, "the first event")
            core.connection.execute("PRAGMA query_only=1")
            engine.free.set()
            await until(lambda: feeder.problem, "delivery to stop")
            assert feeder.problem.startswith("delivery waits for the disk of state_dir: ")
            assert core.pending() == ["node down"]
            await asyncio.sleep(5 * feeder_module.RETRY)
            core.connection.execute("PRAGMA query_only=0")
            await until(lambda: not core.pending(), "an empty inbox")
            assert feeder.problem == ""
        assert len(engine.given) == len(engine.taken) == 4

    drive(scenario())
    assert outcomes(core) == [("delivered", "")]


def test_the_disk_cannot_be_read(core, monkeypatch):
    core.notify("down", "n1")
    name = core.path

    async def scenario():
        engine = Engine()
        monkeypatch.setattr(core.database, "_connection", Core(name.with_name("closed")).connection)
        core.connection.close()
        async with feeding(core, engine) as feeder:
            await until(lambda: feeder.problem, "delivery to stop")
            monkeypatch.undo()
            await until(lambda: not core.pending(), "an empty inbox")
        return engine.taken

    assert nodes(drive(scenario())) == ["n1"]


@pytest.mark.parametrize("first", ["node", "batch"])
@pytest.mark.parametrize("then", ["node", "batch"])
@pytest.mark.parametrize("taken", [1, 2, 5])
def test_an_interrupted_delivery_is_continued(core, monkeypatch, first, then, taken):
    monkeypatch.setattr(feeder_module, "PROGRESS_INTERVAL", 0)
    core.notify("down", "n[1-9]")
    core.notify("drained", "n[1-3]")

    async def interrupted():
        engine = Engine()
        async with feeding(core, engine, first):
            await until(lambda: len(engine.taken) >= min(taken, 4 if first == "batch" else 99), "some of the events")
            engine.free.clear()
        return engine.taken

    before = drive(interrupted())
    engine = Engine()
    feed(core, engine, granularity=then)
    had = [(name, event["state"]) for event in before + engine.taken for name in event["meta"]["hosts"]]
    assert set(had) == {(f"n{n}", "down") for n in range(1, 10)} | {(f"n{n}", "drained") for n in range(1, 4)}
    by_uuid = {}
    for event in before + engine.taken:
        assert by_uuid.setdefault(event["meta"]["uuid"], event) == event
    if first == then:
        assert len(by_uuid) == (4 if then == "batch" else 14)


def test_thousands_of_nodes(core):
    core.notify("down", "n[0001-3000]")
    engine = Engine()
    feed(core, engine)
    assert nodes(engine.taken) == [f"n{number:04}" for number in range(1, 3001)]


def test_a_new_entry_from_another_thread(core):
    async def scenario():
        engine = Engine()
        async with feeding(core, engine) as feeder:
            await asyncio.sleep(0.05)

            def store():
                core.notify("down", "n1")
                feeder.wake()

            thread = threading.Thread(target=store)
            thread.start()
            await until(lambda: nodes(engine.taken) == ["n1"], "the event")
            thread.join()

    drive(scenario())


def test_no_task_is_left_when_it_is_cancelled_while_waiting_for_feedback(core):
    core.notify("down", "n1")

    async def scenario():
        before = asyncio.all_tasks()
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine):
            await until(engine.queue.queue.full, "the first event")
            await asyncio.sleep(3 * feeder_module.FEEDBACK_TIMEOUT)
        await until(lambda: asyncio.all_tasks() == before, "all tasks to end")

    drive(scenario())
    assert core.pending() == ["node down"]
