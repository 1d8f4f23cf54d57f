# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writer: stores the entries of requests; those that arrive during a write share the next one."""

from __future__ import annotations

import asyncio

from ..store.entries import NewEntry
from ..store.inbox import Inbox


class Writer:
    """Stores entries.

    A single entry is written in the server's own thread: most disks are faster than two changes of threads.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: list[tuple[NewEntry, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def store(self, new: NewEntry) -> None:
        """Return when an entry is on disk.

        :raises sqlite3.Error: when it cannot be written.
        :raises InboxFullError: when too many entries are pending.
        """
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((new, stored))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await stored

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            [failure] = await asyncio.gather(self._store([new for new, _stored in batch]), return_exceptions=True)
            for _new, stored in batch:
                if stored.cancelled():
                    continue  # the sender has hung up
                if failure is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(failure)

    async def _store(self, entries: list[NewEntry]) -> None:
        if len(entries) == 1:
            self._inbox.store(entries)
        else:
            await asyncio.to_thread(self._inbox.store, entries)
