# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that are killed at any moment, and two that make the same change at the same time.

After a kill the next run completes the change, and the one after it changes nothing. The modules run without Ansible.
Run inside the lab, as root.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

ROUNDS = 20
# Until kills came before and after the request.
MOST_ROUNDS = 200
NODES = "big[00001-10000]"
NAME = "interrupted"
COLLECTIONS = "/usr/share/ansible/collections"


def begin(module: str, **options: Any) -> subprocess.Popen[str]:
    """Start a module in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"ansible_collections.hpc.slurm.plugins.modules.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": COLLECTIONS},
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    process.stdin.close()
    process.stdin = None
    return process


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(process.communicate(timeout=60)[0])
    return result


def run(module: str, **options: Any) -> dict[str, Any]:
    result = answer(begin(module, **options))
    assert not result.get("failed"), result["msg"]
    return result


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def nodes_in(states: str) -> list[str]:
    """Return the hostlist of the large partition's nodes in one of these states, with their reason."""
    return said("sinfo", "--noheader", "--partition=big", f"--states={states}", "--format=%N %E").splitlines()


def reserved() -> dict[str, str]:
    """Return the fields of the reservation as scontrol shows them; none when it is not there."""
    lines = said("scontrol", "--oneliner", "show", "reservation").splitlines()
    words = [line.split() for line in lines if line.startswith(f"ReservationName={NAME} ")]
    return dict(word.split("=", 1) for word in words[0]) if words else {}


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    yield
    if nodes_in("drain"):
        said("scontrol", "update", f"nodename={NODES}", "state=resume")
    if reserved():
        said("scontrol", "delete", f"reservationname={NAME}")


def interrupted(seed: str, module: str, steps: list[dict[str, Any]]) -> set[bool]:
    """In each round kill a run at a random moment, then run it twice; the steps take turns.

    :returns: whether the run after a kill changed something: a test sees by it that kills came before and after the
      request.
    """
    moments = random.Random(seed)
    length, had_to = 0.0, set[bool]()
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS and had_to == {True, False}:
            break
        options = steps[number % len(steps)]
        process = begin(module, **options)
        time.sleep(moments.uniform(0, length * 1.2))  # the moment of the kill, not a wait for anything
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        begun = time.monotonic()
        finished = run(module, **options)
        # How long a run takes depends on the step, and on what else the machine does.
        length = max(length, time.monotonic() - begun)
        had_to.add(finished["changed"])
        check(options)
        assert run(module, **options)["changed"] is False
    return had_to


def check(options: dict[str, Any]) -> None:
    """Assert with Slurm's own commands that the change of a task is complete."""
    if options.get("name") != NAME:
        expected = [f"{NODES} {options['reason']}"] if options["state"] == "drained" else []
        assert nodes_in("drain") == expected
    elif options["state"] == "absent" and "nodes" not in options:
        assert reserved() == {}
    else:
        fields = reserved()
        assert fields["Nodes"] == options["nodes"]
        assert fields["Users"] == "root"


def test_ten_thousand_nodes() -> None:
    steps = [
        {"nodes": NODES, "state": "drained", "reason": "interrupted"},
        {"nodes": NODES, "state": "resumed"},
    ]
    assert interrupted("nodes", "slurm_node", steps) == {True, False}


def test_a_reservation() -> None:
    steps: list[dict[str, Any]] = [
        {"name": NAME, "state": "present", "nodes": "node[1-4]"},
        {"name": NAME, "state": "present", "nodes": "node[3-8]", "purge_nodes": True, "users": ["root"]},
        {"name": NAME, "state": "present", "nodes": "node1", "purge_nodes": True, "flags": ["OVERLAP", "DAILY"]},
        {"name": NAME, "state": "absent"},
    ]
    assert interrupted("reservation", "slurm_reservation", steps) == {True, False}


def test_two_drain_the_same_nodes() -> None:
    for number in range(3):
        both = [begin("slurm_node", nodes=NODES, state="drained", reason=f"{number} {who}") for who in ("a", "b")]
        results = [answer(process) for process in both]
        assert [result.get("msg") for result in results] == [None, None]
        # One reason for all: no node has one and its neighbour the other.
        assert nodes_in("drain") in ([f"{NODES} {number} a"], [f"{NODES} {number} b"])
        assert any(result["changed"] for result in results)
        said("scontrol", "update", f"nodename={NODES}", "state=resume")


def test_two_resume_the_same_nodes() -> None:
    for _round in range(3):
        said("scontrol", "update", f"nodename={NODES}", "state=drain", "reason=two")
        results = [answer(process) for process in [begin("slurm_node", nodes=NODES, state="resumed") for _each in "ab"]]
        assert [result.get("msg") for result in results] == [None, None]
        assert nodes_in("drain,down,fail") == []


def test_two_make_one_reservation() -> None:
    for _round in range(5):
        both = [begin("slurm_reservation", name=NAME, nodes=node) for node in ("node[1-2]", "node[3-4]")]
        assert [answer(process).get("msg") for process in both] == [None, None]
        assert reserved()["Nodes"] == "node[1-4]"
        both = [begin("slurm_reservation", name=NAME, nodes=node) for node in ("node5", "node6")]
        assert [answer(process).get("msg") for process in both] == [None, None]
        assert reserved()["Nodes"] == "node[1-6]"
        both = [begin("slurm_reservation", name=NAME, state="absent") for _each in "ab"]
        assert [answer(process).get("msg") for process in both] == [None, None]
        assert reserved() == {}
