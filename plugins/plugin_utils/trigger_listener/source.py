# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as a whole: from its arguments to a clean end."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
import uuid
from collections.abc import Mapping
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
    """
    _require_libraries()
    settings = Settings.from_args({name: value for name, value in args.items() if name != FEEDBACK})
    state = StateDirectory(settings.state_dir)
    try:
        inbox = Inbox(state.path / "inbox.sqlite3")
        try:
            feeder = Feeder(inbox, queue, settings, args.get(FEEDBACK))
            await _serve(settings, state.identity(settings.id), inbox, feeder)
        finally:
            inbox.close()
    finally:
        state.close()


async def _serve(settings: Settings, identity: str, inbox: Inbox, feeder: Feeder) -> None:
    feeding = asyncio.create_task(feeder.run(), name="trigger_listener feeder")
    application = create_application(settings, identity, inbox, feeder.wake, lambda: not feeding.done())
    server = Server(application, settings)
    listener = {"id": identity, "url": settings.url, "run": str(uuid.uuid4())}
    server.start()
    logger.info("listening on %s:%s as %s", settings.host, server.port, identity)
    try:
        _tell(inbox, "listener_up", listener)
        feeder.wake()
        await feeding  # ends only by a failure, or with the source
    finally:
        feeding.cancel()
        await asyncio.to_thread(server.stop)
        # Nobody takes it now: it is the first thing that the next run feeds.
        _tell(inbox, "listener_down", listener)
        logger.info("stopped")


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
