"""What can break on the way of an event, broken: every node that is unwell in the end has had its event.

Runs inside the lab, with the real slurmctld, triggers, curl, listener and ansible-rulebook. Times are scaled by
settings: curl gives up after 40 s where it takes 240 s by default, and a sync comes every 15 s, not every 300 s. So a
cut of 50 s stands for one of five minutes, and 150 s for fifteen. Prints a table of the cases.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

import pytest
from story import CHECKOUT, EVENTS, Rulebook, armed, kill_slurmd, wait_until

pytestmark = pytest.mark.chaos

ADDRESS = "192.0.2.2"  # of the listener alone
CURL = Path("/usr/bin/curl")
SYNC_INTERVAL, RETRY_TIME = 15, 40
# slurmctld looks at its triggers every 16 s: after so long all that happened before has fired.
FIRED = 35.0
# For the way from the end of a fault to the last event: curl's pause, the next sync, its playbook on a busy machine.
LIMIT = 120.0
# Slurm's times are whole seconds, by another clock: what happens sooner after a report is not known from what was told.
APART = 6.0
DAEMONS = [f"node{number}" for number in range(1, 9)]
STATES = {"DOWN": "down", "DRAIN": "drained", "FAIL": "fail"}

Fault = Callable[["Listener"], contextlib.AbstractContextManager[None]]


class Told(NamedTuple):
    """An event at the rule."""

    when: float
    node: str
    state: str
    origin: str


class Listener:
    """ansible-rulebook, the listener on an address that can be taken away, its state on a disk that can be filled."""

    def __init__(self, directory: Path, permanent: bool = True) -> None:
        self.disk = directory / "disk"
        self.disk.mkdir()
        subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.disk], check=True)
        settings = {"host": ADDRESS, "state_dir": self.disk / "state", "sync_interval": SYNC_INTERVAL}
        settings |= {"permanent": permanent, "retry_time": RETRY_TIME}
        self.rulebook = Rulebook(directory, str(CHECKOUT / "tests/eda/chaos.yml"), **settings)

    def told(self) -> list[Told]:
        found = []
        for when, line in list(self.rulebook.lines):
            found += [Told(when, *groups) for groups in re.findall(r"STATE (\S+) (\w+) (\w+)", line)]
        return found

    def synced(self, since: float) -> Optional[float]:
        """Return when the first snapshot after a time was compared."""
        decided = self.rulebook.decisions("snapshot compared")
        return next((when for when, _facts in decided if when > since), None)

    def stop(self) -> None:
        self.rulebook.stop()
        subprocess.run(["umount", self.disk], check=True)
        subprocess.run(["ip", "address", "delete", f"{ADDRESS}/32", "dev", "lo"], check=True)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with tempfile.TemporaryDirectory() as directory, started(Path(directory)) as one:
        yield one


@contextlib.contextmanager
def started(directory: Path, permanent: bool = True) -> Iterator[Listener]:
    one = Listener(directory, permanent)
    try:
        wait_until(
            f"armed triggers {EVENTS} and a first snapshot", 90, lambda: one.synced(0) and set(armed()) >= EVENTS
        )
        yield one
    finally:
        one.stop()
        subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, capture_output=True)
        update("big[00001-00099]", "resume", check=False)


def update(nodes: str, state: str, check: bool = True) -> None:
    """Change nodes as slurmctld itself does, by the user and with a reason of its own."""
    command = ["sudo", "-u", "slurm", "scontrol", "update", f"nodename={nodes}", f"state={state}"]
    command += [] if state == "resume" else ["reason=Not responding"]
    subprocess.run(command, check=check, capture_output=True)


def unwell(nodes: list[str]) -> dict[str, set[str]]:
    """Return the states of those nodes that are down, drained or failing, as slurmctld has them."""
    shown = subprocess.run(["scontrol", "show", "node", ",".join(nodes)], capture_output=True, text=True, check=True)
    found = {}
    for name, flags in re.findall(r"NodeName=(\S+).*?State=(\S+)", shown.stdout, re.DOTALL):
        if states := {STATES[flag] for flag in flags.split("+") if flag in STATES}:
            found[name] = states
    return found


# The faults: each is broken within, and whole again after.


@contextlib.contextmanager
def slurmctld_killed(_listener: Listener) -> Iterator[None]:
    os.kill(int(Path("/run/slurm/slurmctld.pid").read_text(encoding="ascii")), signal.SIGKILL)
    try:
        kill_slurmd("node1")
        yield
    finally:
        subprocess.run(["setpriv", "--reuid=slurm", "--regid=slurm", "--init-groups", "slurmctld"], check=True)
        wait_until("slurmctld to answer", 60, lambda: subprocess.run(["scontrol", "ping"], check=False).returncode == 0)
        wait_until("node1 to be DOWN", 90, lambda: unwell(["node1"]))


@contextlib.contextmanager
def munge_stopped(_listener: Listener) -> Iterator[None]:
    subprocess.run(["pkill", "-x", "munged"], check=True)
    wait_until("munged to end", 20, lambda: subprocess.run(["pgrep", "-x", "munged"], check=False).returncode)
    try:
        kill_slurmd("node2")
        yield
    finally:
        Path("/run/munge/munge.socket.2.lock").unlink(missing_ok=True)
        subprocess.run(["setpriv", "--reuid=munge", "--regid=munge", "--init-groups", "munged"], check=True)
        wait_until("node2 to be DOWN", 120, lambda: unwell(["node2"]))


@contextlib.contextmanager
def network_cut(_listener: Listener) -> Iterator[None]:
    """Packets to the listener vanish: senders wait for an answer that never comes."""
    cut = [
        f"address delete {ADDRESS}/32 dev lo",
        "link add cut type veth peer name end",
        "link set cut up",
        f"route add {ADDRESS}/32 dev cut",
    ]
    for command in cut:
        subprocess.run(["ip", *command.split()], check=True)
    try:
        yield
    finally:
        for command in ("link delete cut", f"address add {ADDRESS}/32 dev lo"):
            subprocess.run(["ip", *command.split()], check=True)


@contextlib.contextmanager
def program_replaced(_listener: Listener) -> Iterator[None]:
    kept = CURL.with_name("curl.kept")
    CURL.rename(kept)
    shutil.copy("/usr/bin/true", CURL)
    try:
        yield
    finally:
        kept.replace(CURL)


@contextlib.contextmanager
def triggers_cleared(_listener: Listener) -> Iterator[None]:
    subprocess.run(["sudo", "-u", "slurm", "strigger", "--clear", "--user=slurm"], check=True)
    yield


@contextlib.contextmanager
def disk_full(listener: Listener) -> Iterator[None]:
    filler = listener.disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    try:
        yield
        refused = listener.rulebook.decisions("inbox unavailable")
        assert refused, "the disk was full, and nothing was refused"
    finally:
        filler.unlink()


@contextlib.contextmanager
def nothing(_listener: Listener) -> Iterator[None]:
    yield


class Case(NamedTuple):
    """A fault, for how long at least, and whether nodes can be changed meanwhile."""

    name: str
    fault: Fault
    seconds: float = FIRED
    during: bool = True


CASES = [
    Case("nothing breaks", nothing),
    Case("slurmctld killed and restarted", slurmctld_killed, 5, during=False),
    Case("munge stopped and started", munge_stopped, 20, during=False),
    Case("network cut for 30 s", network_cut, 30),
    Case("network cut for 5 minutes (50 s)", network_cut, 50),
    Case("network cut for 15 minutes (150 s)", network_cut, 150),
    Case("trigger program does nothing", program_replaced),
    Case("triggers cleared by hand", triggers_cleared),
    Case("disk full", disk_full),
]
TABLE: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Print what the cases came to."""
    yield
    head = f"{'case':36} {'unwell':>6} {'told':>5} {'trigger':>8} {'snapshot':>9} {'last told after':>16}"
    print("\n" + "\n".join([head, *TABLE]))


def test_one_shot_triggers_lose_nothing(tmp_path: Path) -> None:
    """Between the firing of a trigger and its arming anew nobody listens: the snapshot tells what happened then.

    The first of the tests, before the listener that the others share: both would set each other's triggers.
    """
    nodes = [f"big{number:05}" for number in range(500, 540)]
    with started(tmp_path, permanent=False) as one:
        shown = subprocess.run(["strigger", "--get"], capture_output=True, text=True, check=True).stdout
        assert "PERM" not in shown
        for node in nodes:
            update(node, "down")
            time.sleep(2)  # a node every two seconds, over five looks of slurmctld at its triggers
        wait_until(
            lambda: f"events of {set(nodes) - {it.node for it in one.told()}}",
            LIMIT,
            lambda: set(nodes) <= {it.node for it in one.told() if it.state == "down"},
        )
        origins = [it.origin for it in one.told() if it.node in nodes and it.state == "down"]
        TABLE.append(
            f"{'one-shot triggers':36} {len(nodes):6} {len(set(nodes)):5} {origins.count('trigger'):8}"
            f" {origins.count('snapshot'):9}"
        )
        assert len(origins) == len(nodes)
        update(",".join(nodes), "resume")


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES, 1)), ids=[case.name for case in CASES])
def test_every_node_that_is_unwell_has_had_its_event(listener: Listener, number: int, case: Case) -> None:
    nodes = [f"big{number * 10 + digit:05}" for digit in range(8)]
    again, before, down, drained, failed, brief, well, late = nodes
    update(again, "down")
    wait_until(f"{again} told as down", 60, lambda: events(listener, again, "down", 0.0))
    told = time.monotonic()
    wait_until("the report to be some seconds old", APART + 10, lambda: time.monotonic() - told > APART)
    changed = {again: time.time()}
    update(again, "resume")
    update(before, "down")  # its trigger fires into the fault, or is lost with it
    with case.fault(listener):
        broken = time.monotonic()
        if case.during:
            # Comes back, and falls again, which may both happen between two looks of slurmctld at its triggers.
            for node, state in ((again, "down"), (down, "down"), (drained, "drain"), (failed, "fail"), (brief, "down")):
                update(node, state)
                changed[node] = time.time()
            update(brief, "resume")
        wait_until("the fault's time", case.seconds + 10, lambda: time.monotonic() - broken > case.seconds)
    whole = time.time()
    update(late, "down")
    truth = unwell([*nodes, *DAEMONS])
    assert well not in truth and late in truth, truth

    def missing() -> list[str]:
        return [
            f"{node} {state}"
            for node, states in truth.items()
            for state in states
            if not events(listener, node, state, changed.get(node, 0.0))
        ]

    wait_until(lambda: f"events of {missing()}", LIMIT, lambda: not missing())
    note(case, truth, listener.told(), whole)
    update(",".join(sorted(set(truth) - set(DAEMONS))), "resume")
    repair()


def repair() -> None:
    """Start the daemons that were killed, and give their nodes back: to Slurm they may all have been silent."""
    for node in DAEMONS:
        if subprocess.run(["pgrep", "-fx", f"slurmd -N {node}"], check=False, stdout=subprocess.DEVNULL).returncode:
            subprocess.run(["slurmd", "-N", node], check=True)
    if down := unwell(DAEMONS):
        update(",".join(down), "resume", check=False)
    wait_until(lambda: f"{unwell(DAEMONS)} to be in service", 90, lambda: not unwell(DAEMONS))


def events(listener: Listener, node: str, state: str, since: float) -> list[Told]:
    return [told for told in listener.told() if (told.node, told.state) == (node, state) and told.when > since]


def note(case: Case, truth: dict[str, set[str]], all_told: list[Told], whole: float) -> None:
    last = {(it.node, it.state): it for it in all_told if it.node in truth and it.state in truth[it.node]}
    by = [it.origin for it in last.values()]
    after = max(it.when for it in last.values()) - whole
    TABLE.append(
        f"{case.name:36} {len(truth):6} {len({node for node, _state in last}):5} {by.count('trigger'):8}"
        f" {by.count('snapshot'):9} {after:14.0f} s"
    )
