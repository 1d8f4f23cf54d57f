"""What several of the tests end to end stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat import Chat
from postgres import Postgres
from story import BREAKER


@pytest.fixture(autouse=True)
def closed_breaker() -> None:
    """Close the circuit breaker: the nodes that a test before has let fail do not count."""
    BREAKER.unlink(missing_ok=True)


@pytest.fixture
def chat() -> Iterator[Chat]:
    """A chat of the test's own."""
    made = Chat()
    yield made
    made.stop()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL server of the test's own."""
    server = Postgres()
    yield server
    server.remove()
