# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the inbox to the engine: in order, until the engine has each; engines, filters and disks that fail."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import feeder as feeder_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.events import Maker, listener_event
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feeder import ATTEMPTS, Feeder
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import New
from ansible_collections.hpc.slurm.tests.unit.listener import ME, Core, Engine, drive, until


@pytest.fixture
def core(tmp_path):
    with contextlib.closing(Core(tmp_path / "db")) as made:
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(feeder_module, "RETRY", 0.01)
    monkeypatch.setattr(feeder_module, "FEEDBACK_LIMIT", 0.05)


@contextlib.asynccontextmanager
async def feeding(core, engine, granularity="node", feedback=True):
    """Feed the engine, and end both."""
    maker = Maker(granularity, "lab", ME)
    feeder = Feeder(core.inbox, engine.queue, maker, core.metrics, engine.feedback if feedback else None)
    tasks = [asyncio.create_task(feeder.run()), asyncio.create_task(engine.run())]
    try:
        yield feeder
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def feed(core, engine, **keys):
    """Feed until nothing waits."""

    async def scenario():
        async with feeding(core, engine, **keys):
            await until(lambda: not core.waiting(), "an empty inbox")

    drive(scenario())


def outcomes(core):
    return core.rows("SELECT outcome, detail FROM inbox ORDER BY number")


def nodes(events):
    return [event["node"] for event in events if event["type"] == "node_state"]


@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("granularity", ["node", "batch"])
def test_in_order_and_each_once(core, granularity, feedback):
    core.tell("down", "n[1-3]")
    core.inbox.store([New.event(listener_event("sync_due", ME))])
    core.tell("down", "n1")
    core.tell("up", "n1")

    async def scenario():
        engine = Engine()
        if not feedback:
            engine.feedback = asyncio.Queue()  # the stand-in returns them in any case
        async with feeding(core, engine, granularity, feedback) as feeder:
            await until(lambda: not core.waiting(), "an empty inbox")
            core.tell("down", "n9")
            feeder.wake()
            await until(lambda: not core.waiting() and len(core.rows("SELECT 1 FROM inbox")) == 5, "the one that came")
            await until(engine.queue.queue.empty, "the engine to take it")
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
    assert outcomes(core) == [("taken", ""), ("taken", ""), ("nothing new", ""), ("taken", ""), ("taken", "")]
    assert core.sample("events_put_total", type="node_state") == len(a_node) + 2
    assert core.sample("events_put_total", type="trigger_fired") == 4


def test_an_event_leaves_the_inbox_when_the_engine_says_so(core):
    core.tell("down", "n1")

    async def scenario():
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine):
            # Well beyond the limit after which the feeder asks whether the engine has ended with it.
            await until(engine.queue.queue.full, "the first event")
            await asyncio.sleep(5 * feeder_module.FEEDBACK_LIMIT)
            assert (core.waiting(), engine.given) == (["node down"], [])
            engine.free.set()
            await until(lambda: not core.waiting(), "an empty inbox")
        assert len(engine.given) == len(engine.taken) == 2

    drive(scenario())
    assert core.sample("events_set_aside_total") == 0


def test_words_on_other_events_are_passed_over(core):
    core.tell("down", "n1")

    async def scenario():
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine):
            for strange in ({"meta": {"uuid": "of another event"}}, {"meta": {}}, {}):
                await engine.feedback.put(strange)
            await until(engine.feedback.empty, "the feedback to be read")
            assert core.waiting() == ["node down"]
            engine.free.set()
            await until(lambda: not core.waiting(), "an empty inbox")

    drive(scenario())


@pytest.mark.parametrize("failures", [1, ATTEMPTS - 1])
def test_an_engine_that_fails_with_an_event_gets_it_again_as_another(core, failures):
    """It says nothing of a failure, and passes over a uuid that it has seen."""
    first = core.tell("down", "n1")
    engine = Engine()
    engine.failures = failures
    feed(core, engine)
    assert [event["type"] for event in engine.taken] == ["trigger_fired", "node_state"]
    given = [event["meta"]["uuid"] for event in engine.given]
    assert len(set(given)) == len(given) == 2 + failures
    assert given[0] == str(uuid.uuid5(uuid.UUID(first.uuid), "trigger_fired"))
    assert given[1] == str(uuid.uuid5(uuid.UUID(given[0]), "again"))
    assert outcomes(core) == [("taken", "")]
    assert core.sample("events_put_total", type="trigger_fired") == 1


def test_what_the_engine_never_takes_is_set_aside_and_does_not_stop_those_behind_it(core):
    first = core.tell("down", "n1")
    core.tell("down", "n2")
    engine = Engine()
    engine.failures = ATTEMPTS
    feed(core, engine)
    assert nodes(engine.taken) == ["n1", "n2"]
    assert outcomes(core) == [("set aside", "1 of 2 events set aside"), ("taken", "")]
    assert core.sample("events_set_aside_total") == 1
    ((entry, error),) = core.rows("SELECT entry, error FROM aside")
    assert (entry, error) == (first.uuid, "the engine failed with the event, see the log of ansible-rulebook")


class Poison:
    """A filter that raises for an event, and spoils what it was given."""

    def __init__(self, *bad, times=None):
        self.bad, self.seen, self.times = bad, [], times

    def __call__(self, event):
        self.seen.append(event.get("node"))
        if event.get("node") in self.bad and (self.times is None or self.seen.count(event["node"]) <= self.times):
            event.pop("meta")
            event.clear()
            raise RuntimeError("no filter of ours")
        return event


@pytest.mark.parametrize("feedback", [False, True])
def test_filters_that_raise(core, feedback):
    core.tell("down", "n[1-4]")
    core.tell("down", "n5")
    poison = Poison("n2", "n3")
    engine = Engine(poison)
    if not feedback:
        engine.feedback = asyncio.Queue()
    feed(core, engine, feedback=feedback)
    assert nodes(engine.taken) == ["n1", "n4", "n5"]
    assert outcomes(core) == [("set aside", "2 of 5 events set aside"), ("taken", "")]
    assert core.rows("SELECT json_extract(event, '$.node') FROM aside") == ["n2", "n3"]
    assert set(core.rows("SELECT error FROM aside")) == {"RuntimeError: no filter of ours"}
    assert core.conditions() == {"n1": "down", "n4": "down", "n5": "down"}
    # The first is tried again; with the others of a notification that is poison nobody's time is spent.
    assert (poison.seen.count("n2"), poison.seen.count("n3")) == (ATTEMPTS, 1)


def test_a_filter_that_raises_once(core):
    core.tell("down", "n[1-2]")
    engine = Engine(Poison("n1", times=1))
    feed(core, engine)
    assert nodes(engine.taken) == ["n1", "n2"]
    assert outcomes(core) == [("taken", "")]


def test_a_filter_that_makes_many_of_one(core):
    """The engine returns each of them, and stands still as long as nobody reads that."""
    core.tell("down", "n[1-3]")
    engine = Engine(lambda event: [{**event, "part": number} for number in range(7)])
    engine._known = Forgetful()
    feed(core, engine)
    assert len(engine.taken) == 4 * 7
    assert outcomes(core) == [("taken", "")]


class Forgetful(set):
    def __contains__(self, _item):
        return False


def test_a_filter_that_changes_what_it_is_given(core):
    def change(event):
        event["meta"]["more"] = event.pop("notification", None)
        event["state"] = "changed"
        return event

    core.tell("down", "n1")
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
def test_an_entry_that_cannot_be_read_is_set_aside(core, content):
    core.tell("down", "n1")
    core.tell("down", "n2")
    core.inbox.next()
    with core.database.transaction() as connection:
        connection.execute("UPDATE inbox SET content = ? WHERE number = 1", (content,))
    engine = Engine()
    feed(core, engine)
    assert nodes(engine.taken) == ["n2"]
    assert [outcome for outcome, _detail in outcomes(core)] == ["set aside", "taken"]
    assert core.rows("SELECT error LIKE 'it cannot be read: %' FROM aside") == [1]


def test_an_event_that_is_none(core):
    core.inbox.store([New.event({"type": "listener_up", "meta": {"uuid": "no uuid"}})])
    core.tell("down", "n1")
    engine = Engine()
    engine.failures = 1
    feed(core, engine)
    assert [outcome for outcome, _detail in outcomes(core)] == ["set aside", "taken"]


def test_a_disk_that_is_full_for_a_while(core):
    """Feeding stops, says so, and goes on; what the engine has is not put again."""
    core.tell("down", "n[1-3]")

    async def scenario():
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine) as feeder:
            await until(engine.queue.queue.full, "the first event")
            core.connection.execute("PRAGMA query_only=1")
            engine.free.set()
            await until(lambda: feeder.trouble, "the feeder to notice")
            assert feeder.trouble.startswith("feeding waits for the disk of state_dir: ")
            assert core.waiting() == ["node down"]
            await asyncio.sleep(5 * feeder_module.RETRY)
            core.connection.execute("PRAGMA query_only=0")
            await until(lambda: not core.waiting(), "an empty inbox")
            assert feeder.trouble == ""
        assert len(engine.given) == len(engine.taken) == 4

    drive(scenario())
    assert outcomes(core) == [("taken", "")]


def test_a_disk_that_cannot_even_be_read(core, monkeypatch):
    core.tell("down", "n1")
    name = core.path

    async def scenario():
        engine = Engine()
        monkeypatch.setattr(core.database, "_connection", Core(name.with_name("closed")).connection)
        core.connection.close()
        async with feeding(core, engine) as feeder:
            await until(lambda: feeder.trouble, "the feeder to notice")
            monkeypatch.undo()
            await until(lambda: not core.waiting(), "an empty inbox")
        return engine.taken

    assert nodes(drive(scenario())) == ["n1"]


@pytest.mark.parametrize("first", ["node", "batch"])
@pytest.mark.parametrize("then", ["node", "batch"])
@pytest.mark.parametrize("taken", [1, 2, 5])
def test_what_was_interrupted_goes_on(core, monkeypatch, first, then, taken):
    monkeypatch.setattr(feeder_module, "NOTES", 0)
    core.tell("down", "n[1-9]")
    core.tell("drained", "n[1-3]")

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
    core.tell("down", "n[0001-3000]")
    engine = Engine()
    feed(core, engine)
    assert nodes(engine.taken) == [f"n{number:04}" for number in range(1, 3001)]


def test_woken_from_another_thread(core):
    async def scenario():
        engine = Engine()
        async with feeding(core, engine) as feeder:
            await asyncio.sleep(0.05)

            def store():
                core.tell("down", "n1")
                feeder.wake()

            thread = threading.Thread(target=store)
            thread.start()
            await until(lambda: nodes(engine.taken) == ["n1"], "the event")
            thread.join()

    drive(scenario())


def test_cancelled_while_the_engine_is_asked_it_leaves_no_task(core):
    core.tell("down", "n1")

    async def scenario():
        before = asyncio.all_tasks()
        engine = Engine()
        engine.free.clear()
        async with feeding(core, engine):
            await until(engine.queue.queue.full, "the first event")
            await asyncio.sleep(3 * feeder_module.FEEDBACK_LIMIT)
        await until(lambda: asyncio.all_tasks() == before, "all tasks to end")

    drive(scenario())
    assert core.waiting() == ["node down"]
