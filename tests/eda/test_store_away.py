"""The engine's store cannot be reached for a while: what came meanwhile is reacted to, once. Runs inside the lab.

An engine that fails to store an event says nothing, and passes over the same event when it comes again.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Engine, Senders, program_of_triggers
from postgres import Postgres
from story import wait_until

pytestmark = pytest.mark.chaos

# Seconds. The engine tries to connect for 30 s.
AWAY = 40.0
BEFORE, MEANWHILE, AFTER = ["big00001"], ["big00002", "big00003"], ["big00004"]


@pytest.fixture
def engine(tmp_path: Path, postgres: Postgres) -> Iterator[Engine]:
    made = Engine(tmp_path, postgres.variables())
    yield made
    made.remove()


def test_what_came_while_postgresql_was_away_is_reacted_to(engine: Engine, postgres: Postgres) -> None:
    engine.start()
    senders = Senders(program_of_triggers(engine))
    senders.send(BEFORE)
    wait_until("a reaction before", 60, lambda: set(engine.reactions()) == set(BEFORE))
    postgres.stop()
    senders.send(MEANWHILE)
    senders.wait()
    time.sleep(AWAY)
    postgres.start()
    senders.send(AFTER)
    senders.wait()
    every = sorted(BEFORE + MEANWHILE + AFTER)
    wait_until("every reaction", 120, lambda: set(engine.reactions()) >= set(every))
    engine.end(signal.SIGTERM)
    assert sorted(engine.lives[0].reactions) == every
