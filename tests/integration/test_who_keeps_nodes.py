# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the real controller makes of nodes that people and slurmctld itself take out of service, and who that was.

The table of all cases is in the unit tests of reasons.py. Run inside the lab, as root: compute daemons are killed, and
the RebootProgram is another one for a moment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common.reasons import held_by

REBOOT_PROGRAM = Path("/usr/local/sbin/reboot-node")
NODES = [f"node{number}" for number in range(1, 9)]


class Outcome(NamedTuple):
    """How a node ends: its flags that matter, its reason, the reason's user, and who keeps it out of service."""

    flags: str
    reason: str
    user: str
    holder: str


def scontrol(*words: str, user: str = "root") -> None:
    subprocess.run(["scontrol", *words], user=user, check=True, stdout=subprocess.DEVNULL)


def update(name: str, *words: str) -> None:
    scontrol("update", f"nodename={name}", *words)


def kill(name: str) -> None:
    """Kill a compute daemon, and start it no more."""
    pid = Path(f"/run/slurm/slurmd-{name}.pid")
    os.kill(int(pid.read_text(encoding="ascii")), signal.SIGKILL)
    pid.unlink()


def boot(name: str) -> None:
    """Start a compute daemon with another time of its boot than before."""
    kill(name)
    # Slurm's clock has whole seconds, and the boot must be later than the last answer of the node.
    killed = int(time.time())
    until(time.time, lambda: int(time.time()) > killed)
    subprocess.run(["slurmd", "-N", name, "-b"], check=True)


def until(what: Callable[[], object], holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < deadline, f"waited for three minutes: {what()}"
        time.sleep(0.5)


def states() -> list[list[str]]:
    nodes = Slurm().nodes(["state"])
    return [nodes[name]["state"] for name in NODES]


def outcomes() -> dict[str, Outcome]:
    nodes = Slurm().nodes(["state", "reason", "reason_user"])
    found = {}
    for name in NODES:
        state, reason, user = (nodes[name][field] for field in ("state", "reason", "reason_user"))
        flags = "+".join(flag for flag in state if flag not in ("NOT_RESPONDING", "INVALID_REG"))
        found[name] = Outcome(flags, reason or "", user or "", held_by(state, reason, user, "slurm") or "")
    return found


def expect(wanted: dict[str, Outcome]) -> None:
    until(outcomes, lambda: {name: outcomes()[name] for name in wanted} == wanted)


@pytest.fixture
def cluster() -> Iterator[None]:
    """The lab's nodes, whose reboots end them for ever; what a test does to them is undone."""
    program = REBOOT_PROGRAM.read_text(encoding="utf-8")
    REBOOT_PROGRAM.write_text("#!/bin/sh\nkill -9 $PPID\n", encoding="ascii")
    assert set(outcomes().values()) == {Outcome("IDLE", "", "", "")}, "somebody uses these nodes"
    try:
        yield
    finally:
        REBOOT_PROGRAM.write_text(program, encoding="utf-8")
        running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        for name in NODES:
            if f"slurmd -N {name}" not in running:
                subprocess.run(["slurmd", "-N", name], check=True)
            with contextlib.suppress(subprocess.CalledProcessError):
                update(name, "state=resume")
        # They respond, too.
        until(states, lambda: all(state == ["IDLE"] for state in states()))


def test_daemons_that_die_and_reboots_in_vain(cluster: None) -> None:
    update("node1", "state=drain", "reason=bad DIMM, do not use")
    update("node2", "state=drain", "reason=Kill task failed, stuck NFS, JD is looking at it")
    update("node3", "state=down", "reason=fan 3 dead")
    update("node5", "state=drain", "reason=fan 3 dead")
    update("node6", "state=down", "reason=fan 3 dead")
    update("node8", "state=drain", "reason=hpc.slurm.node_down by hand")
    for name in ("node2", "node3", "node4", "node5", "node8"):
        kill(name)
    scontrol("reboot", "node1")
    scontrol("reboot", "node6")
    scontrol("reboot", "asap", "node7")
    in_vain = " : reboot issued : reboot timed out"
    jd = "Kill task failed, stuck NFS, JD is looking at it : Not responding"
    expect(
        {
            "node1": Outcome("DOWN+DRAIN", f"bad DIMM, do not use{in_vain}", "slurm", "person"),
            "node2": Outcome("DOWN+DRAIN", jd, "slurm", "person"),
            # Slurm appends nothing to a node that is DOWN already.
            "node3": Outcome("DOWN", "fan 3 dead", "root", "person"),
            "node4": Outcome("DOWN", "Not responding", "slurm", "slurmctld"),
            "node5": Outcome("DOWN+DRAIN", "fan 3 dead : Not responding", "slurm", "person"),
            # Back from the reboot, it would have been in service: the reboot took the DOWN away.
            "node6": Outcome("DOWN", f"fan 3 dead{in_vain}", "slurm", "slurmctld"),
            "node7": Outcome("DOWN+DRAIN", f"Reboot ASAP{in_vain}", "slurm", "slurmctld"),
            "node8": Outcome("DOWN+DRAIN", "hpc.slurm.node_down by hand : Not responding", "slurm", "ours"),
        }
    )
    # Another reboot is under way, and the reason is the same: Slurm appends no text twice.
    scontrol("reboot", "node6")
    expect({"node6": Outcome("DOWN+REBOOT_ISSUED", f"fan 3 dead{in_vain}", "slurm", "planned")})
    # Undrained while it was silent; so reads also a node that was resumed before it fell silent, up to 25.11 without
    # accounting storage, where it keeps its reason.
    update("node5", "state=undrain")
    expect({"node5": Outcome("DOWN", "fan 3 dead : Not responding", "slurm", "slurmctld")})


def test_a_reboot_takes_a_down_away_and_keeps_a_drain(cluster: None) -> None:
    REBOOT_PROGRAM.write_text(
        (Path(__file__).parents[1] / "lab/reboot_node.sh").read_text(encoding="utf-8"), encoding="utf-8"
    )
    update("node1", "state=down", "reason=fan 3 dead")
    update("node2", "state=drain", "reason=fan 3 dead")
    scontrol("reboot", "node[1-2]")
    expect(
        {
            "node1": Outcome("IDLE", "", "", ""),
            "node2": Outcome("IDLE+DRAIN", "fan 3 dead : reboot issued", "slurm", "person"),
        }
    )


def test_nodes_that_boot_by_themselves_and_drains_without_a_reason(cluster: None) -> None:
    update("node2", "state=drain", "reason=fan 3 dead")
    slurm = Slurm()
    slurm.update_nodes("node[3-4]", state="DRAIN")
    kill("node4")
    for name in ("node1", "node2", "node3"):
        boot(name)
    expect(
        {
            "node1": Outcome("DOWN", "Node unexpectedly rebooted", "slurm", "slurmctld"),
            "node2": Outcome("IDLE+DRAIN", "fan 3 dead", "root", "person"),
            "node3": Outcome("IDLE+DRAIN", "", "", "unknown"),
            "node4": Outcome("DOWN+DRAIN", "Not responding", "slurm", "unknown"),
        }
    )
