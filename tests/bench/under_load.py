# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long notifications take with 10,000 nodes each, beside them, and under hostile requests.

Runs inside the lab (`make bench`), with real curl and a real ansible-rulebook whose rule prints what it sees. Prints a
row for each case: the time until curl has the answer, and the time until the rule has seen all events.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "eda"))

from hostile import Attacks, Report, attack
from listening import ID, TOKEN, Listening, Sender

NODES = 10_000
BATCHES = 20
HOSTILE, AT_ONCE = 20_000, 48
# Seconds to wait for anything.
LIMIT = 300


class Row:
    """A row of the table.

    :param answered: seconds until curl had each answer.
    :param seen: seconds until the rule had seen the events of each notification.
    """

    def __init__(self, case: str, answered: list[float], seen: list[float]) -> None:
        self.case, self.answered, self.seen = case, answered, seen

    def __str__(self) -> str:
        return f"| {self.case} | {spread(self.answered, 1000, 0)} | {spread(self.seen, 1, 2)} |"


def spread(seconds: list[float], factor: int, digits: int) -> str:
    if not seconds:
        return ""
    median, least, most = (value * factor for value in (statistics.median(seconds), min(seconds), max(seconds)))
    return f"{median:.{digits}f} ({least:.{digits}f}-{most:.{digits}f})"


def batches(listening: Listening) -> list[Row]:
    listening.send("warm[1-100]")
    listening.wait("the first event", lambda: len(listening.nodes()) == 1)
    answered, seen = [], []
    for number in range(BATCHES):
        began = time.monotonic()
        answered.append(listening.send(f"other{number}x[00001-{NODES}]"))
        # Seen at the next look: the log is read a hundred times a second.
        while len(listening.nodes()) < number + 2:
            if time.monotonic() > began + LIMIT:
                raise SystemExit(f"waited {LIMIT} s for the rule to see batch {number}")
            time.sleep(0.01)
        seen.append(time.monotonic() - began)
    return [Row(f"{NODES:,} nodes in a notification, one event", answered, seen)]


def single_events(listening: Listening) -> list[Row]:
    with Sender(listening, "small") as small:
        began = time.monotonic()
        answered = listening.send(f"big[00001-{NODES}]")

        def large() -> int:
            return sum(node.startswith("big") for node in listening.nodes())

        listening.wait("all events at the rule", lambda: large() == NODES, limit=LIMIT)
        seen = time.monotonic() - began
    return [
        Row(f"{NODES:,} nodes in a notification, an event per node", [answered], [seen]),
        Row("one node in a notification, beside these", small.times, []),
    ]


def hostile(listening: Listening) -> list[Row]:
    attacks = iter(Attacks(random.Random(1), ID, TOKEN))
    with Sender(listening, "small") as small:
        asyncio.run(attack(listening.port, attacks, HOSTILE, AT_ONCE, Report()))
    return [Row(f"one node in a notification, beside {HOSTILE:,} hostile requests", small.times, [])]


CASES: list[tuple[str, Callable[[Listening], list[Row]]]] = [
    ("batch", batches),
    ("node", single_events),
    ("batch", hostile),
]


def main() -> None:
    if not os.environ.get("HPC_SLURM_LAB"):
        raise SystemExit("this needs ansible-rulebook and curl: run it inside the lab, with make bench")
    print("| case | answered, ms | at the rule, s |\n|---|---|---|")
    for granularity, case in CASES:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            listening = Listening(Path(directory), granularity=granularity)
            try:
                for row in case(listening):
                    print(row, flush=True)
            finally:
                listening.stop()


if __name__ == "__main__":
    main()
