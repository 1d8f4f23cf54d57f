# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: aiohttp, in a thread of its own beside the engine's event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

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
        self._socket = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
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
        connections = _Connections(runner)
        limit = HANDSHAKE if self._tls else None
        server = await self._loop.create_server(
            connections.accept, sock=self._socket, ssl=self._tls, ssl_handshake_timeout=limit
        )
        watching = asyncio.create_task(connections.watch())
        try:
            await self._ending.wait()
        finally:
            watching.cancel()
            server.close()
            await runner.cleanup()

    def close(self) -> None:
        """Close the socket, served or not."""
        self._socket.close()
        if not self._loop.is_running():
            self._loop.close()

    def stop(self) -> None:
        """Stop serving, when requests under way have been answered."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(timeout=10)


class _Connections:
    """The connections there are, none of which lasts."""

    def __init__(self, runner: web.AppRunner) -> None:
        self._server = cast("web.Server", runner.server)
        self._since: dict[web.RequestHandler, float] = {}

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        open_ = self._server.connections
        if len(open_) >= MOST_CONNECTIONS:
            open_[0].force_close()
        handler = self._server()
        self._since[handler] = time.monotonic()
        return handler

    async def watch(self) -> None:
        """Close those that last too long, until cancelled."""
        while True:
            await asyncio.sleep(1)
            open_ = set(self._server.connections)
            self._since = {handler: since for handler, since in self._since.items() if handler in open_}
            for handler, since in self._since.items():
                if time.monotonic() - since > LIFETIME:
                    handler.force_close()


def _logger() -> logging.Logger:
    """Return a logger for aiohttp's failures."""
    child = logger.getChild("http")
    child.addFilter(_is_ours)
    return child


def _is_ours(record: logging.LogRecord) -> bool:
    """Leave out clients that do not speak HTTP, which aiohttp tells as its own failures are told."""
    from aiohttp.http_exceptions import HttpProcessingError

    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
