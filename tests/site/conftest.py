"""The site, once for all tests, with what an administrator has before README.md begins: a fresh one for each run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lab")]

from administrator import Administrator, wait_for_nodes

SITE = Path(__file__).parent / "site"


@pytest.fixture(scope="session")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administrator]:
    """The user ops on the machine admin, who has installed Ansible and the collection."""
    subprocess.run([SITE, "down"], check=True)
    subprocess.run([SITE, "up"], check=True)
    made = Administrator(tmp_path_factory.mktemp("authority"))
    made.install()
    yield made
    subprocess.run([SITE, "down"], check=True)


@pytest.fixture
def service(admin: Administrator) -> None:
    """A service that runs, and all nodes in service, also where a module of tests runs alone."""
    admin.start_service()
    wait_for_nodes("idle")
