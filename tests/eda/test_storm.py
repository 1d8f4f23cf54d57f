# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A switch dies: hundreds of nodes go down at once, and a single one shortly after. Runs inside the lab.

The rulebook has its default variables. The many nodes are not in the inventory, so they are drained and held; the
single one is repaired. All is read from the controller itself.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from story import EVENTS, NODE, Rulebook, kill_slurmd, logged_by_slurmctld, node, synced, wait_until

pytestmark = pytest.mark.scale


def update(nodes: str, state: str, check: bool = True) -> None:
    """Change nodes as slurmctld itself does, by the user and with a reason of its own."""
    command = ["scontrol", "update", f"nodename={nodes}", f"state={state}"]
    command += [] if state == "resume" else ["reason=Not responding"]
    subprocess.run(command, user="slurm", check=check, capture_output=True)


def drained(nodes: str) -> int:
    """Return how many nodes are drained by a reaction."""
    command = ["sinfo", "--noheader", "--Node", f"--nodes={nodes}", "--states=drain", "--format=%N %E"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return len({line.split()[0] for line in shown.splitlines() if "hpc.slurm.node_down" in line})


@pytest.fixture
def rulebook(tmp_path: Path) -> Iterator[Rulebook]:
    with synced(Rulebook(tmp_path), 300, EVENTS) as running:
        yield running


@pytest.fixture(params=[891, 5000])
def storm(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """The hostlist of the nodes that go down together, and their number. In the end they are in service again."""
    nodes = f"big[00001-{request.param:05}]"
    yield nodes, request.param
    update(nodes, "resume", check=False)


def test_all_nodes_of_a_storm_are_drained_and_the_next_one_does_not_wait(
    rulebook: Rulebook, storm: tuple[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    nodes, count = storm
    began = time.time()
    update(nodes, "down")
    # What the test is about: one more fails while the others are dealt with.
    time.sleep(5)
    killed = kill_slurmd(NODE)
    wait_until(lambda: f"{drained(nodes)} of {count} nodes drained", 300, lambda: drained(nodes) == count)
    all_drained = time.time()
    wait_until("slurmctld to set it DOWN", 300, lambda: logged_by_slurmctld(rf"[Nn]odes? {NODE} not resp", killed))
    down = logged_by_slurmctld(rf"[Nn]odes? {NODE} not resp", killed) or 0.0
    wait_until(f"{NODE} to be repaired", 300, lambda: node(NODE)[0] == {"IDLE"}, pause=0.1)
    back = time.time()
    wait_until("its record", 180, lambda: rulebook.decisions("reaction recorded", nodes=NODE, outcome="resumed"))
    [(_when, held)] = rulebook.decisions("reaction recorded", nodes=nodes, playbook="hpc.slurm.node_down")
    assert (held["outcome"], drained(nodes)) == ("held", count)
    runs = sum(bool(re.match(r"PLAY \[Drain nodes that went down\]", line)) for _when, line in rulebook.lines)
    with capsys.disabled():
        print(
            f"\nstorm: {count} nodes drained {all_drained - began:.0f} s after they went down; {NODE} in service "
            f"{back - down:.0f} s after slurmctld set it DOWN; {runs} runs of hpc.slurm.node_down"
        )
