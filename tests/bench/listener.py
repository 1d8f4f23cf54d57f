# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source trigger_listener beside eda.builtin.webhook, each in a real ansible-rulebook.

Runs inside the lab (`make bench`). Each round starts ansible-rulebook for each of the sources in turn, with one rule
that matches every notification, and posts to it with load.py: as fast as it answers, and then at a fixed rate. Beside
them, in the same round, what the machine gives by itself: load.py with a server that does nothing, and the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
# The checkout is on a disk; everything else in the lab is in memory.
ON_DISK = HERE.parent / "output" / "bench-listener"
IN_MEMORY = Path("/dev/shm/bench-listener")
TOKEN = "token-of-the-benchmark-0123456789"
ID = "listener-of-the-benchmark"
# Seconds to wait for anything.
LIMIT = 180
RATE = 100

RULEBOOK = """
- name: Bench
  hosts: all
  sources:
    - {source}
  rules:
    - name: Count it
      condition: {condition}
      action:
        debug:
          msg: seen
"""
CURL = "Host: 127.0.0.1\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n"
BEARER = f"Authorization: Bearer {TOKEN}\r\n"


class Side(NamedTuple):
    """A source, and how to post a notification to it.

    :param events: how many events the engine gets of a notification.
    """

    name: str
    source: dict[str, Any]
    condition: str
    head: str
    body: str
    status: str
    events: int


class Result(NamedTuple):
    """What one round found of one side; latencies in milliseconds, all else a second."""

    answered: float
    p50: float
    p99: float
    p50_at_rate: float
    p99_at_rate: float
    ruled: float


def webhook(name: str, token: bool) -> Side:
    head = f"POST /slurm HTTP/1.1\r\n{CURL}{BEARER if token else ''}Content-Type: application/json\r\n"
    arguments = {"host": "127.0.0.1", **({"token": TOKEN} if token else {})}
    body = '{{"nodes": "n{:07}", "state": "down"}}'
    return Side(name, {"eda.builtin.webhook": arguments}, 'event.payload.state == "down"', head, body, "200", 1)


def listener(name: str, state_dir: Path) -> Side:
    head = f"POST /{ID}/node/down HTTP/1.1\r\n{CURL}{BEARER}Content-Type: application/x-www-form-urlencoded\r\n"
    arguments = {"token": TOKEN, "id": ID, "state_dir": str(state_dir), "sync_interval": 0}
    # Each notification has events of its own; else those that wait become one event.
    arguments |= {"granularity": "node", "trigger_fired": True}
    condition = 'event.type == "node_state" and event.state == "down"'
    return Side(name, {"hpc.slurm.trigger_listener": arguments}, condition, head, "n{:07}", "202", 2)


SIDES = (
    webhook("webhook", token=False),
    webhook("webhook, token", token=True),
    listener("listener, durable", ON_DISK),
    listener("listener, in memory", IN_MEMORY),
)


class Floor(NamedTuple):
    """What no source can do better in a round: the generator with a server that does nothing, and writes to the disk.

    Latencies in milliseconds, all else a second.
    """

    answered: float
    p50: float
    p99: float
    p50_at_rate: float
    p99_at_rate: float
    disk_p50: float
    disk_p99: float


class Rulebook:
    """A running ansible-rulebook, and how many notifications its rule has seen."""

    def __init__(self, side: Side, directory: Path) -> None:
        self.port = free_port()
        for state in (ON_DISK, IN_MEMORY):
            shutil.rmtree(state, ignore_errors=True)
        ((plugin, arguments),) = side.source.items()
        source = json.dumps({plugin: {**arguments, "port": self.port}})
        text = RULEBOOK.format(source=source, condition=side.condition)
        (directory / "rulebook.yml").write_text(text, encoding="utf-8")
        (directory / "inventory.yml").write_text("all: {hosts: {localhost: }}\n", encoding="ascii")
        command = ["ansible-rulebook", "--rulebook", "rulebook.yml", "--inventory", "inventory.yml"]
        self._log = directory / "log"
        self._counted, self._read = 0, 0
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "JAVA_TOOL_OPTIONS": "-Xrs"},
            )

    def seen(self) -> int:
        """Return how many the rule has seen. Whole lines only, and each is read once."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        new = new[: new.rfind(b"\n") + 1]
        self._read += len(new)
        self._counted += new.count(b"\nseen\n")
        return self._counted

    def wait(self, what: str, came: Callable[[], bool]) -> None:
        until = time.monotonic() + LIMIT
        while not came():
            if self.process.poll() is not None:
                raise SystemExit(f"ansible-rulebook ended before {what}: {self._log.read_text()[-3000:]}")
            if time.monotonic() > until:
                raise SystemExit(f"waited {LIMIT} s in vain for {what}: {self._log.read_text()[-3000:]}")
            time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(side: Side) -> Iterator[Rulebook]:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        rulebook = Rulebook(side, Path(directory))
        try:
            rulebook.wait("it listens", lambda: listens(rulebook.port))
            yield rulebook
        finally:
            rulebook.process.send_signal(signal.SIGTERM)
            try:
                rulebook.process.wait(timeout=60)
            finally:
                rulebook.process.kill()


class Poster:
    """Posts to a port, each notification of another node, and tells what came of it."""

    def __init__(self, side: Side, port: int) -> None:
        self._side, self._port, self.posted = side, port, 0

    def post(self, requests: int, **order: int) -> tuple[list[float], float]:
        """Return the latencies, sorted, and the seconds until the last answer."""
        order |= {"port": self._port, "requests": requests, "first": self.posted}
        words = json.dumps({**order, "head": self._side.head, "body": self._side.body})
        command = [sys.executable, str(HERE / "load.py"), words]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        if found["answers"] != {self._side.status: requests}:
            raise SystemExit(f"{self._side.name}: {requests} requests, and these answers: {found['answers']}")
        self.posted += requests
        return sorted(found["latencies"]), found["seconds"]


def measure(side: Side, options: argparse.Namespace) -> Result:
    with running(side) as rulebook:
        poster = Poster(side, rulebook.port)

        def seen_all() -> bool:
            return rulebook.seen() >= poster.posted

        poster.post(options.warm_up, at_once=8)
        rulebook.wait("the rule has seen the first", seen_all)
        started = time.perf_counter()
        fast, answered = poster.post(options.requests, at_once=options.at_once)
        rulebook.wait("the rule has seen all", seen_all)
        ruled = time.perf_counter() - started
        slow, _seconds = poster.post(options.seconds * RATE, rate=RATE)
        rulebook.wait("the rule has seen the last", seen_all)
    p50, p99, p50_at_rate, p99_at_rate = (percentile(times, part) for times in (fast, slow) for part in (50, 99))
    return Result(options.requests / answered, p50, p99, p50_at_rate, p99_at_rate, options.requests / ruled)


def floor(options: argparse.Namespace) -> Floor:
    port = free_port()
    with subprocess.Popen([sys.executable, str(HERE / "load.py"), "--server", str(port)]) as server:
        try:
            until = time.monotonic() + LIMIT
            while not listens(port) and time.monotonic() < until:
                time.sleep(0.02)
            poster = Poster(SIDES[-1], port)
            fast, answered = poster.post(options.requests, at_once=options.at_once)
            slow, _seconds = poster.post(options.seconds * RATE, rate=RATE)
        finally:
            server.kill()
    p50, p99, p50_at_rate, p99_at_rate = (percentile(times, part) for times in (fast, slow) for part in (50, 99))
    disk = writes(options.seconds * RATE // 4)
    disk_p50, disk_p99 = percentile(disk, 50), percentile(disk, 99)
    return Floor(options.requests / answered, p50, p99, p50_at_rate, p99_at_rate, disk_p50, disk_p99)


def writes(number: int) -> list[float]:
    """Return the seconds, sorted, of writes as SQLite makes them of a notification: a few pages, and fdatasync."""
    ON_DISK.mkdir(parents=True, exist_ok=True)
    times = []
    with (ON_DISK / "probe").open("wb", buffering=0) as file:
        for _number in range(number):
            time.sleep(1 / RATE)
            file.seek(0)
            started = time.perf_counter()
            file.write(b"x" * 16384)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return sorted(times)


def percentile(latencies: list[float], part: int) -> float:
    return latencies[min(len(latencies) - 1, len(latencies) * part // 100)] * 1000


def table(found: dict[str, list[Result]], floors: list[Floor]) -> str:
    """Return the medians with the least and the most, and of the ratios to the first side's of the same round."""
    events = {side.name: side.events for side in SIDES}
    first = next(iter(found.values()))
    lines = [
        f"| | answered/s | ratio | p50, ms | p99, ms | p50 at {RATE}/s, ms | p99 at {RATE}/s, ms "
        "| notifications/s at the rule | events/s | ratio |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, results in found.items():
        columns = [spread(list(values)) for values in zip(*results)]
        of_events = [result.ruled * events[name] for result in results]
        columns.insert(1, spread([ours.answered / theirs.answered for ours, theirs in zip(results, first)], 2))
        columns.append(spread(of_events))
        columns.append(spread([ours / theirs.ruled for ours, theirs in zip(of_events, first)], 2))
        lines.append(f"| {name} | {' | '.join(columns)} |")
    answered, p50, p99, p50_at_rate, p99_at_rate, disk_p50, disk_p99 = (spread(list(v), 2) for v in zip(*floors))
    lines.append(f"| no source, load.py alone | {answered} | | {p50} | {p99} | {p50_at_rate} | {p99_at_rate} | | | |")
    lines.append(f"| no source, the disk alone | | | | | {disk_p50} | {disk_p99} | | | |")
    return "\n".join(lines)


def spread(values: list[float], digits: int = 1) -> str:
    def shown(value: float) -> str:
        return f"{value:.0f}" if value >= 100 else f"{value:.{digits}f}"

    return f"{shown(statistics.median(values))} ({shown(min(values))}-{shown(max(values))})"


def go_first() -> None:
    """Have most of the machine when other work shares it, where Linux groups processes by session and lets us."""
    with suppress(OSError):
        os.setsid()
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("-20", encoding="ascii")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="so many (%(default)s)")
    parser.add_argument("--requests", type=int, default=4000, help="as fast as they are answered (%(default)s)")
    parser.add_argument("--at-once", type=int, default=32, help="of them under way (%(default)s)")
    parser.add_argument("--seconds", type=int, default=20, help=f"at {RATE} a second (%(default)s)")
    parser.add_argument("--warm-up", type=int, default=500, help="requests before that (%(default)s)")
    parser.add_argument("pattern", nargs="*", help="only sides with one of these in their name")
    options = parser.parse_args()
    if not os.environ.get("HPC_SLURM_LAB"):
        raise SystemExit("this needs ansible-rulebook and a folder on a disk: run it inside the lab, with make bench")
    go_first()
    sides = [side for side in SIDES if not options.pattern or any(word in side.name for word in options.pattern)]
    found: dict[str, list[Result]] = {side.name: [] for side in sides}
    floors = []
    for number in range(options.rounds):
        floors.append(floor(options))
        print(f"round {number + 1}: {floors[-1]}", file=sys.stderr, flush=True)
        for side in sides:
            found[side.name].append(result := measure(side, options))
            print(f"round {number + 1}, {side.name}: {result}", file=sys.stderr, flush=True)
    print(table(found, floors))


if __name__ == "__main__":
    main()
