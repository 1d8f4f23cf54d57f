# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Costs of the modules on a large cluster, compared with Slurm's commands.

Runs inside the lab (`make bench`), on its 10,008 nodes with 50,000 held jobs and 100 reservations. Each round times
each case in four ways: a playbook with one task of the module, a playbook with one task of the command, and both
without Ansible.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

COLLECTIONS = "/usr/share/ansible/collections"
MODULES = Path(COLLECTIONS, "ansible_collections/hpc/slurm/plugins/modules")

NODES, ALL_NODES = "big[00001-10000]", 10_008
ARRAYS, RECORDS = 50, 1000
RARE = "rare"
RESERVATIONS = 100
LOOPED = 50
REASON = "bench"
RESUME = ["scontrol", "update", f"nodename={NODES}", "state=resume"]
DRAIN = ["scontrol", "update", f"nodename={NODES}", "state=drain", f"reason={REASON}"]
# Seconds after which a run is ended and reported as taking longer.
LIMIT = 60
THREE = ["user_name", "state", "name"]


class Case(NamedTuple):
    """A case, done with the module and with the command.

    :param ours: the module and its options.
    :param expected: the condition for C(answer), the module's result.
    :param peer: the command.
    :param peer_expected: the condition for C(answer), the command's result; parses it, as a user would.
    :param before: the command that restores the initial state; its exit status does not matter.
    :param rounds: the most rounds, for long cases.
    :param loop: the number of nodes that the command's task loops over, one command each.
    """

    title: str
    ours: tuple[str, dict[str, Any]]
    expected: str
    peer: list[str]
    peer_expected: str = "true"
    before: Optional[list[str]] = None
    rounds: int = 99
    loop: int = 0


class Timing(NamedTuple):
    """A run: its seconds, the bytes of its output, and the RPCs that slurmctld got meanwhile."""

    seconds: float
    size: int
    requests: str


def node_cases() -> Iterator[Case]:
    def change(title: str, state: str, command: list[str], before: list[str], changed: bool, loop: int = 0) -> Case:
        rounds = 1 if loop else 99
        options = {"nodes": NODES, "state": state, **({"reason": REASON} if state == "drained" else {})}
        held = f"answer is {'' if changed else 'not '}changed"
        return Case(title, ("slurm_node", options), held, command, before=before, rounds=rounds, loop=loop)

    one = ["scontrol", "update", "nodename={{ item }}", "state=drain", f"reason={REASON}"]
    yield change("drain 10,000 nodes", "drained", DRAIN, RESUME, True)
    yield change("drain 10,000 nodes, a task a node", "drained", one, RESUME, True, LOOPED)
    yield change("drain them again", "drained", DRAIN, DRAIN, False)
    yield change("resume 10,000 nodes", "resumed", RESUME, DRAIN, True)
    # slurmctld refuses to resume nodes in service: the command fails.
    yield change("resume them again", "resumed", [*RESUME, "||", "true"], RESUME, False)

    show = ["scontrol", "show", "nodes", "--json"]
    for title, options in (("all attributes", {}), ("state and reason", {"attributes": ["state", "reason"]})):
        yield Case(
            f"read all nodes, {title}",
            ("slurm_node_info", options),
            f"answer.nodes | length == {ALL_NODES}",
            show,
            f"(answer.stdout | from_json).nodes | length == {ALL_NODES}",
        )


def job_cases(array: str) -> Iterator[Case]:
    number = ARRAYS * (RECORDS + 1) + 10
    rare = {"criteria": {"name": RARE}, "attributes": THREE}
    parsed = "(answer.stdout | from_json).jobs"

    def info(
        title: str, options: dict[str, Any], found: int, words: list[str], peer: str = "", rounds: int = 99
    ) -> Case:
        expected = f"answer.jobs | length == {found}"
        peer_expected = peer or f"{parsed} | length == {found}"
        return Case(title, ("slurm_job_info", options), expected, ["squeue", *words], peer_expected, rounds=rounds)

    # As text: squeue takes too long for the JSON of so many jobs.
    text = ["--noheader", "--array", "--format=%i;%u;%T;%j"]
    yield info("find 10 of 50,000 jobs by name", rare, 10, ["--json", f"--name={RARE}"])
    yield info("50,000 jobs, three attributes (text)", {"attributes": THREE}, number, text, "answer.stdout_lines")
    yield info("1,000 jobs, all attributes", {"job_ids": [array]}, RECORDS + 1, ["--json", f"--jobs={array}"])
    yield info("50,000 jobs, all attributes", {}, number, ["--json"], rounds=1)


def other_cases() -> Iterator[Case]:
    show = ["scontrol", "show"]
    yield Case("configuration", ("slurm_config_info", {}), "answer.config", [*show, "config"])
    yield Case("triggers", ("slurm_trigger_info", {}), "answer.triggers == []", ["strigger", "--get"])
    yield Case(
        "100 reservations",
        ("slurm_reservation_info", {}),
        f"answer.reservations | length == {RESERVATIONS}",
        [*show, "reservation", "--json"],
        f"(answer.stdout | from_json).reservations | length == {RESERVATIONS}",
    )


# The jobs and reservations.


def run(words: list[str]) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def fill() -> str:
    """Create the jobs and the reservations, and return the id of one of the arrays.

    An update of some tasks of an array makes a job record of each: the fastest way to many jobs. They are held, so that
    none is scheduled.
    """
    submit = ["sbatch", "--parsable", "--hold", "--partition=big", "--time=60", "--chdir=/tmp", "--output=/dev/null"]
    for user in range(ARRAYS):
        array = run([*submit, f"--array=0-{RECORDS}", f"--job-name=load{user % 10}", "--wrap=true"])
        run(["scontrol", "update", f"jobid={array}_[0-{RECORDS - 1}]", "nice=1"])
    for _number in range(10):
        run([*submit, f"--job-name={RARE}", "--wrap=true"])
    for number in range(1, RESERVATIONS + 1):
        run(
            [
                *("scontrol", "create", "reservation", f"reservationname=bench{number}", "users=root", "flags=maint"),
                *("starttime=now+30days", "duration=60", f"nodes=big[{number * 10:05}-{number * 10 + 9:05}]"),
            ]
        )
    return array


def empty() -> None:
    """Remove the jobs and the reservations, and resume the nodes."""
    subprocess.run(["scancel", "--user=root"], check=True)
    for number in range(1, RESERVATIONS + 1):
        subprocess.run(["scontrol", "delete", f"reservationname=bench{number}"], check=False, capture_output=True)
    subprocess.run(RESUME, check=False, capture_output=True)


# The timing.


def playbook(folder: Path, task: dict[str, Any], expected: str) -> list[str]:
    """Write a playbook with one task, and return the command that runs it."""
    path = folder / "playbook.yml"
    task = {"name": "The task", **task, "register": "answer", "failed_when": f"not ({expected})"}
    path.write_text(json.dumps([{"hosts": "controller", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    return ["ansible-playbook", str(path)]


def peer_task(case: Case) -> dict[str, Any]:
    # A shell only where the command needs one.
    kind = "shell" if "||" in case.peer else "command"
    task: dict[str, Any] = {f"ansible.builtin.{kind}": " ".join(_quoted(word) for word in case.peer)}
    if case.loop:
        task["loop"] = [f"big{number:05}" for number in range(1, case.loop + 1)]
    return task


def _quoted(word: str) -> str:
    return f"'{word}'" if set(word) & set("[]{; %") else word


def alone(case: Case, ours: bool) -> tuple[list[str], str]:
    """Return the command of a case without Ansible, and its input."""
    if ours:
        name, options = case.ours
        given = {"ANSIBLE_MODULE_ARGS": options}
        return [sys.executable, str(MODULES / f"{name}.py")], json.dumps(given)
    command = " ".join(_quoted(word) for word in case.peer)
    if case.loop:
        command = "\n".join(command.replace("{{ item }}", f"big{number:05}") for number in range(1, case.loop + 1))
    return ["sh", "-ec", command], ""


def timed(case: Case, words: list[str], given: str) -> Timing:
    if case.before:
        subprocess.run(case.before, check=False, capture_output=True)
    run(["sdiag", "--reset"])
    start = time.perf_counter()
    result = subprocess.run(
        ["timeout", "--kill-after=5", str(LIMIT), *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": COLLECTIONS},
    )
    seconds = time.perf_counter() - start
    if result.returncode in (124, -9, 137):
        return Timing(LIMIT, 0, "")
    if result.returncode:
        raise SystemExit(f"{case.title}: {words} failed: {result.stdout[-2000:]} {result.stderr[-2000:]}")
    return Timing(seconds, len(result.stdout), requests())


def requests() -> str:
    """Return the RPCs of slurmctld since the last reset, without those of the daemons and of sdiag."""
    counts = re.findall(r"^\s*REQUEST_(\w+)\s+\( *\d+\) count:(\d+)", run(["sdiag"]), re.MULTILINE)
    ignored = ("STATS_INFO", "STATS_RESET", "PING", "COMPLETE_BATCH_SCRIPT")
    return ", ".join(f"{number} {name}" for name, number in sorted(counts) if name not in ignored)


def measure(case: Case, rounds: int, folder: Path) -> dict[str, list[Timing]]:
    """Time a case in its four ways, in turn."""
    found: dict[str, list[Timing]] = {}
    name, options = case.ours
    tasks = {
        "task": ({f"hpc.slurm.{name}": options}, case.expected),
        "peer task": (peer_task(case), case.peer_expected),
    }
    for _round in range(min(rounds, case.rounds)):
        for title, (task, expected) in tasks.items():
            found.setdefault(title, []).append(timed(case, playbook(folder, task, expected), ""))
        for title, ours in (("module", True), ("command", False)):
            found.setdefault(title, []).append(timed(case, *alone(case, ours)))
    return found


# The table.


def row(case: Case, found: dict[str, list[Timing]], base: float) -> str:
    def seconds(title: str) -> list[float]:
        values = [timing.seconds for timing in found[title]]
        if not case.loop or title in ("task", "module"):
            return values
        start = base if title == "peer task" else 0.0
        return [start + max(value - start, 0) * 10_000 / case.loop for value in values]

    shown = {title: _spread(seconds(title)) for title in found}
    medians = {title: statistics.median(seconds(title)) for title in found}
    cells = (
        case.title + (f" (measured with {case.loop}, extrapolated)" if case.loop else ""),
        shown["task"],
        shown["peer task"],
        "" if LIMIT in medians.values() else f"{medians['peer task'] / medians['task']:.2f}",
        shown["module"],
        shown["command"],
        f"{_size(found['module'][0].size)} / {_size(found['command'][0].size)}",
        f"{found['module'][0].requests or 'none'} / {found['command'][0].requests or 'none'}",
    )
    return f"| {' | '.join(cells)} |"


def _spread(values: list[float]) -> str:
    if max(values) == LIMIT:
        return f"over {LIMIT}"
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count > 1e5 else f"{count / 1e3:.1f} kB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="the most rounds of a case (%(default)s)")
    parser.add_argument("pattern", nargs="?", default="", help="only cases with this text in their title")
    arguments = parser.parse_args()
    if not os.environ.get("HPC_SLURM_LAB"):
        raise SystemExit("this drains a whole cluster: run it inside the lab, with make bench")
    array = fill()
    try:
        print(
            "| case | task, s | command, s | ratio | module alone, s | command alone, s | output | RPCs |\n"
            "|---|---|---|---|---|---|---|---|"
        )
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            ping = Case("no work (ping)", ("", {}), "true", [])
            words = playbook(folder, {"ansible.builtin.ping": {}}, "true")
            base = [timed(ping, words, "").seconds for _round in range(arguments.rounds)]
            print(f"| {ping.title} | {_spread(base)} | | | | | | |", flush=True)
            for case in (*node_cases(), *job_cases(array), *other_cases()):
                if arguments.pattern in case.title:
                    found = measure(case, arguments.rounds, folder)
                    print(row(case, found, statistics.median(base)), flush=True)
    finally:
        empty()


if __name__ == "__main__":
    main()
