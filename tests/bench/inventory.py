# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin for 10,008 nodes, beside the reading of the nodes alone. Runs inside the lab (`make bench`)."""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, inventory_loader

COMMAND = ["scontrol", "show", "nodes", "--json"]


def parsed(directory: Path, text: str) -> None:
    """Parse an inventory file with the plugin."""
    path = directory / "bench.slurm.yml"
    path.write_text(f"plugin: hpc.slurm.slurm\n{text}", encoding="ascii")
    inventory_loader.get("hpc.slurm.slurm").parse(InventoryData(), DataLoader(), str(path))


def print_json() -> None:
    json.loads(subprocess.run(COMMAND, stdout=subprocess.PIPE, check=True).stdout)


def seconds(work: Callable[[], object]) -> float:
    gc.collect()  # the inventory of the round before; Ansible reads one
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the inventory plugin.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    init_plugin_loader()
    # Not before Ansible loads collections.
    nodes = importlib.import_module("ansible_collections.hpc.slurm.plugins.plugin_utils.inventory_nodes")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        cases: dict[str, Callable[[], object]] = {
            "read with pyslurm, alone": lambda: nodes.read_with_pyslurm(None),
            "plugin, with pyslurm": lambda: parsed(directory, ""),
            "scontrol show nodes --json, printed and parsed, alone": print_json,
            "plugin, with this command": lambda: parsed(directory, f"command: {json.dumps(COMMAND)}\n"),
        }
        times = {case: [seconds(work) for _round in range(rounds)] for case, work in cases.items()}
    first = statistics.median(times["read with pyslurm, alone"])
    print("| | s | ratio to reading with pyslurm |\n|---|---|---|")
    for case, found in times.items():
        median = statistics.median(found)
        print(f"| {case} | {median:.2f} ({min(found):.2f}-{max(found):.2f}) | {median / first:.2f} |")


if __name__ == "__main__":
    main()
