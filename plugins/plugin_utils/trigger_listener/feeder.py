# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the inbox to the engine, one event at a time and in order."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Optional, Protocol, TypeVar

from .events import Maker
from .inbox import UNREADABLE, Entry, Inbox
from .log import decided
from .metrics import Metrics

# Seconds between two attempts at what failed.
RETRY = 1.0
# Seconds for the engine's word on an event, until it is asked whether it has ended with it.
FEEDBACK_LIMIT = 10.0
# An event that was put so often is set aside.
ATTEMPTS = 4
# Seconds between two notes of progress within an entry, where the engine has no store: what was put since comes a
# second time after a crash. One that has a store forgets nothing, and each event is noted at once: a repeated uuid it
# would know again, but only the last five.
NOTES = 0.05
# Events that are made at once.
CHUNK = 100

T = TypeVar("T")


class Queue(Protocol):
    """What ansible-rulebook hands to a source."""

    async def put(self, event: dict[str, Any]) -> None: ...


class Feeder:
    """Puts events to the engine's queue, and takes each out of the inbox when the engine has it.

    :param feedback: where the engine returns what it has taken; None when it runs without persistence.
    """

    def __init__(
        self,
        inbox: Inbox,
        queue: Queue,
        maker: Maker,
        metrics: Metrics,
        feedback: Optional[asyncio.Queue[dict[str, Any]]],
    ) -> None:
        self._inbox, self._queue, self._maker, self._metrics = inbox, queue, maker, metrics
        self._feedback = feedback
        # The uuid that the engine's word is waited for, and whether it came.
        self._expected, self._word = "", asyncio.Event()
        self._more = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # What keeps it from going on, empty when nothing does.
        self.trouble = ""

    def wake(self) -> None:
        """Say that the inbox has more; from any thread."""
        self._loop.call_soon_threadsafe(self._more.set)

    async def run(self) -> None:
        """Feed until cancelled."""
        listening = asyncio.create_task(self._listen())
        try:
            await self._run()
        finally:
            listening.cancel()

    async def _run(self) -> None:
        while True:
            self._more.clear()
            entry = await self._inboxed(self._inbox.next)
            if entry is None:
                await self._more.wait()
            else:
                await self._feed(entry)

    async def _feed(self, entry: Entry) -> None:
        done, aside, noted = self._maker.resume(entry), 0, time.monotonic()
        events = itertools.islice(self._maker.events_of(entry), done, None)
        try:
            while chunk := await asyncio.to_thread(_chunk, events):
                for event in chunk:
                    # When one is never taken, the others hardly are: all attempts at each of ten thousand take hours.
                    aside += not await self._give(entry, event, 1 if aside else ATTEMPTS)
                    done += 1
                    if self._feedback is not None or time.monotonic() - noted > NOTES:
                        await self._inboxed(self._inbox.advance, entry, done)
                        noted = time.monotonic()
        except UNREADABLE as error:
            await self._inboxed(self._inbox.set_aside, entry, {}, f"it cannot be read: {error}")
            aside += 1
        outcome = "set aside" if aside else "taken" if entry.kind == "event" or _has_news(entry) else "nothing new"
        detail = f"{aside} of {done} events set aside" if aside else ""
        await self._inboxed(self._inbox.end, entry, outcome, detail)
        decided("fed", id=entry.uuid, events=done, aside=aside)

    async def _give(self, entry: Entry, event: dict[str, Any], attempts: int) -> bool:
        """Put an event until the engine has it; False when it never will, and the event was set aside."""
        number, error = event["meta"]["uuid"], ""
        facts = {name: event[name] for name in ("type", "node", "hostlist", "state") if name in event}
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(RETRY)
                # The engine passes over a uuid that it knows, also when it failed with the event.
                number = str(uuid.uuid5(uuid.UUID(number), "again"))
            self._expected = number
            self._word.clear()
            # Filters that the user names run in there: they may change the event, and raise anything.
            given = {**event, "meta": {**event["meta"], "uuid": number}}
            [failure] = await asyncio.gather(self._queue.put(given), return_exceptions=True)
            if failure is not None:
                error = f"{type(failure).__name__}: {failure}"
            elif self._feedback is None or await self._taken():
                self._metrics.events.labels(event["type"]).inc()
                decided("put", id=entry.uuid, event=number, **facts)
                return True
            else:
                error = "the engine failed with the event, see the log of ansible-rulebook"
        await self._inboxed(self._inbox.set_aside, entry, event, error)
        return False

    async def _listen(self) -> None:
        """Read all that the engine returns, at once: what nobody reads blocks it, and a filter may make two of one."""
        while self._feedback is not None:
            event = await self._feedback.get()
            if event.get("meta", {}).get("uuid") == self._expected:
                self._word.set()

    async def _taken(self) -> bool:
        """Wait for the engine's word on an event: whether it has stored it, or failed and says nothing."""
        word = asyncio.create_task(self._word.wait())
        passed: Optional[asyncio.Task[None]] = None
        try:
            await asyncio.wait({word}, timeout=FEEDBACK_LIMIT)
            if not word.done():
                # It may be busy for as long as actions take, so that no time tells.
                passed = asyncio.create_task(self._pass())
                await asyncio.wait({word, passed}, return_when=asyncio.FIRST_COMPLETED)
            return self._word.is_set()
        finally:
            word.cancel()
            if passed:
                passed.cancel()

    async def _pass(self) -> None:
        """Return when the engine has ended with all that was put.

        It passes over empty events, and its queue holds one: when the second is in, it has taken the first.
        """
        queue = getattr(self._queue, "queue", self._queue)
        for _nothing in range(2):
            await queue.put({})

    async def _inboxed(self, call: Callable[..., T], *args: Any) -> T:
        """Call the inbox, again until the disk lets it."""
        while True:
            try:
                result = await asyncio.to_thread(call, *args)
            except sqlite3.Error as error:
                if not self.trouble:
                    decided("feeding stopped", error=str(error), failing=True)
                self.trouble = f"feeding waits for the disk of state_dir: {error}"
                await asyncio.sleep(RETRY)
            else:
                if self.trouble:
                    decided("feeding goes on")
                self.trouble = ""
                return result


def _chunk(events: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(itertools.islice(events, CHUNK))


def _has_news(entry: Entry) -> bool:
    return bool(entry.content.get("reports"))
