# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The syncer: at the start, at its interval, never twice at a time, and again after a full disk."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed import syncer as syncer_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.syncer import Syncer
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store import inbox as inbox_module
from ansible_collections.hpc.slurm.tests.unit.listener import ME, drive, until


class RunningSyncer:
    """A syncer that runs, and counts what it stores."""

    def __init__(self, core, interval):
        self.stored_count = 0
        self.syncer = Syncer(core.inbox, ME, interval, self._on_stored)
        self._task = asyncio.create_task(self.syncer.run())

    def _on_stored(self):
        self.stored_count += 1

    async def end(self):
        assert not self._task.done()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@contextlib.asynccontextmanager
async def syncing(core, interval):
    running = RunningSyncer(core, interval)
    try:
        yield running
    finally:
        await running.end()


def test_at_the_start_and_at_the_interval(core):
    first = []

    async def scenario():
        async with syncing(core, 0.02) as running:
            for number in range(3):
                await until(lambda: core.pending() == ["sync_due"], "an event")
                assert running.stored_count == number + 1
                entry = core.resolver.next_entry()
                first.append(entry.content["first"])
                core.inbox.complete(entry, "delivered")

    drive(scenario())
    events = core.rows("SELECT count(DISTINCT uuid) FROM inbox")
    assert events[0] >= 3
    assert first == [True, False, False]


def test_no_second_request_while_one_is_pending(core):
    async def scenario():
        async with syncing(core, 0.01) as running:
            await until(lambda: core.pending() == ["sync_due"], "an event")
            await asyncio.sleep(0.1)
            assert (core.pending(), running.stored_count) == (["sync_due"], 1)

    drive(scenario())
    event = core.resolver.next_entry().content
    assert (event["type"], event["listener"]) == ("sync_due", ME.keys()["listener"])


def test_only_at_the_start(core):
    async def scenario():
        async with syncing(core, 0) as running:
            await until(lambda: core.pending() == ["sync_due"], "an event")
            core.inbox.complete(core.resolver.next_entry(), "delivered")
            await asyncio.sleep(0.1)
            assert (core.pending(), running.stored_count) == ([], 1)

    drive(scenario())


@pytest.mark.parametrize("interval", [0, 300])
def test_on_request(core, interval):
    async def scenario():
        async with syncing(core, interval) as running:
            for _number in range(3):
                await until(lambda: core.pending() == ["sync_due"], "an event")
                entry = core.resolver.next_entry()
                assert entry.content["first"] is True
                core.inbox.complete(entry, "delivered")
                running.syncer.request()

    drive(scenario())


@pytest.mark.parametrize("interval", [0, 300])
@pytest.mark.parametrize("problem", ["disk", "full"])
def test_a_request_that_cannot_be_stored_is_retried(core, monkeypatch, caplog, interval, problem):
    monkeypatch.setattr(syncer_module, "RETRY", 0.01)

    async def scenario():
        if problem == "disk":
            core.connection.execute("PRAGMA query_only=1")
        else:
            monkeypatch.setattr(inbox_module, "MOST_PENDING", 0)
        async with syncing(core, interval) as running:
            await until(lambda: caplog.records, "the failure")
            await asyncio.sleep(0.1)
            assert (core.pending(), running.stored_count) == ([], 0)
            core.connection.execute("PRAGMA query_only=0")
            monkeypatch.setattr(inbox_module, "MOST_PENDING", 10)
            await until(lambda: core.pending() == ["sync_due"], "an event")

    drive(scenario())
    # Logged once, not at every attempt.
    assert [record.getMessage() for record in caplog.records] == ["sync not requested"]
