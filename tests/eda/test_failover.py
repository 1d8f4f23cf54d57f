"""Two machines with ansible-rulebook and PostgreSQL: the one that leads is killed, and the other goes on. In the lab.

The machines are two of the lab's own addresses, with one name for both, as README.md tells it. Everything else is real:
the collection's rulebook, nodes that are DOWN in Slurm, its triggers, curl, and the playbooks that answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from postgres import Postgres
from story import CHECKOUT, armed, free_port, node, variables, wait_until

pytestmark = pytest.mark.chaos

NAME = "rulebook.lab"
ADDRESSES = {"first": "127.0.0.11", "second": "127.0.0.12"}
HOSTS = Path("/etc/hosts")
BEFORE = [f"big{number:05}" for number in range(1, 7)]
DURING = ["big00007", "big00008"]
AFTER = ["big00009", "big00010"]


class Machine:
    """One of the two: standby.py with ansible-rulebook, and a state directory of its own."""

    def __init__(self, directory: Path, name: str, values: dict[str, Any]) -> None:
        self._directory = directory / name
        self._directory.mkdir()
        own = {"hpc_slurm_host": ADDRESSES[name], "hpc_slurm_state_dir": str(self._directory / "state")}
        self._vars = self._directory / "vars.yml"
        self._vars.write_text(yaml.safe_dump({**values, **own}), encoding="utf-8")
        self._inventory = directory / "inventory.yml"
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.log = self._directory / "log"

    def start(self) -> None:
        command = [sys.executable, str(CHECKOUT / "extensions/eda/standby.py"), "ansible-rulebook"]
        command += ["--rulebook", "hpc.slurm.node_events", "--inventory", str(self._inventory)]
        command += ["--vars", str(self._vars), "--persistence-id", "lab"]
        # So few that events of the first notification wait in the leader's inbox when it is killed.
        command += ["--max-concurrent-actions", "2"]
        environment = {**os.environ, "JAVA_TOOL_OPTIONS": "-Xrs"}
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, cwd=self._directory, env=environment
            )

    def says(self, pattern: str) -> bool:
        return re.search(pattern, self.log.read_text(encoding="utf-8", errors="replace")) is not None

    def leads(self) -> bool:
        return self.says('"decision": "command started"')

    def stands_by(self) -> bool:
        return self.says('"decision": "standing by"') and not self.leads()

    def kill_rulebook(self) -> None:
        """Kill ansible-rulebook itself, with SIGKILL."""
        assert self._process is not None
        pid = self._process.pid
        [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        os.kill(int(child), signal.SIGKILL)
        self._process.wait(timeout=20)

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=30)
            self._process.kill()
            self._process.wait()


@pytest.fixture
def name() -> Iterator[str]:
    """One name for both machines."""
    hosts = HOSTS.read_text(encoding="ascii")
    HOSTS.write_text(hosts + "".join(f"{address} {NAME}\n" for address in ADDRESSES.values()), encoding="ascii")
    yield NAME
    HOSTS.write_text(hosts, encoding="ascii")


@pytest.fixture
def machines(tmp_path: Path, name: str, postgres: Postgres) -> Iterator[tuple[Machine, Machine]]:
    """The two, not yet started, and nodes and triggers as they were afterwards."""
    write_inventory(tmp_path / "inventory.yml")
    port = free_port()
    common = variables(tmp_path, port, url=f"https://{name}:{port}", id="rulebook-of-the-lab")
    values = {**yaml.safe_load(common.read_text(encoding="utf-8")), **postgres.variables()}
    values["hpc_slurm_granularity"] = "node"  # a batch would be handled in one run, and nothing would wait
    made = (Machine(tmp_path, "first", values), Machine(tmp_path, "second", values))
    yield made
    for machine in made:
        machine.end()
    subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, stdout=subprocess.DEVNULL)
    back = [name for name in BEFORE + DURING + AFTER if node(name)[0] & {"DOWN", "DRAIN"}]
    if back:
        subprocess.run(["scontrol", "update", f"nodename={','.join(back)}", "state=resume"], check=True)


def write_inventory(path: Path) -> None:
    content = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
    content["all"]["children"]["slurm_nodes"]["hosts"].update(dict.fromkeys(BEFORE + DURING + AFTER))
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def set_down(nodes: list[str]) -> None:
    """Let nodes go down as slurmctld itself does it when they do not answer."""
    words = ["update", f"nodename={','.join(nodes)}", "state=down", "reason=Not responding"]
    subprocess.run(["scontrol", *words], user="slurm", check=True)


def reacted(nodes: list[str]) -> set[str]:
    """Return those of the nodes that the playbook has drained."""
    states = {name: node(name) for name in nodes}
    pattern = re.compile(r"hpc\.slurm\.node_down [0-9a-f-]{36}")
    return {name for name, (state, reason) in states.items() if "DRAIN" in state and pattern.fullmatch(reason)}


def test_the_other_goes_on_when_the_leader_is_killed(
    machines: tuple[Machine, Machine], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = machines
    first.start()
    wait_until("the first to lead", 30, first.leads)
    second.start()
    wait_until("the second to stand by", 30, second.stands_by)
    wait_until("the triggers to be armed", 60, lambda: set(armed()) >= {"down", "drained"})

    set_down(BEFORE)
    wait_until("a first reaction", 90, lambda: reacted(BEFORE))
    first.kill_rulebook()
    killed, left = time.monotonic(), set(BEFORE) - reacted(BEFORE)
    assert left, "all was over before the kill"
    set_down(DURING)
    wait_until("the second to lead", 30, second.leads)
    led = time.monotonic() - killed
    first.start()
    set_down(AFTER)

    every = BEFORE + DURING + AFTER
    wait_until("every node's reaction", 240, lambda: len(reacted(every)) == len(every))
    took = time.monotonic() - killed
    assert not first.says(r'"decision": "command started"(?s:.*)"decision": "command started"')
    with capsys.disabled():
        print(
            f"\nfailover: the other led {led:.1f} s after the kill, {len(left)} nodes waited, done after {took:.0f} s"
        )
