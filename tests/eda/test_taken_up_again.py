"""Nodes that no reaction has in hand are taken up again by a sync. Runs inside the lab.

That is so after the circuit breaker was reset, and when slurmctld comes back with a state that it saved before a node
was resumed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from chat import Chat
from story import BREAKER, CURL_CONFIG, EVENTS, NODE, Rulebook, inventory, kill_slurmd, node, synced, wait_until
from test_reactions import bring_back

pytestmark = pytest.mark.chaos

SAVED = Path("/var/lib/slurm/slurmctld")


def metric(rulebook: Rulebook, name: str) -> float:
    address = f"https://127.0.0.1:{rulebook.port}/metrics"
    shown = subprocess.run(["curl", "--config", str(CURL_CONFIG), address], capture_output=True, text=True, check=True)
    return float(next(line.split()[1] for line in shown.stdout.splitlines() if line.startswith(f"{name} ")))


@pytest.fixture
def rulebook(tmp_path: Path, chat: Chat) -> Iterator[Rulebook]:
    """The rulebook with its default variables, but for the sync interval, and with notifications."""
    inventory(tmp_path)
    content = yaml.safe_load((tmp_path / "inventory.yml").read_text(encoding="utf-8"))
    content["all"]["vars"].update(chat.variables(tmp_path))
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        with synced(Rulebook(tmp_path, sync_interval=20), 300, EVENTS) as running:
            yield running
    finally:
        bring_back(120)


def test_a_reset_of_the_breaker(rulebook: Rulebook, chat: Chat, tmp_path: Path) -> None:
    def opened() -> list[str]:
        return [line for text in chat.messages for line in text.splitlines() if "circuit breaker opened" in line]

    names = [f"node{number}" for number in range(1, 6)]
    for name in names:
        kill_slurmd(name)
    wait_until(
        lambda: f"all to be drained: {[node(name) for name in names]}",
        240,
        lambda: all("DRAIN" in node(name)[0] for name in names),
    )
    wait_until("the breaker to open", 120, lambda: BREAKER.exists() and json.loads(BREAKER.read_text())["since"])
    wait_until("its message", 120, opened)
    before = len(rulebook.decisions("reaction recorded", outcome="postponed"))
    wait_until(
        "a sync that reports them again, in vain",
        240,
        lambda: len(rulebook.decisions("reaction recorded", outcome="postponed")) > before,
    )
    wait_until("them to count as unhandled", 120, lambda: metric(rulebook, "hpc_slurm_nodes_unhandled") == len(names))
    assert all("DRAIN" in node(name)[0] for name in names)
    assert len(opened()) == 1, chat.messages
    subprocess.run(
        ["ansible-playbook", "hpc.slurm.reset", "--inventory", str(tmp_path / "inventory.yml")],
        check=True,
        capture_output=True,
    )
    wait_until(
        lambda: f"all to be back: {[node(name) for name in names]}",
        300,
        lambda: all(node(name) == ({"IDLE"}, "") for name in names),
    )
    wait_until("nothing to be unhandled", 120, lambda: metric(rulebook, "hpc_slurm_nodes_unhandled") == 0)


def restart_slurmctld_with(state: Path) -> None:
    """Kill slurmctld and start it with another saved state of the nodes, as if it had not saved a later one."""
    subprocess.run(["pkill", "-KILL", "-x", "slurmctld"], check=True)
    wait_until("it to end", 30, lambda: subprocess.run(["pgrep", "-x", "slurmctld"], check=False).returncode)
    for name in ("node_state", "node_state.old"):
        (SAVED / name).write_bytes(state.read_bytes())
    subprocess.run(["setpriv", "--reuid=slurm", "--regid=slurm", "--init-groups", "slurmctld"], check=True)
    ping = ["scontrol", "ping"]
    wait_until("it to answer", 60, lambda: not subprocess.run(ping, capture_output=True, check=False).returncode)


def test_slurmctld_that_comes_back_with_an_old_state(rulebook: Rulebook, tmp_path: Path) -> None:
    kill_slurmd(NODE)
    wait_until("the node to be drained", 240, lambda: "hpc.slurm.node_down" in node(NODE)[1], pause=0.05)
    reason = node(NODE)[1].encode()
    wait_until("slurmctld to save that", 60, lambda: reason in (SAVED / "node_state").read_bytes(), pause=0.05)
    shutil.copy(SAVED / "node_state", tmp_path / "saved")
    wait_until("the record", 240, lambda: rulebook.decisions("reaction recorded", nodes=NODE, outcome="resumed"))
    wait_until("the node to be back", 60, lambda: node(NODE) == ({"IDLE"}, ""))
    restart_slurmctld_with(tmp_path / "saved")
    state, old = node(NODE)
    assert ("DRAIN" in state, old) == (True, reason.decode())
    wait_until("it to be unhandled", 120, lambda: metric(rulebook, "hpc_slurm_nodes_unhandled") == 1, pause=0.1)
    wait_until(
        "another reaction",
        240,
        lambda: len(rulebook.decisions("reaction recorded", nodes=NODE, outcome="resumed")) > 1,
    )
    wait_until("the node to be back", 60, lambda: node(NODE) == ({"IDLE"}, ""))
    wait_until("nothing to be unhandled", 120, lambda: metric(rulebook, "hpc_slurm_nodes_unhandled") == 0)
