# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The asking for syncs: at the start, every so often, never twice at once, and again after a disk was full."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import inbox as inbox_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import syncer as syncer_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.syncer import Syncer
from ansible_collections.hpc.slurm.tests.unit.listener import ME, Core, drive, until


@pytest.fixture
def core(tmp_path):
    with contextlib.closing(Core(tmp_path / "db")) as made:
        yield made


class Asked:
    """A syncer that runs, and how often it has said that something was stored."""

    def __init__(self, core, interval):
        self.stored = 0
        self._task = asyncio.create_task(Syncer(core.inbox, ME, interval, self._stored).run())

    def _stored(self):
        self.stored += 1

    async def end(self):
        assert not self._task.done()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@contextlib.asynccontextmanager
async def asking(core, interval):
    asked = Asked(core, interval)
    try:
        yield asked
    finally:
        await asked.end()


def test_at_the_start_and_every_so_often(core):
    async def scenario():
        async with asking(core, 0.02) as asked:
            for number in range(3):
                await until(lambda: core.waiting() == ["sync_due"], "an event")
                assert asked.stored == number + 1
                core.inbox.end(core.inbox.next(), "taken")

    drive(scenario())
    events = core.rows("SELECT count(DISTINCT uuid) FROM inbox")
    assert events[0] >= 3


def test_one_that_waits_is_enough(core):
    async def scenario():
        async with asking(core, 0.01) as asked:
            await until(lambda: core.waiting() == ["sync_due"], "an event")
            await asyncio.sleep(0.1)
            assert (core.waiting(), asked.stored) == (["sync_due"], 1)

    drive(scenario())
    event = core.inbox.next().content
    assert (event["type"], event["listener"]) == ("sync_due", ME._asdict())


def test_only_at_the_start(core):
    async def scenario():
        async with asking(core, 0) as asked:
            await until(lambda: core.waiting() == ["sync_due"], "an event")
            core.inbox.end(core.inbox.next(), "taken")
            await asyncio.sleep(0.1)
            assert (core.waiting(), asked.stored) == ([], 1)

    drive(scenario())


@pytest.mark.parametrize("interval", [0, 300])
@pytest.mark.parametrize("trouble", ["disk", "full"])
def test_what_cannot_be_stored_is_tried_again_soon(core, monkeypatch, caplog, interval, trouble):
    monkeypatch.setattr(syncer_module, "RETRY", 0.01)

    async def scenario():
        if trouble == "disk":
            core.connection.execute("PRAGMA query_only=1")
        else:
            monkeypatch.setattr(inbox_module, "MOST_WAITING", 0)
        async with asking(core, interval) as asked:
            await until(lambda: caplog.records, "the failure")
            await asyncio.sleep(0.1)
            assert (core.waiting(), asked.stored) == ([], 0)
            core.connection.execute("PRAGMA query_only=0")
            monkeypatch.setattr(inbox_module, "MOST_WAITING", 10)
            await until(lambda: core.waiting() == ["sync_due"], "an event")

    drive(scenario())
    # Once, and not at every attempt.
    assert [record.getMessage() for record in caplog.records] == ["no sync"]
