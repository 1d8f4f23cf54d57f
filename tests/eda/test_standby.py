"""The program that runs ansible-rulebook on one of several machines, with a command that is quicker. Inside the lab."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from postgres import Postgres
from story import CHECKOUT, wait_until

STANDBY = CHECKOUT / "extensions/eda/standby.py"
# Says who it is, and goes on until it is ended. The options are for standby.py to read.
COMMAND = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


class Machine:
    """One of the machines: standby.py with the command, and what both said."""

    def __init__(self, directory: Path, name: str, variables: dict[str, Any]) -> None:
        self._pids, self._log = directory / f"{name}.pids", directory / f"{name}.log"
        vars_file = directory / "vars.yml"
        vars_file.write_text(yaml.safe_dump(variables), encoding="utf-8")
        command = [sys.executable, "-c", COMMAND, str(self._pids), "--vars", str(vars_file), "--persistence-id", "test"]
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen([sys.executable, str(STANDBY), *command], stderr=log)

    def decisions(self) -> list[str]:
        return [json.loads(line)["decision"] for line in self._log.read_text(encoding="utf-8").splitlines()]

    def pid(self) -> int:
        """Return the process id of the command, or 0 while there is none."""
        pids = self._pids.read_text(encoding="ascii").split() if self._pids.exists() else []
        return int(pids[-1]) if pids else 0


@pytest.fixture
def machines(postgres: Postgres, tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """Two machines, of which the first has the lock."""
    first = Machine(tmp_path, "first", postgres.variables())
    wait_until("the first to run its command", 20, first.pid)
    second = Machine(tmp_path, "second", postgres.variables())
    wait_until("the second to stand by", 20, lambda: "standing by" in second.decisions())
    yield first, second
    for machine in (first, second):
        machine.process.kill()
        machine.process.wait()


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has asked about does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def test_the_second_takes_over_when_the_command_is_killed(machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    assert not second.pid()
    os.kill(first.pid(), signal.SIGKILL)
    wait_until("the second to run its command", 20, second.pid)
    assert first.process.wait(timeout=5) == 128 + signal.SIGKILL


def test_the_command_dies_with_the_program_and_the_second_takes_over(machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    first.process.kill()
    wait_until("the second to run its command", 20, second.pid)
    wait_until("the first's command to end", 20, lambda: not alive(first.pid()))


def test_the_command_is_ended_as_the_program_is_ended(machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    first.process.terminate()
    assert first.process.wait(timeout=5) == 128 + signal.SIGTERM
    assert not alive(first.pid())
    wait_until("the second to run its command", 20, second.pid)


def test_the_command_is_killed_when_the_lock_is_lost(postgres: Postgres, machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    postgres.stop()
    try:
        assert first.process.wait(timeout=20) == 1
        assert not alive(first.pid())
        assert not second.pid()
        wait_until("the second to say so", 20, lambda: "database unreachable" in second.decisions())
    finally:
        postgres.start()
    wait_until("the second to run its command", 20, second.pid)


def test_it_says_what_the_command_lacks(tmp_path: Path) -> None:
    vars_file = tmp_path / "vars.yml"
    vars_file.write_text("drools_db_file_path: /tmp/engine\n", encoding="ascii")
    command = [sys.executable, str(STANDBY), "ansible-rulebook", "--vars", str(vars_file)]
    for more, told in (([], "--persistence-id"), (["--persistence-id", "x"], "drools_db_host")):
        result = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert (result.returncode, told in result.stderr) == (1, True), result.stderr
