# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that flap for long: neither the process nor its files grow without bound. Runs inside the lab."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from engine import NODES, Engine, Senders, program_of_triggers
from story import wait_until

pytestmark = pytest.mark.scale

FLAPPING = NODES[1:101]
ROUNDS = 20
MIB = 1024 * 1024


class Size(NamedTuple):
    """The memory of the process and the sizes of its files, in MiB."""

    memory: float
    inbox: float
    store: float

    def __str__(self) -> str:
        return f"memory {self.memory:.0f} MiB, inbox {self.inbox:.1f} MiB, engine's store {self.store:.1f} MiB"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path, {"hpc_slurm_granularity": "node"})
    yield made
    made.remove()


def reacted(engine: Engine, count: int) -> bool:
    """Tell whether so many reactions came."""
    return len(engine.reactions()) >= count


def size(engine: Engine) -> Size:
    text = Path(f"/proc/{engine.pid()}/status").read_text(encoding="ascii")
    [kib] = re.findall(r"^VmRSS:\s+(\d+) kB$", text, re.MULTILINE)
    inbox = sum(path.stat().st_size for path in (engine.directory / "state").glob("listener.sqlite3*"))
    return Size(int(kib) / 1024, inbox / MIB, engine.store.stat().st_size / MIB)


def test_flapping_nodes_do_not_fill_memory_and_disk(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.start()
    down = program_of_triggers(engine)
    up = [word.replace("/node/down", "/node/up") for word in down]
    senders, sizes = (Senders(down), Senders(up)), [size(engine)]
    for number in range(1, ROUNDS + 1):
        for sender in senders:
            for begin in range(0, len(FLAPPING), 10):
                sender.send(FLAPPING[begin : begin + 10])
            sender.wait()
        wanted = number * len(FLAPPING)
        wait_until(f"{wanted} reactions", 180, functools.partial(reacted, engine, wanted))
        sizes.append(size(engine))
    shown = [sizes[0], sizes[ROUNDS // 4], sizes[ROUNDS // 2], sizes[-1]]
    with capsys.disabled():
        print(f"\nsoak: {2 * ROUNDS * len(FLAPPING)} events; begin, quarter, half, end:")
        print("\n".join(f"  {each}" for each in shown))
    # A part that grew with each event would have grown as much in the second half as in the first.
    middle, end = sizes[ROUNDS // 2], sizes[-1]
    assert end.inbox < middle.inbox + 4
    assert end.store < 3 * middle.store + 4
    assert end.memory < 1.5 * middle.memory
