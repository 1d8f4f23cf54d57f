"""The collection end to end, inside the lab: a compute daemon is killed, and a playbook resumes the node.

All parts are real: ansible-rulebook with the collection's rulebook, slurmctld's trigger, curl, the listener, the
playbook. `make demo` prints the steps, test_story.py asserts on them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

import trustme
import yaml
from watchdog.events import FileOpenedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

CHECKOUT = Path(__file__).resolve().parents[2]
LOGS = Path("/var/log/lab")
# That of node_down.
BREAKER = Path("/var/lib/hpc-slurm/breaker.json")
RULEBOOK_LOG = LOGS / "rulebook.log"
RESULT = LOGS / "result"
NODE = "node3"
CURL_CONFIG = Path("/var/lib/hpc-slurm/listener.conf")
EVENTS = {"down", "drained", "fail", "resume", "up", "primary_slurmctld_resumed_operation"}
TOKEN = "demo-token-of-the-lab-0123456789"


class Step(NamedTuple):
    """A step: its label, the text to print, the most seconds to wait, and a function that returns when it happened."""

    label: str
    text: str
    limit: float
    happened: Callable[[], Optional[float]]


class MissingError(Exception):
    """A step that did not happen."""


class Rulebook:
    """The ansible-rulebook process, and its output with the time of each line.

    :param more: arguments of ansible-rulebook.
    :param settings: variables of the rulebook, without their prefix.
    """

    def __init__(
        self, directory: Path, rulebook: str = "hpc.slurm.node_events", *more: str, **settings: object
    ) -> None:
        self.lines: list[tuple[float, str]] = []
        self.port = free_port()
        if not (directory / "inventory.yml").exists():
            inventory(directory)
        command = ["ansible-rulebook", "--rulebook", rulebook, "--verbose", *more]
        command += ["--inventory", str(directory / "inventory.yml")]
        command += ["--vars", str(variables(directory, self.port, **settings)), "--persistence-id", "lab"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=directory,
            # Without -Xrs, Java in the same process handles SIGTERM and ends it at once.
            env={**os.environ, "JAVA_TOOL_OPTIONS": "-Xrs"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with open(RULEBOOK_LOG, "w", encoding="utf-8") as log:
            for line in self._process.stdout:
                self.lines.append((time.time(), line.rstrip()))
                log.write(line)
                log.flush()

    def decisions(self, name: str, **facts: object) -> list[tuple[float, dict[str, Any]]]:
        """Return the decisions in the listener's log with these values, with their times."""
        found = []
        for when, line in list(self.lines):
            if line.startswith('{"time"'):
                decision = json.loads(line)
                if decision["decision"] == name and facts.items() <= decision.items():
                    found.append((when, decision))
        return found

    def find(self, pattern: str) -> Optional[tuple[float, re.Match[str]]]:
        """Return the first line with a match of a regular expression, with its time."""
        for when, line in list(self.lines):
            if match := re.search(pattern, line):
                return when, match
        return None

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        """End it with SIGTERM, and return its exit status."""
        status = terminate(self._process)
        self._reader.join(timeout=10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status


def terminate(process: subprocess.Popen[Any]) -> int:
    """End an ansible-rulebook with SIGTERM, and return its exit status.

    ansible-rulebook logs and ignores a SIGTERM that arrives while the engine processes an event.
    """
    for _attempt in range(3):
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=30)
    raise MissingError("ansible-rulebook did not end within 90 s and three SIGTERM")


class CurlStarts(FileSystemEventHandler):
    """The times at which a trigger started curl, which first opens its configuration."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._observer = Observer()
        # The first sync makes it SlurmUser's.
        CURL_CONFIG.parent.mkdir(exist_ok=True)
        self._observer.schedule(self, str(CURL_CONFIG.parent))
        self._observer.start()

    def on_opened(self, event: FileSystemEvent) -> None:
        if isinstance(event, FileOpenedEvent) and event.src_path == str(CURL_CONFIG):
            self.times.append(time.time())

    def stop(self) -> None:
        self._observer.stop()
        self._observer.join()


class Story:
    """Runs the steps and reports each.

    :param tell: is called with a line of text for each step.
    """

    def __init__(self, directory: Path, tell: Callable[[str], None] = print) -> None:
        self._tell = tell
        self.directory = directory
        self.rulebook = Rulebook(directory)
        self._curl = CurlStarts()
        self.failed_at = 0.0
        self.times: list[tuple[str, float]] = []

    def run(self) -> float:
        """Run the steps and return the seconds from the failure until the node is in service.

        :raises MissingError: with the step that did not happen.
        """
        self._wait(Step("triggers set", "the listener is up and the triggers are set", 240, self._armed))
        self.failed_at = kill_slurmd(NODE)
        self.times = [("failure", self.failed_at)]
        self._say(self.failed_at, f"the slurmd of {NODE} is killed with SIGKILL")
        for step in self._steps():
            self.times.append((step.label, self._wait(step)))
        return self.times[-1][1] - self.failed_at

    def stop(self) -> int:
        """End all processes, and return the exit status of ansible-rulebook."""
        self._curl.stop()
        return self.rulebook.stop()

    def _steps(self) -> list[Step]:
        return [
            Step("DOWN in Slurm", f"{NODE} does not respond, slurmctld sets it DOWN", 90, self._down),
            Step("trigger fired", "the trigger fires and runs curl", 60, self._fired),
            Step("notification stored", "the listener stores the notification and answers curl", 30, self._stored),
            Step("playbook started", "the rule matches, hpc.slurm.node_down starts", 30, self._started),
            Step("drained", f"{NODE} is drained, its reason has the event's uuid", 60, self._drained),
            Step("back in service", f"{NODE} is repaired, responds and is resumed", 120, self._back),
        ]

    def _wait(self, step: Step) -> float:
        deadline = time.monotonic() + step.limit
        while (when := step.happened()) is None:
            if not self.rulebook.running():
                raise MissingError(f"{step.label}: ansible-rulebook ended before")
            if time.monotonic() > deadline:
                raise MissingError(f"{step.label}: waited {step.limit:.0f} s")
            time.sleep(0.1)
        self._say(when, step.text)
        return when

    def _say(self, when: float, text: str) -> None:
        since = f"+{when - self.failed_at:5.1f} s" if self.failed_at else "         "
        self._tell(f"{time.strftime('%H:%M:%S', time.localtime(when))}  {since:9}  {text}")

    # The conditions of the steps: each returns when it happened, or None.

    def _armed(self) -> Optional[float]:
        ready = self.rulebook.find("PLAY RECAP") and set(armed()) >= EVENTS
        return time.time() if ready else None

    def _down(self) -> Optional[float]:
        return logged_by_slurmctld(rf"[Nn]odes? {NODE} not responding, setting DOWN", self.failed_at)

    def _fired(self) -> Optional[float]:
        # Not the trigger of the controller's start, whose first pass may come after the failure.
        down = self._down()
        return next((when for when in self._curl.times if down and when > down), None)

    def _stored(self) -> Optional[float]:
        found = self._notification()
        return found[0] if found else None

    def _notification(self) -> Optional[tuple[float, dict[str, Any]]]:
        found = self.rulebook.decisions("notification stored", trigger="node down", hostlist=NODE)
        return found[0] if found else None

    def _started(self) -> Optional[float]:
        found = self.rulebook.find(r"^PLAY \[Drain nodes that went down\]")
        return found[0] if found else None

    def _drained(self) -> Optional[float]:
        state, reason = node(NODE)
        return time.time() if "DRAIN" in state and reason == self.reason() else None

    def _back(self) -> Optional[float]:
        return time.time() if node(NODE)[0] == {"IDLE"} else None

    def reason(self) -> str:
        """Return the reason that the playbook must set: it has the uuid of the node's event."""
        stored = self._notification()
        assert stored is not None
        return f"hpc.slurm.node_down {uuid.uuid5(uuid.UUID(stored[1]['id']), f'node_state down {NODE}')}"

    def table(self) -> str:
        rows = [f"  {label:20}  {clock(when)}  {when - self.failed_at:6.1f} s" for label, when in self.times]
        return "\n".join([f"  {'step':20}  {'clock':12}  since failure", *rows])


def clock(when: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(when)) + f".{int(when % 1 * 1000):03}"


def wait_until(what: str | Callable[[], str], limit: float, came: Callable[[], object], pause: float = 0.2) -> None:
    """Wait for a condition.

    :param what: what is waited for, for the message.
    :raises MissingError: after so many seconds.
    """
    deadline = time.monotonic() + limit
    while not came():
        if time.monotonic() > deadline:
            raise MissingError(f"waited {limit:g} s for {what() if callable(what) else what}")
        time.sleep(pause)


def run_command(*command: str, status: int = 0) -> str:
    """Run a command, which must end with this status, and return its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The last one by another name than in Slurm, as where hosts have names of DNS.
HOSTS = [*(f"node{number}" for number in range(1, 8)), "node8.cluster.local"]


def inventory(directory: Path, hosts: Sequence[str] = HOSTS, of_lab: str = "inventory.yml") -> None:
    """Write an inventory of the lab with repair tasks."""
    content = yaml.safe_load((CHECKOUT / "tests/lab" / of_lab).read_text(encoding="utf-8"))
    # For these alone: a node that the inventory does not have is not repaired.
    repair = {"hpc_slurm_repair_tasks": str(CHECKOUT / "tests/eda/repair.yml")}
    content["all"]["children"]["slurm_nodes"] = {"hosts": dict.fromkeys(hosts), "vars": repair}
    (directory / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")


def variables(directory: Path, port: int, **settings: object) -> Path:
    """Write the rulebook's variables, and the files that they name: the token, a certificate and its authority."""
    token_file = directory / "token"
    token_file.write_text(TOKEN, encoding="ascii")
    token_file.chmod(0o600)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "192.0.2.2", "rulebook.lab")
    certificate.private_key_and_cert_chain_pem.write_to_path(directory / "listener.pem")
    path = directory / "vars.yml"
    files = {"token_file": token_file, "ca_file": directory / "ca.pem", "certfile": directory / "listener.pem"}
    values = {**files, "state_dir": directory / "state", "port": port, "cluster": "lab"}
    given = {name: str(value) if isinstance(value, Path) else value for name, value in {**values, **settings}.items()}
    ours = {f"hpc_slurm_{name}": value for name, value in given.items()}
    store = f"{directory / 'engine'};WRITE_DELAY=0;TRACE_LEVEL_FILE=0"
    path.write_text(yaml.safe_dump({**ours, "drools_db_file_path": store}))
    return path


def kill_slurmd(name: str) -> float:
    """Kill a compute daemon with SIGKILL and return when."""
    os.kill(int(Path(f"/run/slurm/slurmd-{name}.pid").read_text(encoding="ascii")), signal.SIGKILL)
    return time.time()


def node(name: str) -> tuple[set[str], str]:
    """Return a node's state flags and its reason, as scontrol shows them."""
    shown = subprocess.run(["scontrol", "show", "node", name], capture_output=True, text=True, check=True).stdout
    state = re.search(r"State=(\S+)", shown)
    reason = re.search(r"Reason=(.*) \[", shown)
    assert state is not None
    return set(state[1].split("+")), reason[1] if reason else ""


@contextlib.contextmanager
def synced(rulebook: Rulebook, limit: float, kinds: Collection[str] = ()) -> Iterator[Rulebook]:
    """Wait until a rulebook has synced, stop it in the end, and remove its triggers.

    :param kinds: event kinds for which there must be triggers.
    """
    try:
        wait_until(
            "a first sync",
            limit,
            lambda: rulebook.decisions("snapshot compared") and armed() and set(armed()) >= set(kinds),
        )
        yield rulebook
    finally:
        rulebook.stop()
        subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, capture_output=True)


def armed() -> list[str]:
    """Return the event kinds of the triggers that call a listener."""
    shown = subprocess.run(["strigger", "--get", "--noheader"], capture_output=True, text=True, check=True).stdout
    return [line.split()[3] for line in shown.splitlines() if f"--config {CURL_CONFIG} " in line]


def logged_by_slurmctld(pattern: str, since: float) -> Optional[float]:
    """Return the time of the first line of slurmctld's log after `since` that matches, or None."""
    for line in (LOGS / "slurmctld.log").read_text(encoding="utf-8", errors="replace").splitlines():
        stamp, _bracket, text = line.partition("] ")
        if re.search(pattern, text):
            seconds, _dot, fraction = stamp.lstrip("[").partition(".")
            when = time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
            if when >= since:
                return when
    return None


def main() -> int:
    print("A node of a real Slurm fails, and a playbook repairs it. Starting ansible-rulebook ...", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        story = Story(Path(directory), tell=lambda line: print(line, flush=True))
        try:
            seconds = story.run()
            print(f"\n{story.table()}\n", flush=True)
            result = f"demo: ok, back in service after {seconds:.0f} s"
        except MissingError as missing:
            result = f"demo: failed: {missing}"
        finally:
            story.stop()
    RESULT.write_text(result + "\n", encoding="utf-8")
    return 0 if result.startswith("demo: ok") else 1


if __name__ == "__main__":
    sys.exit(main())
