# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long hpc.slurm.node_down takes until all nodes of its event are drained. Runs inside the lab.

The nodes have no daemons and are not in the inventory: this is what a reaction costs before it repairs anything.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COUNTS = (1, 100, 1_000, 10_000)


def update(nodes: str, *words: str) -> None:
    """Change nodes as slurmctld does."""
    subprocess.run(["scontrol", "update", f"nodename={nodes}", *words], user="slurm", check=False, capture_output=True)


def drained(nodes: str) -> int:
    """Return how many nodes are drained."""
    words = ["--noheader", "--Node", f"--nodes={nodes}", "--states=drain", "--format=%N"]
    return len(set(subprocess.run(["sinfo", *words], capture_output=True, text=True, check=True).stdout.split()))


def measure(count: int, directory: Path) -> tuple[float, float]:
    """Return the seconds from the start of the playbook until all nodes are drained, and until it ends."""
    nodes = f"big[00001-{count:05}]"
    given = directory / "given.json"
    names = [f"big{number:05}" for number in range(1, count + 1)]
    given.write_text(json.dumps({"hpc_slurm_nodes": names}), encoding="ascii")
    command = ["ansible-playbook", "hpc.slurm.node_down", "--inventory", str(CHECKOUT / "tests/lab/inventory.yml")]
    update(nodes, "state=down", "reason=Not responding")
    try:
        began = time.monotonic()
        with subprocess.Popen([*command, "--extra-vars", f"@{given}"], stdout=subprocess.DEVNULL) as process:
            while drained(nodes) < count and process.poll() is None:
                time.sleep(0.1)
            until_drained = time.monotonic() - began
            assert process.wait() == 0 and drained(nodes) == count
            return until_drained, time.monotonic() - began
    finally:
        update(nodes, "state=resume")


def shown(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time hpc.slurm.node_down.")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| nodes | until all are drained, s | until the run ends, s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        for count in COUNTS:
            times = [measure(count, Path(directory)) for _round in range(rounds)]
            print(f"| {count:,} | {shown([it[0] for it in times])} | {shown([it[1] for it in times])} |", flush=True)


if __name__ == "__main__":
    main()
