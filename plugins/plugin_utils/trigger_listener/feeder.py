# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the inbox to the engine, one event at a time and in order."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Optional, Protocol

from .events import events_of
from .inbox import Entry, Inbox
from .settings import Settings

logger = logging.getLogger("hpc.slurm.trigger_listener")


class Queue(Protocol):
    """What ansible-rulebook hands to a source."""

    async def put(self, event: dict[str, Any]) -> None: ...


class Feeder:
    """Puts events to the engine's queue, and takes each out of the inbox when the engine has it.

    :param feedback: where the engine returns what it has taken; None when it runs without persistence.
    """

    def __init__(
        self, inbox: Inbox, queue: Queue, settings: Settings, feedback: Optional[asyncio.Queue[dict[str, Any]]]
    ) -> None:
        self._inbox, self._queue, self._settings, self._feedback = inbox, queue, settings, feedback
        self._more = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Say that the inbox has more; from any thread."""
        self._loop.call_soon_threadsafe(self._more.set)

    async def run(self) -> None:
        """Feed until cancelled."""
        while True:
            self._more.clear()
            entry = await asyncio.to_thread(self._inbox.first)
            if entry is None:
                await self._more.wait()
            else:
                await self._feed(entry)

    async def _feed(self, entry: Entry) -> None:
        events = events_of(entry, self._settings.granularity, self._settings.cluster)
        # What was begun with an event a node may go on as a batch: again, rather than lost.
        done = min(entry.done, 1) if self._settings.granularity == "batch" else entry.done
        for index, event in enumerate(events):
            if index < done:
                continue
            uuid = event["meta"]["uuid"]  # the queue's filters may change the event
            await self._queue.put(event)
            await self._taken(uuid)
            await asyncio.to_thread(self._inbox.advance, entry, index + 1)
        await asyncio.to_thread(self._inbox.remove, entry)
        logger.info("fed %s", entry.uuid)

    async def _taken(self, uuid: str) -> None:
        while self._feedback is not None:
            if (await self._feedback.get())["meta"]["uuid"] == uuid:
                return
