# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as a whole: from its arguments to a clean end."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .application import create_application
from .events import listener_event
from .feeder import Feeder, Queue
from .inbox import Inbox
from .server import Server
from .settings import Settings
from .state import StateDirectory

logger = logging.getLogger("hpc.slurm.trigger_listener")

FEEDBACK = "eda_feedback_queue"


async def run(queue: Queue, args: Mapping[str, Any]) -> None:
    """Listen and feed until cancelled.

    :raises ValueError: for arguments that cannot be used, before the socket opens.
    :raises OSError: when the address cannot be bound.
    :raises sqlite3.Error: when what has been taken cannot be noted.
    :raises RuntimeError: when the HTTP server ends by itself.
    """
    _require_libraries()
    settings = Settings.from_args({name: value for name, value in args.items() if name != FEEDBACK})
    state = StateDirectory(settings.state_dir)
    try:
        inbox = _open_inbox(state.path / "inbox.sqlite3")
        try:
            feeder = Feeder(inbox, queue, settings, args.get(FEEDBACK))
            await _serve(settings, state.identity(settings.id), inbox, feeder)
        finally:
            inbox.close()
    finally:
        state.close()


async def _serve(settings: Settings, identity: str, inbox: Inbox, feeder: Feeder) -> None:
    application = create_application(settings, identity, inbox, feeder.wake, lambda: not feeding.done())
    server = Server(application, settings)
    url = settings.url if settings.port else re.sub(r":0$", f":{server.port}", settings.url)
    listener = {"id": identity, "url": url, "run": str(uuid.uuid4())}
    # Before any notification can come in, so that it is the first.
    _tell(inbox, "listener_up", listener)
    loop, deaf = asyncio.get_running_loop(), asyncio.Event()
    feeding = asyncio.create_task(feeder.run(), name="trigger_listener feeder")
    hearing = asyncio.create_task(deaf.wait(), name="trigger_listener server")
    server.start(lambda: loop.call_soon_threadsafe(deaf.set))
    logger.info("listening on %s:%s as %s", settings.host, server.port, identity)
    try:
        await asyncio.wait({feeding, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if feeding.done():
            feeding.result()
        raise RuntimeError("the HTTP server has ended by itself, see the log")
    finally:
        feeding.cancel()
        hearing.cancel()
        await _finish(server)
        # Nobody takes it now: it is the first thing that the next run feeds.
        _tell(inbox, "listener_down", listener)
        logger.info("stopped")


async def _finish(server: Server) -> None:
    """Stop the server, also when cancelled again meanwhile, as asyncio.run does at the end."""
    stopping = asyncio.get_running_loop().run_in_executor(None, server.stop)
    while not stopping.done():
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            continue
    stopping.result()


def _open_inbox(path: Path) -> Inbox:
    try:
        return Inbox(path)
    except sqlite3.Error as error:
        raise ValueError(f"the inbox {path} cannot be opened: {error}") from None


def _tell(inbox: Inbox, kind: str, listener: dict[str, str]) -> None:
    event = listener_event(kind, listener)
    try:
        inbox.store(event["meta"]["uuid"], time.time(), "event", event)
    except sqlite3.Error as error:
        logger.error("%s could not be stored: %s", kind, error)


def _require_libraries() -> None:
    try:
        import cheroot
        import ClusterShell
        import flask
    except ImportError as error:
        raise ValueError(
            f"{error}: install the collection's requirements.txt for the Python that runs ansible-rulebook"
        ) from None
    del cheroot, ClusterShell, flask
