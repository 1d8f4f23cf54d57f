# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The asking for syncs: the events that make the rules run playbooks/sync.yml."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

from .events import Listener, listener_event
from .inbox import Inbox, InboxFullError, New
from .log import decided

SYNC_DUE = "sync_due"
# Seconds until the next attempt when the inbox could not be written.
RETRY = 1.0


class Syncer:
    """Asks for a sync at the start and every so often.

    :param interval: seconds between two; 0: only at the start.
    :param stored: called after something was put into the inbox.
    """

    def __init__(self, inbox: Inbox, listener: Listener, interval: int, stored: Callable[[], None]) -> None:
        self._inbox, self._listener, self._interval, self._stored = inbox, listener, interval, stored

    async def run(self) -> None:
        """Ask until cancelled. What could not be stored while the disk was full is found by the sync after it."""
        pause: float | None = 0.0
        while True:
            try:
                await asyncio.to_thread(self._ask)
                pause = self._interval or None
            except (sqlite3.Error, InboxFullError) as error:
                if pause != RETRY:
                    decided("no sync", error=str(error), failing=True)
                pause = RETRY
            await asyncio.sleep(pause) if pause else await asyncio.Event().wait()

    def _ask(self) -> None:
        if self._inbox.waits(SYNC_DUE):
            return  # the engine is behind: one is enough
        self._inbox.store([New.event(listener_event(SYNC_DUE, self._listener))])
        self._stored()
