# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a maintenance costs: node-seconds in which nodes could run jobs, and did not because of it, beside the work.

Runs inside the lab, for half an hour. Each strategy maintains four nodes, two at a time, that have a long job on one of
their CPUs each, of 3, 5, 7 and 9 minutes, and a queue of short jobs that fills all others. Beside the strategies of
hpc.slurm.maintenance there is a play with serial: 2 that drains, waits, works and resumes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

NAMES = ("node1", "node2", "node3", "node4")
CPUS = 4
# Seconds that a node's task takes.
WORK = 10
AWAY = {"DRAIN", "DOWN", "MAINTENANCE"}
SIDES = ("rolling", "drain", "serial")

SERIAL = """
- hosts: {hosts}
  gather_facts: false
  serial: 2
  tasks:
    - hpc.slurm.slurm_node:
        nodes: "{{{{ inventory_hostname }}}}"
        state: drained
        reason: bench
        wait: true
      delegate_to: controller
    - ansible.builtin.include_tasks: {tasks}
      vars: {{hpc_slurm_node_name: "{{{{ inventory_hostname }}}}"}}
    - hpc.slurm.slurm_node:
        nodes: "{{{{ inventory_hostname }}}}"
        state: resumed
      delegate_to: controller
"""


class Sampler(threading.Thread):
    """Adds up what nodes that are away do not run, twice a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.lost = 0.0
        self.most = 0
        self._ended = threading.Event()

    def run(self) -> None:
        before = time.monotonic()
        while not self._ended.wait(0.5):
            shown = output("scontrol", "show", "node", ",".join(NAMES), "--oneliner")
            now = time.monotonic()
            away = 0
            for used, state in re.findall(r"CPUAlloc=(\d+) .* State=(\S+)", shown):
                if AWAY & set(state.split("+")):
                    self.lost += (now - before) * (1 - int(used) / CPUS)
                    away += 1
            self.most, before = max(self.most, away), now

    def stop(self) -> None:
        self._ended.set()
        self.join()


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def submit(*options: str, seconds: int) -> None:
    output("sbatch", "--output=/dev/null", "--chdir=/tmp", "--mem=100", *options, "--wrap", f"sleep {seconds}")


def load() -> None:
    for number, name in enumerate(NAMES, 1):
        minutes = 2 * number + 1
        submit(f"--time={minutes}", f"--nodelist={name}", seconds=60 * minutes - 5)
    # Enough for ten minutes, on these nodes only.
    submit("--time=1", "--array=1-700", "--exclude=node[5-8]", "--nice=100", seconds=12)
    until = time.monotonic() + 60
    while len(re.findall(r"CPUAlloc=4", output("scontrol", "show", "node", ",".join(NAMES)))) < len(NAMES):
        if time.monotonic() > until:
            raise SystemExit("waited 60 s in vain for jobs on all CPUs")
        time.sleep(0.5)


def clean() -> None:
    output("scancel", "--user=root")
    until = time.monotonic() + 60
    while output("squeue", "--noheader"):
        if time.monotonic() > until:
            raise SystemExit("waited 60 s in vain for the jobs to end")
        time.sleep(0.5)


def command(side: str, directory: Path) -> list[str]:
    tasks = directory / "tasks.yml"
    work = {"name": "Work", "ansible.builtin.command": f"sleep {WORK}"}
    tasks.write_text(json.dumps([work]), encoding="utf-8")
    if side == "serial":
        play = directory / "serial.yml"
        play.write_text(SERIAL.format(hosts=",".join(NAMES), tasks=tasks), encoding="utf-8")
        return ["ansible-playbook", str(play)]
    variables: dict[str, Any] = {
        "maintenance": f"bench-{side}",
        "nodes": list(NAMES),
        "strategy": side,
        "max_unavailable": "2",
        "maintenance_tasks": str(tasks),
        "journal": str(directory / "journal.json"),
    }
    given = {f"hpc_slurm_{name}": value for name, value in variables.items()}
    return ["ansible-playbook", "hpc.slurm.maintenance", "--extra-vars", json.dumps(given)]


def measure(side: str) -> tuple[float, float, int]:
    """Return node-seconds that were lost beside the work, how long it took, and how many nodes were away at most."""
    load()
    sampler = Sampler()
    sampler.start()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        try:
            output(*command(side, Path(directory)))
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{side}: {error.stdout[-3000:]}") from None
        finally:
            sampler.stop()
    took = time.monotonic() - began
    clean()
    return sampler.lost - WORK * len(NAMES), took, sampler.most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", nargs="*", default=SIDES, help="only these")
    options = parser.parse_args()
    found = {}
    for side in options.side:
        found[side] = measure(side)
        print(f"{side}: {found[side]}", file=sys.stderr, flush=True)
    print("| | node-seconds lost | of drain | minutes | away at most |\n|---|---|---|---|---|")
    for side, (lost, took, most) in found.items():
        ratio = f"{lost / found['drain'][0]:.2f}" if "drain" in found else ""
        print(f"| {side} | {lost:.0f} | {ratio} | {took / 60:.1f} | {most} |")


if __name__ == "__main__":
    main()
