# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: cheroot, in a thread of its own beside the event loop."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from cheroot.ssl.builtin import BuiltinSSLAdapter
    from flask import Flask

logger = logging.getLogger("hpc.slurm.trigger_listener")

# Seconds that a sender may let the server wait for its next byte.
TIMEOUT = 10
# Seconds that requests under way have when the server stops.
GRACE = 2


class Server:
    """Serves an application on the settings' address.

    :raises OSError: when the address cannot be bound.
    """

    def __init__(self, application: Flask, settings: Settings) -> None:
        from cheroot.wsgi import Server as WSGIServer

        self._server = WSGIServer(
            (settings.host, settings.port),
            application,
            numthreads=10,
            request_queue_size=128,
            timeout=TIMEOUT,
            shutdown_timeout=GRACE,
        )
        # cheroot reads headers, and what a refused request has left of its body, into memory: without limits of its
        # own anybody could fill that. The application's limit comes first; chunks may be four times their content.
        self._server.max_request_header_size = 65536
        self._server.max_request_body_size = 4 * settings.max_body
        # With more clients than this that keep connections open, cheroot lets requests wait.
        self._server.keep_alive_conn_limit = 64
        self._server.error_log = _log  # type: ignore[method-assign]
        if settings.tls is not None:
            self._server.ssl_adapter = tls_adapter(settings.tls)
        self._server.prepare()

    @property
    def port(self) -> int:
        """The port it listens on, also when the settings leave the choice to the system (port 0)."""
        return int(self._server.bind_addr[1])

    def start(self, ended: Callable[[], object]) -> None:
        """Serve until stopped.

        :param ended: called from the server's thread when it ends, also by a failure.
        """
        self._thread = threading.Thread(target=self._serve, args=(ended,), name="trigger_listener", daemon=True)
        self._thread.start()

    def _serve(self, ended: Callable[[], object]) -> None:
        try:
            self._server.serve()
        finally:
            ended()

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(timeout=10)


def tls_adapter(context: ssl.SSLContext) -> BuiltinSSLAdapter:
    """Return cheroot's way to TLS, with our context, and such that nobody waits for anybody's handshake.

    cheroot's own does the handshake in the thread that accepts connections, where a client that says nothing holds up
    all others. Here it is done by the thread that reads the request.
    """
    from cheroot.ssl.builtin import BuiltinSSLAdapter

    class LazyAdapter(BuiltinSSLAdapter):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            self.context = context

        def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
            wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}

    return LazyAdapter()


def _log(msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
    # A client that hangs up early, or does not speak TLS, is no failure of the listener.
    logger.log(min(level, logging.INFO) if not traceback else level, "%s", msg, exc_info=traceback)
