# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder: delivers events from the inbox to the engine, one at a time and in order."""

from __future__ import annotations

import asyncio
import itertools
import math
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Optional, Protocol, TypeVar

from ..store.entries import SUMMARY, UNREADABLE, Entry, is_resolved
from ..store.inbox import Inbox
from ..store.resolver import Resolver
from ..telemetry.log import log_decision
from ..telemetry.metrics import Metrics
from .events import EventBuilder

# Seconds between two attempts.
RETRY = 1.0
# Seconds to wait for the feedback on an event before checking whether the engine has finished with it.
FEEDBACK_TIMEOUT = 10.0
# Attempts until an event is undeliverable.
ATTEMPTS = 4
# Seconds between two notes of progress within an entry, where the engine has no store; after a crash, the events since
# then are delivered twice. Where it has one, each event is noted at once: it recognizes only the last five uuids.
PROGRESS_INTERVAL = 0.05
# Seconds between two deliveries of the same kind of notification, where those that wait are merged: the rules run one
# playbook for a burst, and not one for each notification.
BURST_PAUSE = 5.0
# Events that are built at a time.
CHUNK = 100

T = TypeVar("T")


class Queue(Protocol):
    """The queue that ansible-rulebook passes to a source."""

    async def put(self, event: dict[str, Any]) -> None: ...


class Feeder:
    """Puts events into the engine's queue, and completes each entry when the engine has its events.

    :param feedback: the queue on which the engine returns what it has stored; None when it runs without persistence.
    """

    def __init__(
        self,
        inbox: Inbox,
        resolver: Resolver,
        queue: Queue,
        builder: EventBuilder,
        metrics: Metrics,
        feedback: Optional[asyncio.Queue[dict[str, Any]]],
    ) -> None:
        self._inbox, self._resolver, self._queue = inbox, resolver, queue
        self._builder, self._metrics, self._feedback = builder, metrics, feedback
        # The uuid of the event whose feedback is awaited, and whether it has been received.
        self._expected, self._confirmed = "", asyncio.Event()
        self._has_more = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # When a notification was last delivered, by its summary.
        self._last_delivered: dict[str, float] = {}
        # What stops delivery, empty when nothing does.
        self.problem = ""

    def wake(self) -> None:
        """Tell it that the inbox has a new entry; from any thread."""
        # While it is set, the feeder has not yet read what is there. To wake the engine's thread takes long.
        if not self._has_more.is_set():
            self._loop.call_soon_threadsafe(self._has_more.set)

    async def run(self) -> None:
        """Deliver until cancelled."""
        reading = asyncio.create_task(self._read_feedback())
        try:
            await self._run()
        finally:
            reading.cancel()

    async def _run(self) -> None:
        while True:
            self._has_more.clear()
            await self._pause_in_burst()
            entry = await self._retried(self._resolver.next_entry)
            if entry is None:
                await self._has_more.wait()
            else:
                await self._deliver_entry(entry)

    async def _pause_in_burst(self) -> None:
        """Wait before the next notification when one of its kind was just delivered; others then join it."""
        if not self._resolver.merges:
            return
        row = await self._retried(self._inbox.oldest)
        if row is None or is_resolved(row):
            return
        last = self._last_delivered.get(row[SUMMARY], -math.inf)
        await asyncio.sleep(max(0.0, last + BURST_PAUSE - time.monotonic()))

    async def _deliver_entry(self, entry: Entry) -> None:
        delivered, failed, noted = self._builder.delivered_count(entry), 0, time.monotonic()
        events = itertools.islice(self._builder.events_of(entry), delivered, None)
        try:
            while chunk := await asyncio.to_thread(_next_chunk, events):
                for event in chunk:
                    # When one fails, the others probably do, too: all attempts for ten thousand nodes would take hours.
                    failed += not await self._deliver(entry, event, 1 if failed else ATTEMPTS)
                    delivered += 1
                    if self._feedback is not None or time.monotonic() - noted > PROGRESS_INTERVAL:
                        await self._retried(self._inbox.note_delivered, entry, self._builder.progress(entry, delivered))
                        noted = time.monotonic()
        except UNREADABLE as error:
            message = f"the entry cannot be read: {error}"
            await self._retried(self._resolver.mark_undeliverable, entry, {}, message)
            failed += 1
        detail = f"{failed} of {delivered} events undeliverable" if failed else ""
        await self._retried(self._inbox.complete, entry, _outcome(entry, failed), detail)
        if delivered and entry.kind == "notification":
            self._last_delivered[entry.summary] = time.monotonic()
        log_decision("entry completed", id=entry.uuid, events=delivered, undeliverable=failed)

    async def _deliver(self, entry: Entry, event: dict[str, Any], attempts: int) -> bool:
        """Put an event into the queue until the engine has it. Returns False when it is undeliverable."""
        number, error = event["meta"]["uuid"], ""
        facts = {name: event[name] for name in ("type", "node", "hostlist", "state") if name in event}
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(RETRY)
                # The engine ignores a uuid that it knows, even of an event that it failed with.
                number = str(uuid.uuid5(uuid.UUID(number), "again"))
            self._expected = number
            self._confirmed.clear()
            # Filters of the rulebook run in put(): they may change the event, and raise any exception.
            copy = {**event, "meta": {**event["meta"], "uuid": number}}
            [failure] = await asyncio.gather(self._queue.put(copy), return_exceptions=True)
            if failure is not None:
                error = f"{type(failure).__name__}: {failure}"
            elif self._feedback is None or await self._is_confirmed():
                self._metrics.delivered.labels(event["type"]).inc()
                log_decision("event delivered", id=entry.uuid, event=number, **facts)
                return True
            else:
                error = "the engine failed with the event, see the log of ansible-rulebook"
        await self._retried(self._resolver.mark_undeliverable, entry, event, error)
        return False

    async def _read_feedback(self) -> None:
        """Read everything that the engine returns, at once: otherwise it blocks, since filters may multiply events."""
        while self._feedback is not None:
            event = await self._feedback.get()
            if event.get("meta", {}).get("uuid") == self._expected:
                self._confirmed.set()

    async def _is_confirmed(self) -> bool:
        """Wait until the engine has stored an event, or has failed with it, which it does not report."""
        confirmed = asyncio.create_task(self._confirmed.wait())
        finished: Optional[asyncio.Task[None]] = None
        try:
            await asyncio.wait({confirmed}, timeout=FEEDBACK_TIMEOUT)
            if not confirmed.done():
                # The engine may be busy with actions for any time, so a timeout alone proves nothing.
                finished = asyncio.create_task(self._engine_finished())
                await asyncio.wait({confirmed, finished}, return_when=asyncio.FIRST_COMPLETED)
            return self._confirmed.is_set()
        finally:
            confirmed.cancel()
            if finished:
                finished.cancel()

    async def _engine_finished(self) -> None:
        """Return when the engine has finished with everything in its queue.

        It ignores empty events, and its queue holds one: when the second is in the queue, it has taken the first.
        """
        queue = getattr(self._queue, "queue", self._queue)
        for _number in range(2):
            await queue.put({})

    async def _retried(self, call: Callable[..., T], *args: Any) -> T:
        """Call a method of the store, again until the disk can be written."""
        while True:
            try:
                result = await asyncio.to_thread(call, *args)
            except sqlite3.Error as error:
                if not self.problem:
                    log_decision("delivery stopped", error=str(error), failing=True)
                self.problem = f"delivery waits for the disk of state_dir: {error}"
                await asyncio.sleep(RETRY)
            else:
                if self.problem:
                    log_decision("delivery resumed")
                self.problem = ""
                return result


def _next_chunk(events: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(itertools.islice(events, CHUNK))


def _outcome(entry: Entry, failed: int) -> str:
    if failed:
        return "undeliverable"
    has_own_event = entry.kind == "event" or (entry.kind == "notification" and not entry.is_node_state)
    return "delivered" if has_own_event or entry.content.get("reports") else "unchanged"
