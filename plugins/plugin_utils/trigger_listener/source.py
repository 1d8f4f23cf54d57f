# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source: puts the parts together, runs them, and stops them."""

from __future__ import annotations

import asyncio
import gc
import re
import sqlite3
import sys
import uuid
from collections.abc import Awaitable, Mapping
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ...module_utils.adapter.releases import ANSIBLE_RULEBOOK, RULEBOOK_PYTHON, is_older
from .configure.settings import Settings
from .configure.state_directory import StateDirectory
from .feed.events import EventBuilder, Listener, listener_event
from .feed.feeder import Feeder, Queue
from .feed.syncer import SYNC_DUE, Syncer
from .receive.application import Parts, create_app
from .receive.server import Server
from .show.observer import Observer
from .store.changes import Retries
from .store.database import Database
from .store.entries import NewEntry
from .store.inbox import Inbox, InboxFullError
from .store.resolver import Resolver
from .telemetry.log import log_decision, log_to_stderr
from .telemetry.metrics import Metrics

FEEDBACK = "eda_feedback_queue"


async def run(queue: Queue, args: Mapping[str, Any]) -> None:
    """Receive notifications and deliver events until cancelled.

    :raises SystemExit: when arguments are wrong, the state directory is in use, or the address cannot be bound. It is
        raised before the first await, and so before ansible-rulebook opens its store and continues the actions in it,
        which may belong to another instance.
    :raises RuntimeError: when the HTTP server ends by itself.
    """
    with ExitStack() as stack:
        try:
            source = _open(args, stack)
        except (ValueError, OSError) as error:
            raise SystemExit(f"hpc.slurm.trigger_listener: {error}") from None
        _freeze_garbage_collector(stack)
        await source.run(queue, args.get(FEEDBACK))


def _freeze_garbage_collector(stack: ExitStack) -> None:
    """Exclude what exists by now, which is the modules of all libraries, from garbage collection.

    ansible-rulebook collects after each thousand events. With the modules that takes 25 to 80 ms, during which no
    thread runs and no request is answered; without them it takes a tenth of a millisecond.
    """
    gc.collect()
    gc.freeze()
    stack.callback(gc.unfreeze)


def _open(args: Mapping[str, Any], stack: ExitStack) -> _Source:
    """Return the source, with everything open that can fail to open.

    :param stack: closes it at the end.
    """
    _require_libraries()
    log_to_stderr()
    settings = Settings.from_args({name: value for name, value in args.items() if name != FEEDBACK})
    state = StateDirectory(settings.state_dir)
    stack.callback(state.close)
    database = _open_database(state.path / "listener.sqlite3")
    stack.callback(database.close)
    listener_id, server = state.listener_id(settings.id), Server(settings)
    stack.callback(server.close)
    return _Source(settings, listener_id, database, server)


class _Source:
    """The parts, put together."""

    def __init__(self, settings: Settings, listener_id: str, database: Database, server: Server) -> None:
        self._settings, self._listener_id, self._database, self._server = settings, listener_id, database, server
        self._inbox, self._metrics = Inbox(database), Metrics()

    async def run(self, queue: Queue, feedback: Any) -> None:
        settings, metrics, inbox, server = self._settings, self._metrics, self._inbox, self._server
        url = settings.url if settings.port else re.sub(r":0$", f":{server.port}", settings.url)
        listener = Listener(self._listener_id, url, str(uuid.uuid4()), settings.permanent, settings.cluster)
        retries = Retries(settings.retries_per_day, settings.reaction_limit)
        builder, resolver = (
            EventBuilder(settings.granularity, listener, settings.trigger_fired),
            Resolver(self._database, inbox, metrics, merges=_merges(settings), retries=retries),
        )
        feeder = Feeder(inbox, resolver, queue, builder, metrics, feedback)
        observer = Observer(self._database, settings, lambda: feeder.problem)
        syncer, loop = Syncer(inbox, listener, settings.sync_interval, feeder.wake), asyncio.get_running_loop()

        def request_sync() -> None:
            loop.call_soon_threadsafe(syncer.request)

        parts = Parts(settings, listener.id, inbox, resolver, builder, metrics, observer, feeder.wake, request_sync)
        # Before any notification can be received, so that listener_up is the first event.
        self._store_start(listener)
        server_ended = asyncio.Event()
        tasks = {
            asyncio.create_task(feeder.run(), name="trigger_listener feeder"),
            asyncio.create_task(syncer.run(), name="trigger_listener syncer"),
            asyncio.create_task(server_ended.wait(), name="trigger_listener server"),
        }
        server.start(create_app(parts), lambda: loop.call_soon_threadsafe(server_ended.set))
        log_decision("listener started", host=settings.host, port=server.port, run=listener.run)
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
            # The next run delivers it first.
            self._store_event("listener_down", listener)
            log_decision("listener stopped", run=listener.run)

    def _store_start(self, listener: Listener) -> None:
        try:
            self._inbox.remove_pending(SYNC_DUE)  # of an earlier run
        except sqlite3.Error as error:
            log_decision("event not removed", type=SYNC_DUE, error=str(error), failing=True)
        self._store_event("listener_up", listener)

    def _store_event(self, type_: str, listener: Listener) -> None:
        try:
            self._inbox.store([NewEntry.event(listener_event(type_, listener))])
        except (sqlite3.Error, InboxFullError) as error:
            log_decision("event not stored", type=type_, error=str(error), failing=True)


def _merges(settings: Settings) -> bool:
    """Tell whether waiting notifications may become one: not where each has events of its own."""
    return settings.granularity == "batch" and settings.permanent and not settings.trigger_fired


async def _finish(awaitable: Awaitable[object]) -> None:
    """Wait until it is done, even when cancelled again meanwhile, as asyncio.run does at the end."""
    task = asyncio.ensure_future(awaitable)
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
    """Check what this runs with: the smallest releases, and the libraries.

    :raises ValueError: with what is there and what is needed.
    """
    python = ".".join(map(str, sys.version_info[:2]))
    if is_older(python, RULEBOOK_PYTHON):
        raise ValueError(f"this is Python {python}: run ansible-rulebook with Python {RULEBOOK_PYTHON} or later")
    # Another program that runs event sources needs no ansible-rulebook.
    with suppress(PackageNotFoundError):
        if is_older(found := version("ansible-rulebook"), ANSIBLE_RULEBOOK):
            raise ValueError(f"this is ansible-rulebook {found}: install {ANSIBLE_RULEBOOK} or later")
    try:
        import aiohttp
        import flask
        import greenlet
        import prometheus_client
    except ImportError as error:
        raise ValueError(
            f"{error}: install the collection's requirements.txt for the Python that runs ansible-rulebook"
        ) from None
    del aiohttp, flask, greenlet, prometheus_client
