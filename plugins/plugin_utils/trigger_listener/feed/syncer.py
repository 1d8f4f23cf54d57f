# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The syncer: requests syncs, with events for which the rules run playbooks/sync.yml."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable

from ..store.entries import NewEntry
from ..store.inbox import Inbox, InboxFullError
from ..telemetry.log import log_decision
from .events import Listener, listener_event

SYNC_DUE = "sync_due"
# Seconds until the next attempt when the inbox could not be written.
RETRY = 1.0


class Syncer:
    """Requests a sync at the start, and then at an interval.

    :param interval: seconds between two; 0: only at the start.
    :param on_stored: called after an entry was stored.
    """

    def __init__(self, inbox: Inbox, listener: Listener, interval: int, on_stored: Callable[[], None]) -> None:
        self._inbox, self._listener, self._interval, self._on_stored = inbox, listener, interval, on_stored
        self._is_first, self._requested = True, asyncio.Event()

    async def run(self) -> None:
        """Request syncs until cancelled. The first one after a full disk finds what could not be stored."""
        pause: float | None = 0.0
        while True:
            try:
                await asyncio.to_thread(self._request)
                pause = self._interval or None
            except (sqlite3.Error, InboxFullError) as error:
                if pause != RETRY:
                    log_decision("sync not requested", error=str(error), failing=True)
                pause = RETRY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._requested.wait()
                self._requested.clear()
                self._is_first = True

    def request(self) -> None:
        """Have a sync at once, which also shows how the reactions are set. Call it in the event loop."""
        self._requested.set()

    def _request(self) -> None:
        if self._inbox.has_pending(SYNC_DUE):
            return  # the engine is behind: one is enough
        self._inbox.store([NewEntry.event(listener_event(SYNC_DUE, self._listener, first=self._is_first))])
        self._is_first = False
        self._on_stored()
