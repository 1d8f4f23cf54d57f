# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writer: entries that arrive during a write share the next one."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.writer import Writer
from ansible_collections.hpc.slurm.tests.unit.listener import drive


class SlowInbox:
    """Stores when the test lets it, and keeps the batches."""

    def __init__(self):
        self.go, self.batches, self.failure = threading.Event(), [], None

    def store(self, entries):
        self.batches.append(list(entries))
        assert self.go.wait(10)
        if self.failure:
            raise self.failure


def test_entries_that_arrive_during_a_write_share_the_next():
    async def scenario():
        inbox = SlowInbox()
        writer = Writer(inbox)
        first = [asyncio.create_task(writer.store(name)) for name in "ab"]
        while not inbox.batches:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(writer.store(name)) for name in "cdef"]
        await asyncio.sleep(0)
        others[1].cancel()  # its sender has hung up; the entry is stored nevertheless
        inbox.go.set()
        results = await asyncio.gather(*first, *others, return_exceptions=True)
        assert [type(result) for result in results] == [type(None)] * 3 + [asyncio.CancelledError] + [type(None)] * 2
        await writer.store("g")
        return inbox.batches

    assert drive(scenario()) == [["a", "b"], ["c", "d", "e", "f"], ["g"]]


def test_a_single_entry_is_written_without_a_change_of_threads():
    class Inbox:
        def store(self, entries):
            threads.append((len(entries), threading.current_thread() is threading.main_thread()))

    async def scenario():
        writer = Writer(Inbox())
        await writer.store("a")
        await asyncio.gather(writer.store("b"), writer.store("c"))

    threads = []
    drive(scenario())
    assert threads == [(1, True), (2, False)]


def test_a_failed_write_fails_for_all_entries_that_share_it():
    async def scenario():
        inbox = SlowInbox()
        inbox.failure = sqlite3.OperationalError("database or disk is full")
        inbox.go.set()
        writer = Writer(inbox)
        for names in ("ab", "c"):
            results = await asyncio.gather(*(writer.store(name) for name in names), return_exceptions=True)
            assert results == [inbox.failure] * len(names)
        inbox.failure = None
        await writer.store("d")

    drive(scenario())
