# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the listener share: its parts on a disk of their own, senders, and an engine to feed."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional, TypeVar

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.application import Parts, create_application
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.database import Database
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.events import Listener, Maker
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import Entry, Inbox, New
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.metrics import Metrics
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.overview import Observer
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.server import Server
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.settings import Settings

ID = "listener-of-the-tests"
TOKEN = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ME = Listener(ID, "http://127.0.0.1:1", "00000000-0000-0000-0000-000000000001", True)
# Seconds to wait for anything.
LIMIT = 20

T = TypeVar("T")


class Core:
    """The database with what stands directly on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(path)
        self.metrics = Metrics()
        self.inbox = Inbox(self.database, self.metrics)

    @property
    def connection(self) -> Any:
        return self.database._connection

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return what a query finds, of a single column as it is."""
        with self.database.reading() as connection:
            found = connection.execute(query, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def tell(self, type_: str, nodes: str, at: Optional[float] = None) -> New:
        """Store a notification."""
        new = New.notification("node", type_, nodes)
        new = new if at is None else new._replace(received=at)
        self.inbox.store([new])
        return new

    def waiting(self) -> list[str]:
        return self.rows("SELECT what FROM inbox WHERE outcome IS NULL ORDER BY number")

    def feed(self, granularity: str = "node") -> list[dict[str, Any]]:
        """Return the events of all that waits, as a feeder takes it."""
        found: list[dict[str, Any]] = []
        while entry := self.inbox.next():
            found += Maker(granularity, "lab", ME).events_of(entry)
            self.inbox.end(entry, "taken")
        return found

    def states(self) -> list[tuple[str, str]]:
        """Return the node and the state of each event of all that waits."""
        return [(event["node"], event["state"]) for event in self.feed() if event["type"] == "node_state"]

    def sample(self, name: str, **labels: str) -> Optional[float]:
        return self.metrics.registry.get_sample_value(f"hpc_slurm_{name}", labels)

    def conditions(self) -> dict[str, str]:
        return dict(self.rows("SELECT node, conditions FROM ledger WHERE conditions != ''"))

    def close(self) -> None:
        self.database.close()


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
        self.woken, self.trouble, self.ended = 0, "", 0
        self.observer = Observer(self.core.database, self.settings, lambda: self.trouble)
        self.server = Server(self.settings)
        maker = Maker("node", self.settings.cluster, ME)
        core = self.core
        parts = Parts(self.settings, ID, core.inbox, maker, core.metrics, self.observer, self._stored)
        self.server.start(create_application(parts), self._ended)
        self.port = self.server.port

    def _stored(self) -> None:
        self.woken += 1

    def _ended(self) -> None:
        self.ended += 1

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
        """Send bytes as they are and return all that comes until the other side hangs up.

        :param cut: whether to say that no more comes.
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


@contextlib.contextmanager
def served(path: Path, **args: Any) -> Iterator[Served]:
    with contextlib.closing(Served(path, **args)) as made:
        yield made


def read_all(sock: socket.socket) -> bytes:
    """Return what comes until the end; a reset is one too."""
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
        assert time.monotonic() < until, f"waited {LIMIT} s in vain for {what}"
        time.sleep(0.01)


async def within(awaitable: Awaitable[T], what: str) -> T:
    try:
        return await asyncio.wait_for(awaitable, LIMIT)
    except asyncio.TimeoutError:
        pytest.fail(f"waited {LIMIT} s in vain for {what}")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(coroutine, 3 * LIMIT))


def entry_of(new: New, number: int = 1, done: int = 0) -> Entry:
    """Return what is to be stored as a row that has not been settled."""
    return Entry(number, new.uuid, new.received, new.kind, new.what, new.content, done)
