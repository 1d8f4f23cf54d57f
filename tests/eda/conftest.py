"""What several of the tests end to end stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Postgres


@pytest.fixture(autouse=True)
def closed_breaker() -> None:
    """Close the circuit breaker: the nodes that a test before has let fail do not count."""
    Path("/var/lib/hpc-slurm/breaker.json").unlink(missing_ok=True)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL server of the test's own."""
    server = Postgres()
    yield server
    server.remove()
