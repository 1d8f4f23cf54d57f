# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as a whole: from its arguments to a clean end."""

from __future__ import annotations

import asyncio
import gc
import re
import sqlite3
import uuid
from collections.abc import Awaitable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .application import Parts, create_application
from .database import Database
from .events import Listener, Maker, listener_event
from .feeder import Feeder, Queue
from .inbox import Inbox, InboxFullError, New
from .log import decided, to_stderr
from .metrics import Metrics
from .overview import Observer
from .server import Server
from .settings import Settings
from .state import StateDirectory
from .syncer import SYNC_DUE, Syncer

FEEDBACK = "eda_feedback_queue"


async def run(queue: Queue, args: Mapping[str, Any]) -> None:
    """Listen and feed until cancelled.

    :raises SystemExit: for what can only be refused: arguments that cannot be used, a state directory in use, an
        address that cannot be bound. It comes before anything is awaited, and so before ansible-rulebook opens its
        store and goes on with what it finds there, which another instance may be at work on.
    :raises RuntimeError: when the HTTP server ends by itself.
    """
    with ExitStack() as held:
        try:
            source = _prepare(args, held)
        except (ValueError, OSError) as error:
            raise SystemExit(f"hpc.slurm.trigger_listener: {error}") from None
        _spare_the_collector(held)
        await source.run(queue, args.get(FEEDBACK))


def _spare_the_collector(held: ExitStack) -> None:
    """Let the garbage collector pass over what is there by now, which is the modules of all libraries.

    ansible-rulebook collects after each thousand events. With the modules that takes 25 to 80 ms, in which no thread
    runs and nobody gets an answer, and without them a tenth of one.
    """
    gc.collect()
    gc.freeze()
    held.callback(gc.unfreeze)


def _prepare(args: Mapping[str, Any], held: ExitStack) -> _Source:
    """Return the source, with all open that can be refused.

    :param held: gets what must be closed at the end.
    """
    _require_libraries()
    to_stderr()
    settings = Settings.from_args({name: value for name, value in args.items() if name != FEEDBACK})
    state = StateDirectory(settings.state_dir)
    held.callback(state.close)
    database = _open_database(state.path / "listener.sqlite3")
    held.callback(database.close)
    identity, server = state.identity(settings.id), Server(settings)
    held.callback(server.close)
    return _Source(settings, identity, database, server)


class _Source:
    """The parts, put together."""

    def __init__(self, settings: Settings, identity: str, database: Database, server: Server) -> None:
        self._settings, self._identity, self._database, self._server = settings, identity, database, server
        self._metrics = Metrics()
        self._inbox = Inbox(database, self._metrics)

    async def run(self, queue: Queue, feedback: Any) -> None:
        settings, metrics, inbox, server = self._settings, self._metrics, self._inbox, self._server
        url = settings.url if settings.port else re.sub(r":0$", f":{server.port}", settings.url)
        listener = Listener(self._identity, url, str(uuid.uuid4()), settings.permanent)
        maker = Maker(settings.granularity, settings.cluster, listener)
        feeder = Feeder(inbox, queue, maker, metrics, feedback)
        observer = Observer(self._database, settings, lambda: feeder.trouble)
        application = create_application(Parts(settings, self._identity, inbox, maker, metrics, observer, feeder.wake))
        syncer = Syncer(inbox, listener, settings.sync_interval, feeder.wake)
        # Before any notification can come in, so that it is the first.
        self._begin(listener)
        loop, deaf = asyncio.get_running_loop(), asyncio.Event()
        tasks = {
            asyncio.create_task(feeder.run(), name="trigger_listener feeder"),
            asyncio.create_task(syncer.run(), name="trigger_listener syncer"),
            asyncio.create_task(deaf.wait(), name="trigger_listener server"),
        }
        server.start(application, lambda: loop.call_soon_threadsafe(deaf.set))
        decided("listening", host=settings.host, port=server.port, run=listener.run)
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise RuntimeError("the HTTP server has ended by itself, see the log")
        finally:
            for task in tasks:
                task.cancel()
            await _finish(asyncio.gather(*tasks, return_exceptions=True))
            await _finish(asyncio.to_thread(server.stop))
            # Nobody takes it now: it is the first thing that the next run feeds.
            self._tell("listener_down", listener)
            decided("stopped", run=listener.run)

    def _begin(self, listener: Listener) -> None:
        try:
            self._inbox.drop(SYNC_DUE)  # of an earlier run
        except sqlite3.Error as error:
            decided("not dropped", what=SYNC_DUE, error=str(error), failing=True)
        self._tell("listener_up", listener)

    def _tell(self, kind: str, listener: Listener) -> None:
        try:
            self._inbox.store([New.event(listener_event(kind, listener))])
        except (sqlite3.Error, InboxFullError) as error:
            decided("not stored", what=kind, error=str(error), failing=True)


async def _finish(ending: Awaitable[object]) -> None:
    """Wait for an end, also when cancelled again meanwhile, as asyncio.run does at the end."""
    task = asyncio.ensure_future(ending)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue


def _open_database(path: Path) -> Database:
    try:
        return Database(path)
    except sqlite3.Error as error:
        raise ValueError(f"the inbox {path} cannot be opened: {error}") from None


def _require_libraries() -> None:
    try:
        import aiohttp
        import ClusterShell
        import prometheus_client
    except ImportError as error:
        raise ValueError(
            f"{error}: install the collection's requirements.txt for the Python that runs ansible-rulebook"
        ) from None
    del aiohttp, ClusterShell, prometheus_client
