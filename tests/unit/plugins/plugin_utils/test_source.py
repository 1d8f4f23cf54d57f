# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as a whole: real sockets, a real server, and a queue as ansible-rulebook hands it over."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import sqlite3
import sys
import time
import urllib.parse

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import server as server_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import source
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import Inbox

ID = "listener-1"
TOKEN = "0123456789abcdef"
LIMIT = 10


async def within(awaitable, what):
    try:
        return await asyncio.wait_for(awaitable, LIMIT)
    except asyncio.TimeoutError:
        pytest.fail(f"waited {LIMIT} s in vain for {what}")


def request(url, method="POST", path=f"/{ID}/node/down", body=b"n[1-2]", headers=None, **keys):
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LIMIT)
    try:
        connection.request(method, path, body, headers or {}, **keys)
        return connection.getresponse().status
    finally:
        connection.close()


def raw(url, data):
    """Send bytes as they are, say that no more come, and return the status of the answer."""
    address = urllib.parse.urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=LIMIT) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    return int(answer.split()[1]) if answer else None


class Run:
    """A source that runs, with its queue of one place."""

    def __init__(self, path, **args):
        self.queue, self.inbox = asyncio.Queue(1), path / "inbox.sqlite3"
        given = {"port": 0, "id": ID, "state_dir": str(path), "cluster": "lab", **args}
        self.task = asyncio.create_task(source.run(self.queue, given))
        self.url = None

    async def next(self, what="an event"):
        getting = asyncio.create_task(self.queue.get())
        await asyncio.wait({getting, self.task}, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            getting.cancel()
            if self.task.done():
                self.task.result()
            pytest.fail(f"waited {LIMIT} s in vain for {what}")
        return getting.result()

    async def up(self):
        event = await self.next("listener_up")
        assert event["type"] == "listener_up"
        self.url = event["listener"]["url"]
        return event

    async def post(self, **keys):
        return await asyncio.to_thread(request, self.url, **keys)

    async def end(self):
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(self.task, "the end of the source")


async def emptied(path):
    """Wait until what has been taken from the queue has also been noted on disk."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        until = time.monotonic() + LIMIT
        while connection.execute("SELECT count(*) FROM inbox").fetchone()[0]:
            assert time.monotonic() < until, f"waited {LIMIT} s in vain for an empty inbox"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(path, **args):
    run = Run(path, **args)
    try:
        yield run
    finally:
        if not run.task.done():
            await run.end()


def entries(path):
    box = Inbox(path / "inbox.sqlite3")
    found = []
    while entry := box.first():
        found.append(entry)
        box.remove(entry)
    box.close()
    return found


def drive(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 3 * LIMIT))


def test_events_in_order_and_a_clean_end(tmp_path):
    async def scenario():
        async with running(tmp_path) as run:
            up = await run.up()
            assert await run.post() == 202
            assert await run.post(path=f"/{ID}/node/up", body=b"n9") == 202
            seen = [await run.next() for _number in range(5)]
            await emptied(run.inbox)
            await run.end()
        async with running(tmp_path) as again:
            first, second = await again.next("listener_down"), await again.next("listener_up")
        return up, seen, first, second

    up, seen, first, second = drive(scenario())
    assert up["listener"]["id"] == ID and not up["listener"]["url"].endswith(":0")
    assert [(e["type"], e.get("node"), e.get("state")) for e in seen] == [
        ("trigger_fired", None, None),
        ("node_state", "n1", "down"),
        ("node_state", "n2", "down"),
        ("trigger_fired", None, None),
        ("node_state", "n9", "up"),
    ]
    assert (first["type"], first["listener"]) == ("listener_down", up["listener"])
    assert second["type"] == "listener_up" and second["listener"]["run"] != up["listener"]["run"]


def test_a_queue_that_nobody_reads_delays_no_answer(tmp_path):
    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            started = time.monotonic()
            assert [await run.post() for _number in range(20)] == [202] * 20
            assert await run.post(method="GET", path="/healthz", body=None) == 200
            assert run.queue.full()
            return time.monotonic() - started

    assert drive(scenario()) < 5
    kinds = [entry.kind for entry in entries(tmp_path)]
    assert kinds == ["notification"] * 20 + ["event"]


@pytest.mark.parametrize(
    ("granularity", "then"), [("node", "node"), ("batch", "batch"), ("batch", "node"), ("node", "batch")]
)
def test_what_was_interrupted_goes_on_with_the_same_uuids(tmp_path, granularity, then):
    async def scenario():
        async with running(tmp_path, granularity=granularity) as run:
            await run.up()
            assert await run.post(body=b"n[1-9]") == 202
            seen = [await run.next() for _number in range(1 if granularity == "batch" else 3)]
            await run.end()
            # What is on the queue has been handed over, whether or not that has been noted.
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
        assert by_uuid.setdefault(event["meta"]["uuid"], event) == event
    if granularity == then:
        assert len(by_uuid) == (2 if then == "batch" else 10)


def test_feedback_is_waited_for(tmp_path):
    async def scenario():
        feedback = asyncio.Queue()
        async with running(tmp_path, feedback=True, eda_feedback_queue=feedback) as run:
            up = await run.up()
            assert await run.post(body=b"n1") == 202
            await feedback.put({"meta": {"uuid": "of another event"}})
            while not feedback.empty():
                await asyncio.sleep(0)
            assert run.queue.empty() and up["type"] == "listener_up"
            await feedback.put(up)
            fired = await run.next("trigger_fired")
            await run.end()
        async with running(tmp_path) as again:
            return fired, await again.next()

    fired, again = drive(scenario())
    assert fired["type"] == "trigger_fired" and again == fired


# cheroot leaves the socket that it could not bind to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_a_port_in_use(tmp_path):
    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            run = Run(tmp_path, port=taken.getsockname()[1])
            with pytest.raises(OSError, match="in use"):
                await within(run.task, "the refusal")
        assert run.queue.empty()
        assert [task for task in asyncio.all_tasks() if "feeder" in task.get_name()] == []

    drive(scenario())
    assert entries(tmp_path) == []


def test_a_failure_of_the_feeder_ends_the_source(tmp_path, monkeypatch):
    def fail(*_args):
        raise sqlite3.OperationalError("disk I/O error")

    async def scenario():
        async with running(tmp_path) as run:
            monkeypatch.setattr(Inbox, "advance", fail)
            with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
                await within(run.task, "the failure")

    drive(scenario())
    assert [entry.content["type"] for entry in entries(tmp_path)] == ["listener_up", "listener_down"]


def test_a_server_that_ends_by_itself_ends_the_source(tmp_path, monkeypatch):
    servers = []
    monkeypatch.setattr(source, "Server", lambda *args: servers.append(server_module.Server(*args)) or servers[-1])

    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            await asyncio.to_thread(servers[0]._server.stop)
            with pytest.raises(RuntimeError, match="server has ended by itself"):
                await within(run.task, "the failure")

    drive(scenario())


def test_cancelled_twice_with_senders_that_hang(tmp_path):
    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            address = urllib.parse.urlsplit(run.url)
            with socket.create_connection((address.hostname, address.port)) as hanging:
                hanging.sendall(f"POST /{ID}/node/down HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nn1".encode())
                # Answered: so the other connection has been accepted before.
                assert await run.post(method="GET", path="/healthz", body=None) == 200
                started = time.monotonic()
                run.task.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert not run.task.done()
                await run.end()
                return time.monotonic() - started

    assert drive(scenario()) < 6
    assert [entry.content["type"] for entry in entries(tmp_path)] == ["listener_down"]


def test_requests_that_are_refused_on_the_wire(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "TIMEOUT", 0.3)
    head = f"POST /{ID}/node/down HTTP/1.1\r\nHost: x\r\n"
    good = f"Authorization: Bearer {TOKEN}\r\n"
    cases = [
        (head + good + "Content-Length: 9\r\n\r\nn1", 400),  # cut off: n1 may be the half of n10
        (head + good + "Transfer-Encoding: chunked\r\n\r\n2\r\nn1\r\n", 400),
        (head + good + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (head + good + "Transfer-Encoding: chunked\r\n\r\n" + f"100\r\n{'n' * 256}\r\n" * 5 + "0\r\n\r\n", 413),
        (head + good + "Content-Length: 2000\r\n\r\n" + "n" * 2000, 413),
        (head + "Content-Length: 99999999999\r\n\r\n", 413),
        (head + "Content-Length: 2000\r\n\r\n" + "n" * 2000, 401),
        (head + "X-Long: " + "x" * 70000 + "\r\n\r\n", 413),
    ]

    async def scenario():
        async with running(tmp_path, token=TOKEN, max_body=1024) as run:
            await run.up()
            for data, status in cases:
                assert await asyncio.to_thread(raw, run.url, data.encode()) == status, data[:200]
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert await run.post(headers=headers, body=iter([b"n[1-", b"2]"]), encode_chunked=True) == 202
            assert (await run.next())["type"] == "trigger_fired"

    drive(scenario())


def test_senders_that_stop_halfway_are_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "TIMEOUT", 0.3)

    def hang(url):
        address = urllib.parse.urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=LIMIT) as sock:
            sock.sendall(f"POST /{ID}/node/down HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nn1".encode())
            return b"".join(iter(lambda: sock.recv(65536), b""))

    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            answers = await asyncio.gather(*(asyncio.to_thread(hang, run.url) for _number in range(4)))
            assert [answer.split()[1:2] for answer in answers if b"202" in answer] == []
            assert await run.post() == 202

    drive(scenario())
    assert [entry.kind for entry in entries(tmp_path)] == ["notification", "event"]


def test_an_inbox_that_cannot_be_written_loses_only_the_news_of_the_listener(tmp_path, monkeypatch, caplog):
    def fail(*_args):
        raise sqlite3.OperationalError("database or disk is full")

    async def scenario():
        async with running(tmp_path) as run:
            await run.up()
            monkeypatch.setattr(Inbox, "store", fail)
            assert await run.post() == 503

    drive(scenario())
    assert "listener_down could not be stored: database or disk is full" in caplog.text


def test_an_inbox_that_cannot_be_opened(tmp_path):
    (tmp_path / "inbox.sqlite3").write_text("this is no database, and long enough to be looked at" * 20)

    async def scenario():
        with pytest.raises(ValueError, match="the inbox .*inbox.sqlite3 cannot be opened"):
            await within(Run(tmp_path).task, "the refusal")

    drive(scenario())


def test_a_library_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cheroot", None)

    async def scenario():
        with pytest.raises(ValueError, match="cheroot.*requirements.txt"):
            await within(Run(tmp_path).task, "the refusal")

    drive(scenario())
