# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: aiohttp, in a thread of its own beside the engine's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from .log import logger
from .settings import Settings

if TYPE_CHECKING:
    from aiohttp import web

# Seconds that a connection may last: curl makes a new one each time, and nobody who trickles his request stays.
LIFETIME = 30.0
# Connections at once. One more closes the oldest, which is the one that says nothing: a request takes milliseconds.
MOST_CONNECTIONS = 256
# Seconds for TLS' handshake.
HANDSHAKE = 10.0
# Seconds that requests under way have when the server stops.
GRACE = 2.0
# Bytes of a request's line, and of one header.
MOST_LINE = 8190


class Server:
    """A socket on the settings' address, and what serves it.

    :raises OSError: when the address cannot be bound.
    """

    def __init__(self, settings: Settings) -> None:
        self._tls = settings.tls
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        bound = socket.create_server((settings.host, settings.port), family=family)
        self._socket = _Listening(fileno=bound.detach())
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()

    @property
    def port(self) -> int:
        """The port it listens on, also when the settings leave the choice to the system (port 0)."""
        return int(self._socket.getsockname()[1])

    def start(self, application: web.Application, ended: Callable[[], object]) -> None:
        """Serve an application until stopped.

        :param ended: called from the server's thread when it ends, also by a failure.
        """
        self._thread = threading.Thread(target=self._run, args=(application, ended), daemon=True)
        self._thread.start()

    def _run(self, application: web.Application, ended: Callable[[], object]) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve(application))
        finally:
            ended()

    async def _serve(self, application: web.Application) -> None:
        from aiohttp import web

        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_logger(),
            auto_decompress=False,  # a small body stays one
            lingering_time=0,
            max_line_size=MOST_LINE,
            max_field_size=MOST_LINE,
            shutdown_timeout=GRACE,
        )
        await runner.setup()
        limit = HANDSHAKE if self._tls else None
        server = await self._loop.create_server(
            cast("web.Server", runner.server),
            sock=self._socket,
            ssl=self._tls.context if self._tls else None,
            ssl_handshake_timeout=limit,
            backlog=MOST_CONNECTIONS,
        )
        watching = asyncio.create_task(self._watch())
        try:
            await self._ending.wait()
        finally:
            watching.cancel()
            server.close()
            await runner.cleanup()
            await self._socket.end_all()

    async def _watch(self) -> None:
        """End connections that last too long, and heed a renewed certificate, until cancelled."""
        while True:
            await asyncio.sleep(min(1.0, LIFETIME))
            self._socket.end(LIFETIME)
            if self._tls:
                self._tls.renew()

    def close(self) -> None:
        """Close the socket, served or not."""
        self._socket.close()
        if not self._loop.is_running():
            self._loop.close()

    def stop(self) -> None:
        """Stop serving, when requests under way have been answered. Nothing to do when it has ended by itself."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(timeout=10)


class _Listening(socket.socket):
    """A listening socket that ends the connections it has accepted: none of them lasts, and there are not too many.

    It keeps the sockets themselves, since a client that never ends TLS' handshake is not known to anything above.
    """

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        # With the time at which each was accepted, the oldest first.
        self._open: dict[socket.socket, float] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, at the cost of the oldest when there are too many."""
        accepted, address = super().accept()
        if len(self._open) >= MOST_CONNECTIONS:
            self._forget_closed()
        if len(self._open) >= MOST_CONNECTIONS:
            self._end_one(next(iter(self._open)))
        self._open[accepted] = time.monotonic()
        return accepted, address

    async def end_all(self) -> None:
        """End all that aiohttp did not, those still shaking hands, and let the loop close them."""
        ended = list(self._open)
        self.end(0.0)
        until = time.monotonic() + GRACE
        while any(connection.fileno() >= 0 for connection in ended) and time.monotonic() < until:
            await asyncio.sleep(0.01)

    def end(self, age: float) -> None:
        """End those that are older."""
        self._forget_closed()
        for connection, since in list(self._open.items()):
            if time.monotonic() - since >= age:
                self._end_one(connection)

    def _forget_closed(self) -> None:
        self._open = {connection: since for connection, since in self._open.items() if connection.fileno() >= 0}

    def _end_one(self, connection: socket.socket) -> None:
        """Have the loop, whose socket it is, close it: it finds that nothing more comes."""
        del self._open[connection]
        with contextlib.suppress(OSError):  # the client was faster
            connection.shutdown(socket.SHUT_RDWR)


def _logger() -> logging.Logger:
    """Return a logger for aiohttp's failures."""
    child = logger.getChild("http")
    child.addFilter(_is_ours)
    return child


def _is_ours(record: logging.LogRecord) -> bool:
    """Leave out clients that do not speak HTTP, or hang up, which aiohttp tells as its own failures are told."""
    from aiohttp.http_exceptions import HttpProcessingError

    return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, ConnectionError)))
