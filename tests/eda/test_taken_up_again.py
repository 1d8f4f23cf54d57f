"""Nodes that no reaction has in hand are taken up again by a sync. Runs inside the lab.

That is so after the circuit breaker was reset, and when slurmctld comes back with a state that it saved before a node
was resumed.
"""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from story import CURL_CONFIG, EVENTS, NODE, Rulebook, armed, inventory, kill_slurmd, node, wait_until
from test_guard_rails import BREAKER, Chat
from test_reactions import resume

pytestmark = pytest.mark.chaos

SAVED = Path("/var/lib/slurm/slurmctld")


def metric(rulebook: Rulebook, name: str) -> float:
    address = f"https://127.0.0.1:{rulebook.port}/metrics"
    shown = subprocess.run(["curl", "--config", str(CURL_CONFIG), address], capture_output=True, text=True, check=True)
    return float(next(line.split()[1] for line in shown.stdout.splitlines() if line.startswith(f"{name} ")))


@pytest.fixture
def chat() -> Iterator[str]:
    """A webhook, and its address."""
    Chat.got.clear()
    server = http.server.HTTPServer(("127.0.0.1", 0), Chat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


@pytest.fixture
def rulebook(tmp_path: Path, chat: str) -> Iterator[Rulebook]:
    """The rulebook with its default variables, but for the sync interval, and with notifications."""
    BREAKER.unlink(missing_ok=True)
    (tmp_path / "url").write_text(chat, encoding="ascii")
    inventory(tmp_path)
    content = yaml.safe_load((tmp_path / "inventory.yml").read_text(encoding="utf-8"))
    told = {"hpc_slurm_notify_tasks": "webhook", "hpc_slurm_webhook_url_file": str(tmp_path / "url")}
    content["all"]["vars"].update(told)
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    running = Rulebook(tmp_path, sync_interval=20)
    try:
        wait_until("a first sync", 300, lambda: running.decisions("snapshot compared") and set(armed()) >= EVENTS)
        yield running
    finally:
        running.stop()
        subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, capture_output=True)
        BREAKER.unlink(missing_ok=True)
        repair()


def repair() -> None:
    """Bring all nodes back, whatever a test has left of them."""
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    names = [f"node{number}" for number in range(1, 9)]
    for name in names:
        if f"slurmd -N {name}" not in running:
            subprocess.run(["slurmd", "-N", name], check=True)
    resume(names)
    wait_until("all nodes to be in service", 120, lambda: all(node(name)[0] == {"IDLE"} for name in names))


def lines_told() -> list[str]:
    return [line for message in Chat.got for line in message["text"].splitlines()]


def test_a_reset_of_the_breaker(rulebook: Rulebook, tmp_path: Path) -> None:
    names = [f"node{number}" for number in range(1, 6)]
    for name in names:
        kill_slurmd(name)
    wait_until(
        lambda: f"all to be drained: {[node(name) for name in names]}",
        240,
        lambda: all("DRAIN" in node(name)[0] for name in names),
    )
    wait_until("the breaker to open", 120, lambda: BREAKER.exists() and json.loads(BREAKER.read_text())["since"])
    wait_until("its message", 120, lambda: [line for line in lines_told() if "circuit breaker opened" in line])
    before = len(rulebook.decisions("reaction recorded", outcome="postponed"))
    wait_until(
        "a sync that reports them again, in vain",
        240,
        lambda: len(rulebook.decisions("reaction recorded", outcome="postponed")) > before,
    )
    wait_until("them to count as unhandled", 120, lambda: metric(rulebook, "hpc_slurm_nodes_unhandled") == len(names))
    assert all("DRAIN" in node(name)[0] for name in names)
    opened = [line for line in lines_told() if "circuit breaker opened" in line]
    assert len(opened) == 1, lines_told()
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
