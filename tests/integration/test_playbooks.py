# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks for daily work, each on the lab's controller. Run inside the lab, as root."""

from __future__ import annotations

import json
import pwd
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm

NODES = ["big00301", "big00302", "big00303"]
HOSTLIST = "big[00301-00303]"
RESERVATION = "hpc-slurm-playbooks"


def play(name: str, status: int = 0, options: tuple[str, ...] = (), **given: object) -> str:
    """Run a playbook with variables, and return its output."""
    variables = {f"hpc_slurm_{key}": value for key, value in given.items()}
    command = ["ansible-playbook", f"hpc.slurm.{name}", "--extra-vars", json.dumps(variables)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def until(what: str, happened: Callable[[], bool], limit: float = 60) -> None:
    end = time.monotonic() + limit
    while not happened():
        assert time.monotonic() < end, f"waited {limit:.0f} s in vain for {what}"
        time.sleep(0.1)


def reasons() -> dict[str, str]:
    """Return the reasons of the nodes that are drained."""
    nodes = Slurm().nodes(["state", "reason"])
    return {name: nodes[name]["reason"] for name in NODES if "DRAIN" in nodes[name]["state"]}


@pytest.fixture(autouse=True)
def nodes() -> Iterator[None]:
    """The nodes are in service in the end, and the reservation is gone."""
    yield
    if reasons():
        subprocess.run(["scontrol", "update", f"nodename={','.join(reasons())}", "state=resume"], check=True)
    if any(it["name"] == RESERVATION for it in Slurm().reservations()):
        subprocess.run(["scontrol", "delete", f"reservationname={RESERVATION}"], check=True)


def test_drain_and_resume() -> None:
    subprocess.run(["scontrol", "update", f"nodename={NODES[0]}", "state=drain", "reason=fan, JD"], check=True)
    play("drain", nodes=[HOSTLIST], reason="ticket 7", options=("--check",))
    assert reasons() == {NODES[0]: "fan, JD"}
    said = play("drain", nodes=[HOSTLIST], reason="ticket 7", wait=True)
    assert reasons() == {NODES[0]: "fan, JD", NODES[1]: "ticket 7", NODES[2]: "ticket 7"}
    assert "big[00302-00303]" in said
    assert "changed=0" in play("drain", nodes=[HOSTLIST], reason="ticket 7")
    play("resume", nodes=[HOSTLIST], only_reason="^ticket 7$")
    assert reasons() == {NODES[0]: "fan, JD"}


def test_what_would_leave_too_few_nodes_is_refused() -> None:
    said = play("drain", 2, nodes=[HOSTLIST], reason="ticket 7", max_unavailable="2")
    assert "partition big" in said
    assert reasons() == {}


def test_a_drain_waits_for_room() -> None:
    subprocess.run(["scontrol", "update", f"nodename={NODES[0]}", "state=drain", "reason=fan, JD"], check=True)
    given: dict[str, Any] = {
        "hpc_slurm_nodes": NODES[1:2],
        "hpc_slurm_reason": "ticket 7",
        "hpc_slurm_max_unavailable": "1",
    }
    given |= {"hpc_slurm_wait_for_capacity": True, "hpc_slurm_wait_timeout": 60}
    command = ["ansible-playbook", "hpc.slurm.drain", "--extra-vars", json.dumps(given)]
    counting = Path(f"/tmp/hpc-slurm-capacity-{pwd.getpwnam('slurm').pw_uid}.lock")
    counting.unlink(missing_ok=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        until("the nodes to be counted", counting.exists)
        assert reasons() == {NODES[0]: "fan, JD"}
        subprocess.run(["scontrol", "update", f"nodename={NODES[0]}", "state=resume"], check=True)
        said = waiting.communicate(timeout=60)[0]
    assert waiting.returncode == 0, said
    assert reasons() == {NODES[1]: "ticket 7"}


def test_reserve_and_unreserve() -> None:
    play("reserve", reservation=RESERVATION, nodes=[HOSTLIST], comment="new fans")
    [found] = [it for it in Slurm().reservations() if it["name"] == RESERVATION]
    assert (found["nodes"], found["comment"]) == (HOSTLIST, "new fans")
    play("unreserve", reservation=RESERVATION, nodes=[NODES[0]])
    [found] = [it for it in Slurm().reservations() if it["name"] == RESERVATION]
    assert found["nodes"] == "big[00302-00303]"
    play("unreserve", reservation=RESERVATION)
    assert not [it for it in Slurm().reservations() if it["name"] == RESERVATION]


def test_reboot() -> None:
    before = Slurm().nodes(["boot_time"])["node4"]["boot_time"]
    play("reboot", nodes=["node4"], reason="new kernel", wait=True, wait_timeout=120)
    nodes = Slurm().nodes(["boot_time", "state"])
    assert nodes["node4"]["boot_time"] > before
    assert nodes["node4"]["state"] == ["IDLE"]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("drain", {"nodes": [HOSTLIST]}, "hpc_slurm_reason"),
        ("drain", {"nodes": [HOSTLIST], "reason": "x", "wait": "perhaps"}, "hpc_slurm_wait"),
        ("drain", {"node": [HOSTLIST], "reason": "x"}, "did you mean hpc_slurm_nodes"),
        ("drain", {"reason": "x"}, "one of the following is required: nodes, partitions"),
        ("resume", {"nodes": [HOSTLIST]}, "hpc_slurm_only_reason"),
        ("reserve", {"reservation": RESERVATION}, "hpc_slurm_nodes"),
        ("unreserve", {}, "hpc_slurm_reservation"),
        ("reboot", {"nodes": ["nosuch"], "reason": "x"}, "nosuch"),
    ],
)
def test_what_is_refused(name: str, given: dict[str, Any], words: str) -> None:
    assert words in play(name, 2, **given)
    assert reasons() == {}
