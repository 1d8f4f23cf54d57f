"""ansible-rulebook is killed again and again while notifications arrive: no reaction is missing. Runs inside the lab.

The senders are what slurmctld would start: curl as playbooks/sync.yml configures it, with the program of the triggers
that it sets. The engine keeps its state in H2, as the demo does. Each of its lives writes an output of its own, and at
each death its store is looked at: an action that it holds was interrupted, or not begun, and may run in the next life.
Anything else must run once.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

import pytest
import yaml
from story import CHECKOUT, CURL_CONFIG, free_port, variables, wait_until

NODES = [f"big{number:05}" for number in range(1, 1001)]
LAST = "big10000"
# Seconds of a life. Java takes about four to start, so that some end before the listener is up.
LIVES = (1.0, 12.0)
# Nodes of one notification.
BATCHES = (1, 1, 1, 1, 2, 3, 5, 25)
REACTION = re.compile(r"REACTION (big\d{5})\b")


class Life(NamedTuple):
    """What a life of the engine did: its reactions, and what its store held when it died."""

    reactions: list[str]
    unfinished: set[str]


class Engine:
    """ansible-rulebook with persistence, one life after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.lives: list[Life] = []
        self._vars = variables(directory, self.port)
        given = yaml.safe_load(self._vars.read_text(encoding="utf-8"))
        given["playbook"] = str(CHECKOUT / "tests/eda/reaction.yml")
        self._vars.write_text(yaml.safe_dump(given), encoding="utf-8")
        self._store = Path(f"{given['drools_db_file_path'].partition(';')[0]}.mv.db")
        hosts: dict[str, None] = dict.fromkeys([*NODES, LAST])
        inventory = {"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}
        (directory / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        self._process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        command = ["ansible-rulebook", "--rulebook", str(CHECKOUT / "tests/eda/reactions.yml")]
        command += ["--inventory", str(self.directory / "inventory.yml"), "--vars", str(self._vars)]
        command += ["--persistence-id", "kills"]
        environment = {**os.environ, "JAVA_TOOL_OPTIONS": "-Xrs"}
        with open(self._output(), "wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=self.directory, env=environment
            )

    def kill(self) -> None:
        """End this life with SIGKILL."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> None:
        assert self._process is not None and self._process.poll() is None, f"it ended by itself: {self._output()}"
        self._process.send_signal(how)
        self._process.wait(timeout=60)
        self._process = None
        self.lives.append(Life(self.reactions(), self._unfinished()))

    def reactions(self) -> list[str]:
        """Return the reactions of this life, in order."""
        return REACTION.findall(self._output().read_text(encoding="utf-8", errors="replace"))

    def _unfinished(self) -> set[str]:
        """Return the nodes whose reactions the store holds; from a copy, since the next life gets it as it is."""
        if not self._store.exists():
            return set()
        copy = self.directory / "copy.mv.db"
        shutil.copyfile(self._store, copy)
        jar = next(Path("/opt/lab/lib").glob("python3*/site-packages/drools/jars/*.jar"))
        shell = [
            "java",
            "-cp",
            str(jar),
            "org.h2.tools.Shell",
            "-user",
            "sa",
            "-url",
            f"jdbc:h2:{self.directory / 'copy'}",
        ]
        query = ["-sql", "SELECT event_data FROM drools_ansible_matching_event"]
        result = subprocess.run([*shell, *query], capture_output=True, text=True, check=False)
        # Killed before it made its tables, it holds nothing.
        assert result.returncode == 0 or "not found" in result.stderr, result.stdout + result.stderr
        return set(re.findall(r'"node": ?"(big\d{5})"', result.stdout))

    def _output(self) -> Path:
        return self.directory / f"life-{len(self.lives)}.log"


class Senders:
    """Notifications, each sent as slurmctld would by a curl of its own."""

    def __init__(self, program: list[str]) -> None:
        self._program = program
        self._running: list[subprocess.Popen[bytes]] = []
        self.sent = 0

    def send(self, nodes: list[str]) -> None:
        # slurmctld starts programs with these closed; the lists are few, and the last argument as it gives it.
        null = subprocess.DEVNULL
        command = [*self._program, ",".join(nodes)]
        self._running.append(subprocess.Popen(command, user="slurm", stdin=null, stdout=null, stderr=null))
        self.sent += 1

    def waiting(self) -> int:
        """Return how many are still at it.

        :raises AssertionError: when one has given up.
        """
        statuses = [process.poll() for process in self._running]
        assert set(statuses) <= {0, None}, f"curl gave up: {statuses}"
        return statuses.count(None)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path)
    yield made
    if made._process is not None:
        made._process.kill()
        made._process.wait()
    subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, stdout=subprocess.DEVNULL)


def program_of_triggers(engine: Engine) -> list[str]:
    """Set the triggers as an administrator would, and return the program of the one for nodes that go down."""
    wait_until("the listener", 60, (engine.directory / "state" / "id").exists)
    identity = (engine.directory / "state" / "id").read_text(encoding="ascii").strip()
    values = {"listener_url": f"https://127.0.0.1:{engine.port}", "listener_id": identity}
    values |= {"token_file": str(engine.directory / "token"), "ca_file": str(engine.directory / "ca.pem")}
    words = [word for name, value in values.items() for word in ("-e", f"hpc_slurm_{name}={value}")]
    result = subprocess.run(["ansible-playbook", "hpc.slurm.sync", *words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    shown = subprocess.run(["strigger", "--get", "--noheader"], capture_output=True, text=True, check=True).stdout
    [program] = [line[line.index("/usr/bin/curl") :].split() for line in shown.splitlines() if "/node/down" in line]
    assert str(CURL_CONFIG) in program
    return program


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
    wait_until("the last curl", 300, lambda: not senders.waiting())
    senders.send([LAST])
    missing = set(nodes) | {LAST}
    for life in engine.lives:
        missing -= set(life.reactions)
    left: Callable[[], set[str]] = lambda: missing - set(engine.reactions())  # noqa: E731
    wait_until(lambda: f"{len(left())} reactions (seed {seed}): {sorted(left())}", 120, lambda: not left())
    engine.end(signal.SIGTERM)
    assert not senders.waiting()
    twice = too_often(engine.lives)
    with capsys.disabled():
        again = sum(len(life.reactions) for life in engine.lives) - len(nodes) - 1
        print(
            f"\nkills: seed {seed}, {kills} kills, {len(nodes)} nodes in {senders.sent - 1} notifications, "
            f"{again} reactions again after an interruption, {time.monotonic() - began:.0f} s"
        )
    assert not twice, f"seed {seed}"


def too_often(lives: list[Life]) -> list[str]:
    """Return what was reacted to again although its first reaction had ended, with the lives' numbers."""
    done: dict[str, int] = {}
    found = []
    for number, life in enumerate(lives):
        recovered = lives[number - 1].unfinished if number else set()
        for node in life.reactions:
            if node in done and (done[node] == number or node not in recovered):
                found.append(f"{node} in life {done[node]} and {number}")
            done[node] = number
    return found
