"""What several of the tests end to end stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres import Postgres


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL server of the test's own."""
    server = Postgres()
    yield server
    server.remove()
