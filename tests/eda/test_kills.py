"""ansible-rulebook is killed again and again while notifications arrive: no reaction is missing. Runs inside the lab.

The senders are what slurmctld would start: curl as playbooks/sync.yml configures it, with the program of the triggers
that it sets. The engine keeps its state in H2, as the demo does. Each of its lives writes an output of its own, and at
each death its store is looked at: an action that it holds was interrupted, or not begun, and may run in a later life.
Anything else must run once.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import LAST, NODES, Engine, Life, Senders, program_of_triggers
from story import wait_until

# Seconds of a life. Java takes about four to start, so that some end before the listener is up.
LIVES = (1.0, 12.0)
# Nodes of one notification.
BATCHES = (1, 1, 1, 1, 2, 3, 5, 50)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """With the default granularity, or that of the test's parameter."""
    given = {"hpc_slurm_granularity": request.param} if hasattr(request, "param") else {}
    made = Engine(tmp_path, given)
    yield made
    made.remove()


def batches(dice: random.Random, nodes: list[str]) -> list[list[str]]:
    """Return the nodes in random order, as the notifications that tell of them."""
    left, made = dice.sample(nodes, len(nodes)), []
    while left:
        size = dice.choice(BATCHES)
        made.append(left[:size])
        del left[:size]
    return made


def live(engine: Engine, senders: Senders, seconds: float, schedule: list[tuple[float, list[str]]]) -> None:
    """Let a running engine live for some seconds, while notifications are sent at their times, and kill it."""
    began = time.monotonic()
    for when, nodes in sorted(schedule):
        # The moments of a test are what it is about: no condition to wait for.
        time.sleep(max(0.0, began + when - time.monotonic()))
        senders.send(nodes)
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    engine.kill()


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.chaos)])
def test_no_reaction_is_missing_and_none_comes_twice(
    engine: Engine, kills: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    dice, began = random.Random(seed), time.monotonic()
    with capsys.disabled():
        print(f"\nkills: seed {seed}; SEED={seed} in the environment makes the same choices")
    nodes = NODES[: 20 * kills]
    engine.start()
    senders = Senders(program_of_triggers(engine))
    lives = [dice.uniform(*LIVES) for _kill in range(kills)]
    schedules: list[list[tuple[float, list[str]]]] = [[] for _kill in range(kills)]
    for batch in batches(dice, nodes):
        kill = dice.randrange(kills)
        # Half of them shortly before the kill, so that it finds the engine at work.
        when = lives[kill] - dice.expovariate(4) if dice.random() < 0.5 else dice.uniform(0, lives[kill])
        schedules[kill].append((max(0.0, when), batch))
    for seconds, schedule in zip(lives, schedules):
        live(engine, senders, seconds, schedule)
        engine.start()
    senders.wait()
    senders.send([LAST])
    senders.wait()
    missing = set(nodes) | {LAST}
    for life in engine.lives:
        missing -= set(life.reactions)

    def left() -> set[str]:
        return missing - set(engine.reactions())

    wait_until(lambda: f"{len(left())} reactions (seed {seed}): {sorted(left())}", 120, lambda: not left())
    engine.end(signal.SIGTERM)
    twice = too_often(engine.lives)
    with capsys.disabled():
        again = sum(len(life.reactions) for life in engine.lives) - len(nodes) - 1
        print(
            f"kills: {kills} kills, {len(nodes)} nodes in {senders.sent - 1} notifications, "
            f"{again} reactions again after an interruption, {time.monotonic() - began:.0f} s"
        )
    seen = [line for found in twice for line in engine.lines(found.split()[0])]
    assert not twice, "\n".join([f"seed {seed}", *seen])


@pytest.mark.chaos
@pytest.mark.parametrize("engine", ["node"], indirect=True)
def test_killed_amid_the_events_of_a_notification(engine: Engine) -> None:
    """The listener then puts events again that the engine has, and it knows but the last few of them."""
    quick = [node for node in NODES if not node.endswith(("00", "50"))]
    engine.start()
    senders = Senders(program_of_triggers(engine))
    for kill in range(6):
        nodes = set(quick[150 * kill : 150 * (kill + 1)])
        senders.send(sorted(nodes))
        senders.wait()
        enough = random.randrange(40, 110)
        wait_until("reactions", 60, functools.partial(reacted, engine, nodes, enough), pause=0)
        engine.kill()
        engine.start()
        wait_until("the other reactions", 60, functools.partial(reacted, engine, nodes, len(nodes)))
    engine.kill()
    assert not too_often(engine.lives)


def reacted(engine: Engine, nodes: set[str], enough: int) -> bool:
    """Tell whether so many of the nodes were reacted to, in any life."""
    found = {node for life in engine.lives for node in life.reactions}
    return len(nodes & (found | set(engine.reactions()))) >= enough


def too_often(lives: list[Life]) -> list[str]:
    """Return what was reacted to again although its first reaction had ended, with the lives' numbers."""
    done: dict[str, int] = {}
    found = []
    for number, life in enumerate(lives):
        recovered = lives[number - 1].unfinished if number else set()
        for node in life.reactions:
            if node in done and (done[node] == number or node not in recovered | lives[done[node]].unfinished):
                found.append(f"{node} in life {done[node]} and {number}")
            done[node] = number
    return found
