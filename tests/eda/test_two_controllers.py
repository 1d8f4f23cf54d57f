"""Two controllers: whatever happens to them, every node that goes down is drained, repaired and back.

Runs inside the lab, with slurmctld on two hosts of their own (tests/lab/two_controllers.sh), and the collection's
rulebook, playbooks and default sync interval: what a change of the active controller needs is done at once.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from story import CHECKOUT, EVENTS, LOGS, Rulebook, armed, inventory, kill_slurmd, node, wait_until

pytestmark = pytest.mark.scale

ADDRESS = "192.0.2.2"  # of the listener
PRIMARY, BACKUP = "ctl1", "ctl2"
TAKEOVER, RETURN = "backup_slurmctld_assumed_control", "primary_slurmctld_resumed_operation"
TRIGGERS = EVENTS | {TAKEOVER, RETURN, "primary_slurmctld_failure", "primary_slurmctld_resumed_control"}
TRIGGERS |= {"backup_slurmctld_failure", "backup_slurmctld_resumed_operation"}
# From a fault until the last node is back: SlurmctldTimeout, SlurmdTimeout, slurmctld's pass over its triggers, a
# reaction with its retry after a minute, on a busy machine. Less than the sync interval.
LIMIT = 280.0


def host(*words: str) -> str:
    """Run two_controllers.sh."""
    command = [str(CHECKOUT / "tests/lab/two_controllers.sh"), *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
    return ended.stdout


class Cluster(NamedTuple):
    """Two controllers, and the rulebook."""

    rulebook: Rulebook

    def fired(self, event: str, since: float) -> bool:
        """Tell whether a notification of slurmctld's own event was stored."""
        found = self.rulebook.decisions("notification stored", trigger=f"slurmctld {event}")
        return any(when > since for when, _facts in found)

    def expect_sync(self, event: str, since: float) -> None:
        """Wait for the event of a controller that became active, and for the sync after it."""
        wait_until(f"{event}", LIMIT, lambda: self.fired(event, since))
        fired = time.time()
        wait_until("a snapshot", LIMIT, lambda: any(when > fired for when, _facts in self.snapshots()))
        assert set(armed()) == TRIGGERS

    def snapshots(self) -> list[tuple[float, dict[str, object]]]:
        return self.rulebook.decisions("snapshot compared")

    def expect_reaction(self, name: str, since: float) -> None:
        """Wait until a node had its reaction, and is back."""

        def handled() -> bool:
            found = self.rulebook.decisions("event delivered", node=name, state="down")
            found += self.rulebook.decisions("event delivered", hostlist=name, state="down")
            return any(when > since for when, _facts in found)

        wait_until(lambda: f"an event of {name}, which is {node(name)}", LIMIT, handled)
        wait_until(lambda: f"{name} to be back, which is {node(name)}", LIMIT, lambda: node(name) == ({"IDLE"}, ""))

    def restore(self) -> None:
        """Make the primary active again."""
        since = time.time()
        host("on", PRIMARY)
        host("on", BACKUP)
        if not runs(PRIMARY):
            start_slurmctld()
        if not self.is_active(PRIMARY):
            self.expect_sync(RETURN, since)
        wait_until("both controllers", 60, lambda: subprocess_output("scontrol", "ping").count("is UP") == 2)
        wait_until("all triggers", LIMIT, lambda: set(armed()) == TRIGGERS)

    def is_active(self, name: str) -> bool:
        return "Running as primary" in last_lines(LOGS / f"slurmctld-{name}.log")


def subprocess_output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def last_lines(path: Path) -> str:
    """Return what a slurmctld has logged since its last start or change."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return text[max(text.rfind(mark) for mark in (" started on cluster", "running in background", "REQUEST_CONTROL")) :]


def runs(name: str) -> bool:
    return bool(host("run", name, "sh", "-c", "pgrep --exact slurmctld || true").strip())


def kill_slurmctld() -> None:
    host("run", PRIMARY, "pkill", "--exact", "--signal", "KILL", "slurmctld")
    wait_until("slurmctld to end", 10, lambda: not runs(PRIMARY))


def start_slurmctld() -> None:
    become = ["setpriv", "--reuid=slurm", "--regid=slurm", "--init-groups"]
    host("run", PRIMARY, *become, "slurmctld", "-L", str(LOGS / f"slurmctld-{PRIMARY}.log"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as directory:
        # On the lab as it was: a controller that is killed may not have saved that triggers were removed.
        stack.callback(subprocess.run, ["ansible-playbook", "hpc.slurm.disarm"], check=True, capture_output=True)
        stack.callback(host, "stop")
        host("start")
        subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        stack.callback(subprocess.run, ["ip", "address", "delete", f"{ADDRESS}/32", "dev", "lo"], check=True)
        inventory(Path(directory), of_lab="inventory_two_controllers.yml")
        rulebook = Rulebook(Path(directory), host=ADDRESS)
        stack.callback(rulebook.stop)
        made = Cluster(rulebook)
        wait_until("a first sync", 120, lambda: made.snapshots() and set(armed()) == TRIGGERS)
        yield made


@pytest.fixture
def active_primary(cluster: Cluster) -> Iterator[Cluster]:
    yield cluster
    cluster.restore()


def test_a_primary_that_is_killed_and_returns(active_primary: Cluster) -> None:
    since = time.time()
    kill_slurmctld()
    active_primary.expect_sync(TAKEOVER, since)
    failed = kill_slurmd("node1")
    active_primary.expect_reaction("node1", failed)

    since = time.time()
    start_slurmctld()
    # It goes down while the backup hands over, or right after.
    failed = kill_slurmd("node2")
    active_primary.expect_reaction("node2", failed)
    active_primary.expect_sync(RETURN, since)


def test_a_node_that_fails_while_no_controller_is_active(active_primary: Cluster) -> None:
    since = time.time()
    kill_slurmctld()
    failed = kill_slurmd("node3")
    active_primary.expect_reaction("node3", failed)
    active_primary.expect_sync(TAKEOVER, since)


def test_a_machine_that_is_off(active_primary: Cluster) -> None:
    """It is the first of its group, and the sync succeeds on the other."""
    since, seen = time.time(), len(active_primary.rulebook.lines)
    host("off", PRIMARY)
    failed = kill_slurmd("node4")
    active_primary.expect_reaction("node4", failed)
    active_primary.expect_sync(TAKEOVER, since)
    text = [line for _when, line in active_primary.rulebook.lines[seen:]]
    assert any(f"Unreachable: {PRIMARY}" in line for line in text)
    # It is not counted as unreachable, for which ansible-playbook would fail.
    recap = max(number for number, line in enumerate(text) if "PLAY RECAP" in line)
    assert all("unreachable=0    failed=0" in line for line in text[recap + 1 : recap + 3]), text[recap:]


def test_a_primary_that_returns_during_a_sync(active_primary: Cluster) -> None:
    since = time.time()
    kill_slurmctld()
    wait_until(TAKEOVER, LIMIT, lambda: active_primary.fired(TAKEOVER, since))
    # The sync after the takeover is under way now, or waits for the lock.
    since = time.time()
    start_slurmctld()
    failed = kill_slurmd("node1")
    active_primary.expect_reaction("node1", failed)
    wait_until("all triggers", LIMIT, lambda: set(armed()) == TRIGGERS)
    active_primary.expect_sync(RETURN, since)


@pytest.fixture
def both_off(cluster: Cluster) -> Iterator[None]:
    host("off", PRIMARY)
    host("off", BACKUP)
    yield
    cluster.restore()


def test_a_sync_without_any_controller_fails(cluster: Cluster, both_off: None, tmp_path: Path) -> None:
    inventory(tmp_path, of_lab="inventory_two_controllers.yml")
    listener = {"url": "https://192.0.2.2:1", "id": "listener-of-these-tests"}
    words = [word for name, value in listener.items() for word in ("-e", f"hpc_slurm_listener_{name}={value}")]
    command = ["ansible-playbook", "-i", str(tmp_path / "inventory.yml"), "hpc.slurm.sync", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert f"No host of slurm_controller is reachable: {PRIMARY}, {BACKUP}" in ended.stdout, ended.stdout
