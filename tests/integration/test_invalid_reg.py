# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that register with less than slurm.conf says: what is refused, and what becomes of a person's reason.

Run inside the lab, as root: it changes slurm.conf for a moment.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.common.reasons import held_by
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes

CONF = Path("/etc/slurm/slurm.conf")
LESS = "node8"
OPTIONS: dict[str, Any] = {
    **dict.fromkeys(("partitions", "reason", "only_reason", "attributes", "max_unavailable", "booted_after")),
    **{"nodes": ["node[7-8]"], "update_reason": False, "wait": False, "wait_timeout": 0, "next_state": "resume"},
    **{"include_out_of_service": False, "power_down_mode": "idle"},
}


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.1)


def states() -> dict[str, set[str]]:
    nodes = Slurm().nodes(["state"])
    return {f"node{number}": set(nodes[f"node{number}"]["state"]) for number in range(1, 9)}


@pytest.fixture
def less() -> Iterator[Slurm]:
    """A cluster whose last node is drained by slurmctld, and the one before by a person."""
    before = CONF.read_text(encoding="utf-8")
    # Without config_overrides slurmctld compares a node with slurm.conf.
    text = before.replace("SlurmdParameters=config_overrides\n", "").replace("CPUs=4", f"CPUs={os.cpu_count()}")
    text, found = re.subn(rf"(?m)^(NodeName={LESS} .*RealMemory=)1000 ", r"\g<1>99999999 ", text)
    assert found == 1
    try:
        configure(text)
        until(lambda: "INVALID_REG" in states()[LESS])
        said("scontrol", "update", "nodename=node7", "state=drain", "reason=somebody")
        yield Slurm()
    finally:
        configure(before)
        until(lambda: "INVALID_REG" not in states()[LESS])
        drained = [name for name, state in states().items() if "DRAIN" in state]
        said("scontrol", "update", f"nodename={','.join(drained)}", "state=resume")
        until(lambda: set(map(frozenset, states().values())) == {frozenset(("IDLE",))})


def configure(text: str) -> None:
    CONF.write_text(text, encoding="utf-8")
    said("scontrol", "reconfigure")


def test_what_slurm_refuses_is_refused_before_anything_is_changed(less: Slurm) -> None:
    for state, request in (("resumed", "RESUME"), ("undrained", "UNDRAIN")):
        with pytest.raises(ConflictError, match="Invalid node state transition"):
            less.update_nodes(LESS, state=request)
        with pytest.raises(SlurmError) as caught:
            execute(plan_nodes, less, {**OPTIONS, "state": state}, check_mode=False)
        assert caught.value.message.startswith(
            f"{LESS} registered with less than slurm.conf says (Low RealMemory (reported:"
        )
        assert caught.value.details["changed"] is False
        assert "DRAIN" in states()["node7"]


@pytest.mark.parametrize("state", ["drain", "down"])
def test_slurm_replaces_the_reason_of_a_person(less: Slurm, state: str) -> None:
    """So it is not known who took a node out of service that has such a reason."""
    said("scontrol", "update", f"nodename={LESS}", f"state={state}", "reason=bad DIMM, do not use")
    said("scontrol", "reconfigure")

    def replaced() -> bool:
        node = less.nodes(["state", "reason", "reason_user"])[LESS]
        if not node["reason"].startswith("Low RealMemory (reported:"):
            return False
        assert held_by(node["state"], node["reason"], node["reason_user"], "slurm") == "unknown", node
        return True

    until(replaced)
