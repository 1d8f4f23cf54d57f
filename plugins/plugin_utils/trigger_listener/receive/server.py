# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: aiohttp's, in its own thread beside the engine's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..configure.settings import Settings
from ..telemetry.log import logger
from .wsgi import Adapter

with contextlib.suppress(ImportError):  # source.py says what is missing
    from aiohttp import web
    from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Seconds that a connection may last: curl makes a new one each time, and slow senders must not hold one.
LIFETIME = 30.0
# Connections at a time. One more closes the oldest, which is an idle one: a request takes milliseconds.
MOST_CONNECTIONS = 256
# Seconds for a TLS handshake.
HANDSHAKE = 10.0
# Seconds for requests to complete when the server stops.
GRACE = 2.0
# Bytes of the request line, and of one header.
MOST_LINE = 8190


class Server:
    """The socket, and the thread that serves it.

    :raises OSError: when the address cannot be bound.
    """

    def __init__(self, settings: Settings) -> None:
        self._tls = settings.tls
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        bound = socket.create_server((settings.host, settings.port), family=family)
        self._socket = _ListeningSocket(fileno=bound.detach())
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()

    @property
    def port(self) -> int:
        """The port that it listens on, also when the system chose it (port 0)."""
        return int(self._socket.getsockname()[1])

    def start(self, application: WSGIApplication, on_end: Callable[[], object]) -> None:
        """Serve an application until stopped.

        :param on_end: called from the server's thread when it ends, also by a failure.
        """
        self._thread = threading.Thread(target=self._run, args=(application, on_end), daemon=True)
        self._thread.start()

    def _run(self, application: WSGIApplication, on_end: Callable[[], object]) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve(application))
        finally:
            on_end()

    async def _serve(self, application: WSGIApplication) -> None:
        http = web.Server(
            Adapter(application, "https" if self._tls else "http").handle,
            access_log=None,
            logger=_logger(),
            auto_decompress=False,  # a small body must stay small
            lingering_time=0,
            tcp_keepalive=False,  # no connection lasts long
            max_line_size=MOST_LINE,
            max_field_size=MOST_LINE,
        )
        limit = HANDSHAKE if self._tls else None
        server = await self._loop.create_server(
            http,
            sock=self._socket,
            ssl=self._tls.context if self._tls else None,
            ssl_handshake_timeout=limit,
            backlog=MOST_CONNECTIONS,
        )
        maintenance = asyncio.create_task(self._maintain())
        try:
            await self._ending.wait()
        finally:
            maintenance.cancel()
            server.close()
            await asyncio.sleep(0)  # requests that have arrived are begun
            http.pre_shutdown()
            await http.shutdown(GRACE)
            await self._socket.close_all()

    async def _maintain(self) -> None:
        """Close connections that last too long, and reload a renewed certificate, until cancelled."""
        while True:
            await asyncio.sleep(min(1.0, LIFETIME))
            self._socket.close_older(LIFETIME)
            if self._tls:
                self._tls.renew()

    def close(self) -> None:
        """Close the socket, whether or not it was served."""
        self._socket.close()
        if not self._loop.is_running():
            self._loop.close()

    def stop(self) -> None:
        """Answer the requests that are in progress, then stop. Does nothing when the server has ended by itself."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(timeout=10)


class _ListeningSocket(socket.socket):
    """A listening socket that limits the number and the age of its connections.

    It keeps the sockets themselves: aiohttp does not know a client that never completes the TLS handshake.
    """

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        # When each was accepted, the oldest first.
        self._open: dict[socket.socket, float] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. When there are too many, close the oldest."""
        accepted, address = super().accept()
        if len(self._open) >= MOST_CONNECTIONS:
            self._forget_closed()
        if len(self._open) >= MOST_CONNECTIONS:
            self._close_one(next(iter(self._open)))
        self._open[accepted] = time.monotonic()
        return accepted, address

    async def close_all(self) -> None:
        """Close the connections that aiohttp does not know, those in a TLS handshake."""
        closing = list(self._open)
        self.close_older(0.0)
        until = time.monotonic() + GRACE
        while any(connection.fileno() >= 0 for connection in closing) and time.monotonic() < until:
            await asyncio.sleep(0.01)

    def close_older(self, age: float) -> None:
        """Close the connections that are older than this many seconds."""
        self._forget_closed()
        for connection, since in list(self._open.items()):
            if time.monotonic() - since >= age:
                self._close_one(connection)

    def _forget_closed(self) -> None:
        self._open = {connection: since for connection, since in self._open.items() if connection.fileno() >= 0}

    def _close_one(self, connection: socket.socket) -> None:
        """Shut a connection down. The loop owns its socket, and closes it when it reads the end."""
        del self._open[connection]
        with contextlib.suppress(OSError):  # the client has closed it
            connection.shutdown(socket.SHUT_RDWR)


def _logger() -> logging.Logger:
    """Return the logger for aiohttp's errors."""
    child = logger.getChild("http")
    child.addFilter(_is_server_error)
    return child


def _is_server_error(record: logging.LogRecord) -> bool:
    """Drop errors of clients, which do not speak HTTP or hang up: aiohttp logs them as if they were its own."""
    return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, ConnectionError)))
