# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: cheroot, in a thread of its own beside the event loop."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from flask import Flask

logger = logging.getLogger("hpc.slurm.trigger_listener")


class Server:
    """Serves an application on the settings' address.

    :raises OSError: when the address cannot be bound.
    """

    def __init__(self, application: Flask, settings: Settings) -> None:
        from cheroot.wsgi import Server as WSGIServer

        self._server = WSGIServer(
            (settings.host, settings.port), application, numthreads=10, request_queue_size=128, timeout=10
        )
        # With more clients than this that keep connections open, cheroot lets requests wait.
        self._server.keep_alive_conn_limit = 64
        self._server.error_log = _log  # type: ignore[method-assign]
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="trigger_listener", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on, also when the settings leave the choice to the system (port 0)."""
        return int(self._server.bind_addr[1])

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(timeout=10)


def _log(msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
    # A client that hangs up early, or does not speak TLS, is no failure of the listener.
    logger.log(min(level, logging.INFO) if not traceback else level, "%s", msg, exc_info=traceback)
