"""A hundred thousand requests that nobody should send, while honest senders are served. Runs inside the lab.

The listener is that of a real ansible-rulebook. It must not crash, make an event or answer 500, its memory stays where
it is, and what real curl sends meanwhile, configured as playbooks/sync.yml does, is stored and reaches the rule.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import NODE, Attack, Attacks, Report, attack, idle
from listening import ID, TOKEN, Listening, Sender

pytestmark = pytest.mark.chaos

REQUESTS = int(os.environ.get("REQUESTS") or 100_000)
AT_ONCE = 48
# More than the listener lets be connected at once.
IDLE, TRICKLING = 280, 40
# MiB by which memory may grow after the first tenth, when every part has been at work: about a KiB a request. It does
# grow by some 40, ever more slowly, as what was freed lies between what was not; and Java is in the same process.
GROWTH = 96
STATES = ("up", "down", "drained", "draining", "fail", "idle", "resume")
# What may become of a request. 200: a page that the token opens.
ANSWERS = {"200", "400", "401", "403", "404", "405", "413", "417", "closed", "reset by us"}


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path)
    try:
        yield made
    finally:
        made.stop()


async def flood(listening: Listening, attacks: Iterator[Attack], report: Report) -> list[int]:
    """Send all requests, with connections that last beside them, and return what memory there was in between."""
    lasting = [asyncio.create_task(idle(listening.port, number < TRICKLING)) for number in range(IDLE + TRICKLING)]
    memory = []
    try:
        for part in range(10):
            await attack(listening.port, attacks, REQUESTS // 10, AT_ONCE, report)
            memory.append(listening.memory())
            assert not any(task.done() for task in lasting), part
    finally:
        for task in lasting:
            task.cancel()
        await asyncio.gather(*lasting, return_exceptions=True)
    return memory


def test_a_hundred_thousand_hostile_requests(listening: Listening, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    report = Report()
    with capsys.disabled():
        print(f"\nhostile: seed {seed}; SEED={seed} in the environment makes the same requests")
    attacks = iter(Attacks(random.Random(seed), ID, TOKEN))
    with Sender(listening, "honest") as honest:
        memory = asyncio.run(flood(listening, attacks, report))
    with capsys.disabled():
        print(f"hostile: {report.answers.total()} requests, answered:\n{report}")
        print(
            f"hostile: memory {memory[0]} MiB after a tenth of them, {max(memory)} at the most, {memory[-1]} at the end"
        )
        print(f"hostile: {len(honest.times)} honest notifications meanwhile, each stored")
    assert report.answers.total() == REQUESTS
    assert not {status for status in report.statuses() if status.startswith(("5", "2"))} - {"200"}
    assert not report.statuses() - ANSWERS
    assert max(memory) < memory[0] + GROWTH
    assert len(honest.times) > 20
    listening.wait("the honest notifications at the rule", lambda: len(listening.nodes()) >= len(honest.times))
    assert sorted(listening.nodes()) == sorted(honest.nodes)
    counted = listening.metrics()
    stored = 'hpc_slurm_notifications_total{class="node",result="stored",type="%s"}'
    # One whose connection was ended before the answer was sent again, and seen through.
    assert sum(counted.get(stored % state, 0) for state in STATES) >= len(honest.times)
    assert counted['hpc_slurm_snapshots_total{result="stored"}'] == 0
    text = listening.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in text and TOKEN not in text and NODE not in text
    assert listening.stop() == 0
