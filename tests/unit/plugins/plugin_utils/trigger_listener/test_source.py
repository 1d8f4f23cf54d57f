# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as a whole, with a queue as ansible-rulebook passes it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import socket
import sqlite3
import sys
import time
import urllib.parse
import uuid

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import source
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed import feeder as feeder_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed import syncer as syncer_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive import server as server_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.resolver import Resolver
from ansible_collections.hpc.slurm.tests.unit.listener import ID, LIMIT, TOKEN, Core, Engine, drive, until, within

DOWN = f"/{ID}/node/down"


def request(url, method="POST", path=DOWN, body=b"n[1-2]", headers=None):
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LIMIT)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


class Run:
    """A running source, with a queue that holds one event."""

    def __init__(self, path, **args):
        self.queue = args.pop("queue", None) or asyncio.Queue(1)
        self.path = path / "listener.sqlite3"
        given = {"port": 0, "id": ID, "state_dir": str(path), "cluster": "lab", "sync_interval": 0}
        given |= {"granularity": "node", "trigger_fired": True, **args}
        self.task = asyncio.create_task(source.run(self.queue, given))
        self.url = None

    async def next(self, what="an event"):
        """Return the next event, except the sync at the start."""
        while (event := await self._next(what))["type"] == "sync_due":
            pass
        return event

    async def _next(self, what):
        getting = asyncio.create_task(self.queue.get())
        await asyncio.wait({getting, self.task}, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            getting.cancel()
            if self.task.done():
                self.task.result()
            pytest.fail(f"{what}: not within {LIMIT} s")
        return getting.result()

    async def up(self):
        event = await self.next("listener_up")
        assert event["type"] == "listener_up"
        self.url = event["listener"]["url"]
        return event

    async def post(self, **keys):
        return await asyncio.to_thread(request, self.url, **keys)

    async def delivered(self):
        """Wait until everything is delivered, and noted on disk."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            query = "SELECT count(*) FROM inbox WHERE outcome IS NULL"
            await until(lambda: not connection.execute(query).fetchone()[0], "an empty inbox")

    async def end(self):
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(self.task, "the end of the source")


@contextlib.asynccontextmanager
async def running(path, **args):
    run = Run(path, **args)
    try:
        yield run
    finally:
        if not run.task.done():
            await run.end()


def pending(path):
    """Return the pending entries of a source, except syncs."""
    with contextlib.closing(Core(path / "listener.sqlite3")) as core:
        return [summary for summary in core.pending() if summary != "sync_due"]


def refused(path, **args):
    """Return why a source refuses to start."""
    given = {"port": 0, "state_dir": str(path), **args}
    with pytest.raises(SystemExit) as caught:
        asyncio.run(source.run(asyncio.Queue(1), given))
    message = str(caught.value)
    assert message.startswith("hpc.slurm.trigger_listener: ")
    return message.partition(": ")[2]


def test_events_in_order_and_a_clean_end(tmp_path):
    async def scenario():
        async with running(tmp_path, permanent=False) as run:
            up = await run.up()
            assert await run.post() == 202
            assert await run.post(path=f"/{ID}/node/up", body=b"n9") == 202
            seen = [await run.next() for _number in range(5)]
            await run.delivered()
            await run.end()
        async with running(tmp_path) as again:
            return up, seen, await again.next("listener_down"), await again.next("listener_up")

    up, seen, first, second = drive(scenario())
    listener = up["listener"]
    assert (listener["id"], listener["permanent"]) == (ID, False) and not listener["url"].endswith(":0")
    assert [(e["type"], e.get("node"), e.get("state"), e.get("cluster")) for e in seen] == [
        ("trigger_fired", None, None, "lab"),
        ("node_state", "n1", "down", "lab"),
        ("node_state", "n2", "down", "lab"),
        ("trigger_fired", None, None, "lab"),
        ("node_state", "n9", "up", "lab"),
    ]
    assert (first["type"], first["listener"]) == ("listener_down", listener)
    assert second["type"] == "listener_up" and second["listener"]["run"] != listener["run"]


def test_the_first_events_are_listener_up_and_a_sync(tmp_path):
    async def scenario():
        async with running(tmp_path, sync_interval=300) as run:
            first, second = await run._next("listener_up"), await run._next("sync_due")
            return first, second

    first, second = drive(scenario())
    assert (first["type"], second["type"]) == ("listener_up", "sync_due")
    assert first["listener"] == second["listener"]


def test_a_pending_sync_of_an_earlier_run_is_replaced(tmp_path):
    async def scenario():
        async with running(tmp_path) as run:
            with contextlib.closing(sqlite3.connect(run.path)) as connection:
                # The queue has listener_up, which is noted as delivered, and the sync waits.
                query = "SELECT summary, outcome FROM inbox ORDER BY number"
                wanted = [("listener_up", "delivered"), ("sync_due", None)]
                await until(lambda: run.queue.full() and connection.execute(query).fetchall() == wanted, "the sync")
        async with running(tmp_path) as run:
            return [(await run._next("an event"))["type"] for _number in range(3)]

    assert drive(scenario()) == ["listener_down", "listener_up", "sync_due"]


def test_a_snapshot(tmp_path):
    group = {"nodes": "n[1-2]", "state": ["DOWN"], "reason": "why", "reason_user": "root", "reason_time": 1789999000}
    now = time.time()
    body = {"time": now, "age": 0, "slurm_user": "slurm", "count": 8, "nodes": [group], "triggers": []}

    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            assert await run.post(path=f"/{ID}/snapshot", body=json.dumps(body)) == 202
            return [await run.next(), await run.next()]

    events = drive(scenario())
    assert [(event["node"], event["origin"], event["reason"]) for event in events] == [
        ("n1", "snapshot", "why"),
        ("n2", "snapshot", "why"),
    ]


def test_a_queue_that_is_not_read_delays_no_answer(tmp_path):
    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            await run.delivered()
            assert [await run.post() for _number in range(20)] == [202] * 20
            assert await run.post(method="GET", path="/healthz", body=None) == 200
            assert run.queue.full()

    drive(scenario())
    assert pending(tmp_path) == ["node down"] * 20 + ["listener_down"]


@pytest.mark.parametrize(
    ("granularity", "then"), [("node", "node"), ("batch", "batch"), ("batch", "node"), ("node", "batch")]
)
def test_an_interrupted_delivery_is_continued_with_the_same_uuids(tmp_path, granularity, then):
    async def scenario():
        async with running(tmp_path, granularity=granularity) as run:
            await run.up()
            assert await run.post(body=b"n[1-9]") == 202
            seen = [await run.next() for _number in range(1 if granularity == "batch" else 3)]
            await run.end()
            # What is in the queue counts as delivered, whether or not that has been noted.
            seen += [run.queue.get_nowait() for _number in range(run.queue.qsize())]
        async with running(tmp_path, granularity=then) as again:
            while (event := await again.next())["type"] != "listener_down":
                seen.append(event)
        return seen

    seen = drive(scenario())
    nodes = {name for event in seen for name in event["meta"]["hosts"]}
    assert nodes == {f"n{number}" for number in range(1, 10)}
    by_uuid = {}
    for event in seen:
        same = {key: value for key, value in event.items() if key != "listener"}  # its run differs
        assert by_uuid.setdefault(event["meta"]["uuid"], same) == same
    if granularity == then:
        assert len(by_uuid) == (2 if then == "batch" else 10)


def test_with_the_engines_feedback(tmp_path):
    async def scenario():
        engine = Engine()
        taking = asyncio.create_task(engine.run())
        args = {"queue": engine.queue, "feedback": True, source.FEEDBACK: engine.feedback}
        async with running(tmp_path, **args) as run:
            await until(lambda: engine.taken, "listener_up")
            run.url = engine.taken[0]["listener"]["url"]
            await until(lambda: len(engine.taken) == 2, "sync_due")
            engine.free.clear()
            await engine.queue.queue.put({})  # so that the queue is full
            assert await run.post(body=b"n1") == 202
            assert [event["type"] for event in engine.taken] == ["listener_up", "sync_due"]
        taking.cancel()
        engine.free.set()
        again = Engine()
        taking = asyncio.create_task(again.run())
        async with running(tmp_path, queue=again.queue, feedback=True, eda_feedback_queue=again.feedback):
            await until(lambda: len(again.taken) == 5, "the events that the engine did not have")
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        return again.taken

    types = [event["type"] for event in drive(scenario())]
    assert types == ["trigger_fired", "node_state", "listener_down", "listener_up", "sync_due"]


# Refused at the start, before the first await.


def test_invalid_arguments(tmp_path):
    assert refused(tmp_path, prot=1).startswith("unknown argument prot; there are: host, port")
    assert refused(tmp_path, port=-1).startswith("port must be an integer")
    assert not (tmp_path / "listener.sqlite3").exists()


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "in use" in refused(tmp_path, port=taken.getsockname()[1])
    assert pending(tmp_path) == []


def test_a_state_directory_in_use(tmp_path):
    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            message = await asyncio.to_thread(refused, tmp_path)
            assert await run.post() == 202
            return message

    assert "is in use by another listener" in drive(scenario())


def test_an_inbox_that_cannot_be_opened(tmp_path):
    (tmp_path / "listener.sqlite3").write_text("this is no database, and long enough to be looked at" * 20)
    assert "listener.sqlite3 cannot be opened: file is not a database" in refused(tmp_path)


def test_an_inbox_of_a_later_release(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "listener.sqlite3")) as connection:
        connection.execute("PRAGMA user_version=99")
    assert "later release of hpc.slurm (schema 99)" in refused(tmp_path)


def test_an_id_that_is_damaged(tmp_path):
    (tmp_path / "id").write_text("short")
    assert "holds no id" in refused(tmp_path)


@pytest.mark.parametrize("library", ["aiohttp", "flask", "greenlet", "prometheus_client"])
def test_a_library_that_is_missing(tmp_path, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    message = refused(tmp_path)
    assert library in message and "requirements.txt" in message


@pytest.mark.parametrize("found", ["1.1.0", "1.2.1"])
def test_an_ansible_rulebook_that_is_too_old(tmp_path, monkeypatch, found):
    monkeypatch.setattr(source, "version", lambda _name: found)
    assert f"this is ansible-rulebook {found}: install 1.3 or later" in refused(tmp_path)


def test_a_python_that_is_too_old(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert "this is Python 3.10: run ansible-rulebook with Python 3.11 or later" in refused(tmp_path)


# Failures while it runs.


def test_a_failure_of_the_feeder_ends_the_source(tmp_path, monkeypatch):
    def fail(*_args):
        raise MemoryError

    async def scenario():
        async with running(tmp_path) as run:
            monkeypatch.setattr(Resolver, "next_entry", fail)
            with pytest.raises(MemoryError):
                await within(run.task, "the failure")
            monkeypatch.undo()

    drive(scenario())
    assert pending(tmp_path) == ["listener_up", "listener_down"]


def test_a_server_that_ends_by_itself_ends_the_source(tmp_path, monkeypatch):
    servers = []
    monkeypatch.setattr(source, "Server", lambda *args: servers.append(server_module.Server(*args)) or servers[-1])

    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            await run.delivered()
            servers[0]._loop.call_soon_threadsafe(servers[0]._ending.set)
            with pytest.raises(RuntimeError, match="the HTTP server has ended by itself, see the log"):
                await within(run.task, "the failure")

    drive(scenario())
    assert pending(tmp_path) == ["listener_down"]


def test_cancelled_twice_with_senders_that_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "GRACE", 0.2)

    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            address = urllib.parse.urlsplit(run.url)
            with socket.create_connection((address.hostname, address.port)) as hanging:
                hanging.sendall(f"POST {DOWN} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nn1".encode())
                # When this is answered, the other connection has been accepted.
                assert await run.post(method="GET", path="/healthz", body=None) == 200
                await run.delivered()
                run.task.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert not run.task.done()
                await run.end()

    drive(scenario())
    assert pending(tmp_path) == ["listener_down"]


def test_nothing_that_was_accepted_is_lost_on_a_full_disk(tmp_path, monkeypatch):
    """It answers 503, /healthz fails, and it recovers by itself; only listener_down may be lost."""
    monkeypatch.setattr(feeder_module, "RETRY", 0.01)
    databases = []
    real = source.Database
    monkeypatch.setattr(source, "Database", lambda path: databases.append(real(path)) or databases[-1])

    def fill(is_full):
        with databases[-1].reading() as connection:
            connection.execute(f"PRAGMA query_only={int(is_full)}")

    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            assert await run.post(body=b"n1") == 202
            fill(True)
            assert await run.post(body=b"n2") == 503
            assert await run.post(method="GET", path="/healthz", body=None) == 503
            fill(False)
            assert await run.post(body=b"n2") == 202
            seen = [(await run.next())["type"] for _number in range(4)]
            await run.delivered()
            assert await run.post(method="GET", path="/healthz", body=None) == 200
            fill(True)
        return seen

    assert drive(scenario()) == ["trigger_fired", "node_state"] * 2
    assert pending(tmp_path) == []


def test_a_start_on_a_full_disk(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(feeder_module, "RETRY", 0.01)
    monkeypatch.setattr(syncer_module, "RETRY", 0.01)
    logger = logging.getLogger("hpc.slurm.trigger_listener")
    real = source.Database

    def full(path):
        database = real(path)
        with database.reading() as connection:
            connection.execute("PRAGMA query_only=1")
        monkeypatch.setattr(source, "opened", database, raising=False)
        return database

    monkeypatch.setattr(source, "Database", full)

    async def scenario():
        async with running(tmp_path) as run:
            logger.propagate = True
            await until(lambda: "sync not requested" in caplog.text, "the failure to be logged")
            with source.opened.reading() as connection:
                connection.execute("PRAGMA query_only=0")
            return await run._next("the next request of a sync")

    assert drive(scenario())["type"] == "sync_due"
    logged = [(record.getMessage(), record.facts.get("type")) for record in caplog.records if record.levelno > 20]
    assert logged[:2] == [("event not removed", "sync_due"), ("event not stored", "listener_up")]


def test_the_log_has_a_line_for_each_decision_with_its_uuids(tmp_path, capfd):
    async def scenario():
        async with running(tmp_path, token=TOKEN) as run:
            await run.up()
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert await run.post(body=b"n1", headers=headers) == 202
            assert await run.post(body=b"n1\nn2", headers=headers) == 400
            assert await run.post(body=b"n1") == 401
            await run.next()
            event = await run.next()
            await run.delivered()
            return event

    event = drive(scenario())
    text = capfd.readouterr().err
    assert TOKEN not in text
    lines = [json.loads(line) for line in text.splitlines()]
    by_decision = {line["decision"]: line for line in lines}
    number = event["notification"]
    assert {
        *("listener started", "notification stored", "notification resolved", "event delivered", "request refused"),
        *("entry completed", "listener stopped"),
    } <= set(by_decision)
    assert by_decision["notification stored"]["id"] == by_decision["notification resolved"]["id"] == number
    assert {line["event"] for line in lines if line["decision"] == "event delivered"} >= {event["meta"]["uuid"]}
    assert uuid.UUID(number)
