# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared by the tests of the listener: its parts with a database, senders, and a simulated engine."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional, TypeVar

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.settings import Settings
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.events import EventBuilder, Listener
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.application import (
    Parts,
    create_app,
)
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.server import Server
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.snapshot_body import parse_snapshot
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.show.observer import Observer
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.show.overview import Overview
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.database import Database
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.entries import NewEntry
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.inbox import Inbox
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.resolver import Resolver
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.snapshot import Snapshot
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.telemetry.metrics import Metrics

ID = "listener-of-the-tests"
TOKEN = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ME = Listener(ID, "http://127.0.0.1:1", "00000000-0000-0000-0000-000000000001", True, "lab")
# Seconds to wait for anything.
LIMIT = 20

T = TypeVar("T")


class Core:
    """The store: the database, with inbox and resolver."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(path)
        self.metrics = Metrics()
        self.inbox = Inbox(self.database)
        self.resolver = Resolver(self.database, self.inbox, self.metrics)

    @property
    def connection(self) -> Any:
        return self.database._connection

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query; of a single column, its values."""
        with self.database.reading() as connection:
            found = connection.execute(query, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def notify(self, type_: str, nodes: str, at: Optional[float] = None) -> NewEntry:
        """Store a notification."""
        new = NewEntry.notification("node", type_, nodes)
        new = new if at is None else new._replace(received=at)
        self.inbox.store([new])
        return new

    def pending(self) -> list[str]:
        return self.rows("SELECT summary FROM inbox WHERE outcome IS NULL ORDER BY number")

    def feed(self, granularity: str = "node") -> list[dict[str, Any]]:
        """Complete all pending entries, and return their events."""
        found: list[dict[str, Any]] = []
        while entry := self.resolver.next_entry():
            found += EventBuilder(granularity, ME, trigger_fired=True).events_of(entry)
            self.inbox.complete(entry, "delivered")
        return found

    def states(self) -> list[tuple[str, str]]:
        """Complete all pending entries, and return node and state of each event."""
        return [(event["node"], event["state"]) for event in self.feed() if event["type"] == "node_state"]

    def apply_snapshot(self, *groups: tuple[str, str], **keys: Any) -> int:
        """Apply the snapshot of snapshot(), and return its number of events."""
        return self.resolver.apply_snapshot(snapshot(*groups, **keys), EventBuilder("node", ME).count)[1]

    def outcomes(self) -> list[tuple[str, str]]:
        return self.rows("SELECT summary, coalesce(outcome, 'pending') FROM inbox ORDER BY number")

    def sample(self, name: str, **labels: str) -> Optional[float]:
        return self.metrics.registry.get_sample_value(f"hpc_slurm_{name}", labels)

    def ledger(self) -> dict[str, str]:
        """Return the nodes that were last reported out of service, with their states."""
        return dict(self.rows("SELECT node, states FROM ledger WHERE states != ''"))

    def close(self) -> None:
        self.database.close()


class Observed(Core):
    """The store, with an observer."""

    def __init__(self, path: Path, **args: Any) -> None:
        super().__init__(path)
        self.problem = ""
        self.observer = Observer(self.database, Settings.from_args(args), lambda: self.problem)

    def read(self) -> Overview:
        return self.observer.read()

    def status(self) -> dict[str, Any]:
        return self.read().status(ID, "lab", 5.0)

    def snapshot(self, *nodes: dict[str, Any], triggers: Sequence[dict[str, Any]] = (), **keys: Any) -> None:
        """Apply a snapshot of groups of nodes, as node_group() returns them."""
        now = time.time()
        content = {"time": now, "age": 0.0, "slurm_user": "slurm", "count": 10008, "nodes": nodes, "triggers": triggers}
        content |= keys
        self.resolver.apply_snapshot(parse_snapshot(json.dumps(content), now), EventBuilder("node", ME).count)


def node_group(
    nodes: str, state: str, reason: Optional[str] = "Not responding", when: Optional[int] = 1789999000
) -> dict[str, Any]:
    """Return nodes of the same state and reason, as in the body of a snapshot."""
    user = "slurm" if reason else None
    return {"nodes": nodes, "state": state.split("+"), "reason": reason, "reason_user": user, "reason_time": when}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """The application on a real socket, as the event source serves it.

    :param args: arguments of the event source.
    """

    def __init__(self, path: Path, **args: Any) -> None:
        self.settings = Settings.from_args({"port": 0, "state_dir": str(path), **args})
        self.core = Core(path / "listener.sqlite3")
        self.stored_count, self.problem, self.ended_count, self.sync_count = 0, "", 0, 0
        self.on_sync: Callable[[], object] = lambda: None
        self.observer = Observer(self.core.database, self.settings, lambda: self.problem)
        self.server = Server(self.settings)
        builder = EventBuilder("node", ME)
        core = self.core
        parts = Parts(
            self.settings,
            ID,
            core.inbox,
            core.resolver,
            builder,
            core.metrics,
            self.observer,
            on_stored=self._on_stored,
            request_sync=self._on_sync,
        )
        self.server.start(create_app(parts), self._on_end)
        self.port = self.server.port

    def _on_stored(self) -> None:
        self.stored_count += 1

    def _on_sync(self) -> None:
        self.sync_count += 1
        self.on_sync()

    def _on_end(self) -> None:
        self.ended_count += 1

    def entry_count(self) -> int:
        """Return the number of entries in the inbox."""
        return int(self.core.rows("SELECT count(*) FROM inbox")[0])

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Optional[dict[str, str]] = None,
        context: Optional[ssl.SSLContext] = None,
        **keys: Any,
    ) -> Answer:
        """Send a request on a connection of its own, as curl does."""
        made: http.client.HTTPConnection
        if context:
            made = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=LIMIT, context=context)
        else:
            made = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        with contextlib.closing(made):
            made.request(method, path, body, headers or {}, **keys)
            answer = made.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())

    def post(self, body: Any = b"n1", path: str = f"/{ID}/node/down", **keys: Any) -> Answer:
        return self.ask("POST", path, body, **keys)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)

    def raw(self, data: bytes, cut: bool = True) -> bytes:
        """Send bytes as they are, and return everything received until the other side hangs up.

        :param cut: whether to end the sending side.
        """
        with self.connect() as sock:
            sock.sendall(data)
            if cut:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def close(self) -> None:
        self.server.stop()
        self.server.close()
        self.core.close()


def snapshot_body(nodes: str = "n[1-3]", **changes: Any) -> str:
    """Return the body of a snapshot in which nodes are down."""
    group = {"nodes": nodes, "state": ["DOWN"], "reason": "why", "reason_user": "root", "reason_time": 1789999000}
    now = time.time()
    content = {"time": now, "age": 0.1, "slurm_user": "slurm", "count": 10, "nodes": [group], "triggers": []}
    return json.dumps({**content, **changes})


def snapshot(*groups: tuple[str, str], reason: str = "Not responding", count: int = 1000, **keys: Any) -> Snapshot:
    """Return a snapshot that was read just now.

    :param groups: hostlists, each with a state such as C(IDLE+DRAIN).
    """
    now = time.time()
    details = {"reason": reason, "reason_user": "slurm", "reason_time": int(now - 600)}
    nodes = [{"nodes": nodes, "state": state.split("+"), **details} for nodes, state in groups]
    content = {"time": now, "age": 0.0, "slurm_user": "slurm", "count": count, "nodes": nodes, "triggers": [], **keys}
    return parse_snapshot(json.dumps(content), now)


@contextlib.contextmanager
def served(path: Path, **args: Any) -> Iterator[Served]:
    with contextlib.closing(Served(path, **args)) as made:
        yield made


def read_all(sock: socket.socket) -> bytes:
    """Return what is received until the end or a reset."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(65536):
            found += data
    return found


def status_of(answer: bytes) -> Optional[int]:
    return int(answer.split(maxsplit=2)[1]) if answer else None


def wait_until(condition: Callable[[], Any], what: str) -> None:
    until = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < until, f"{what}: not within {LIMIT} s"
        time.sleep(0.01)


async def within(awaitable: Awaitable[T], what: str) -> T:
    try:
        return await asyncio.wait_for(awaitable, LIMIT)
    except asyncio.TimeoutError:
        pytest.fail(f"{what}: not within {LIMIT} s")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(coroutine, 3 * LIMIT))


class Filtered:
    """The queue that ansible-rulebook passes to a source: each event goes through the filters."""

    def __init__(self, *filters: Callable[[dict[str, Any]], Any]) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1)
        self.filters = filters

    async def put(self, event: dict[str, Any]) -> None:
        events = [event]
        for each in self.filters:
            results = [each(it) for it in events]
            events = [it for result in results for it in (result if isinstance(result, list) else [result])]
        for it in events:
            await self.queue.put(it)


class Engine:
    """Takes events as ansible-rulebook's rule_set_runner does, one at a time, and returns those that it has stored.

    :param filters: the filters of the rulebook.
    """

    def __init__(self, *filters: Callable[[dict[str, Any]], Any]) -> None:
        self.queue = Filtered(*filters)
        self.feedback: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1)
        # The events that it has stored, all that it was given, and how often it still fails, which uses up the uuid.
        self.taken: list[dict[str, Any]] = []
        self.given: list[dict[str, Any]] = []
        self.failures = 0
        # Cleared while actions run: nothing is taken from the queue.
        self.free = asyncio.Event()
        self.free.set()
        self._known: set[str] = set()

    async def run(self) -> None:
        while True:
            await self.free.wait()
            event = await self.queue.queue.get()
            if not event:
                continue
            self.given.append(event)
            number, known = event["meta"]["uuid"], event["meta"]["uuid"] in self._known
            self._known.add(number)
            if self.failures and not known:
                self.failures -= 1
                continue
            if not known:
                self.taken.append(event)
            await self.feedback.put(event)

    @property
    def uuids(self) -> list[str]:
        return [event["meta"]["uuid"] for event in self.taken]


async def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for a condition that other tasks fulfil."""
    limit = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < limit, f"{what}: not within {LIMIT} s"
        await asyncio.sleep(0.005)
