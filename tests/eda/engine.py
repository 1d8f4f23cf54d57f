"""An engine for tests: ansible-rulebook with reactions.yml, life after life, and senders as slurmctld starts them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple, Optional

import yaml
from story import CHECKOUT, CURL_CONFIG, free_port, terminate, variables, wait_until

NODES = [f"big{number:05}" for number in range(1, 1001)]
LAST = "big10000"
REACTION = re.compile(r"REACTION (big\d{5})\b")


class Life(NamedTuple):
    """What a life of the engine did: its reactions, and what its store held when it died."""

    reactions: list[str]
    unfinished: set[str]


class Engine:
    """ansible-rulebook with persistence, one life after the other.

    :param store: the variables of another store than H2.
    """

    def __init__(self, directory: Path, store: Optional[dict[str, Any]] = None) -> None:
        self.directory = directory
        self.port = free_port()
        self.lives: list[Life] = []
        self._vars = variables(directory, self.port)
        given = {**yaml.safe_load(self._vars.read_text(encoding="utf-8")), **(store or {})}
        given["playbook"] = str(CHECKOUT / "tests/eda/reaction.yml")
        self._vars.write_text(yaml.safe_dump(given), encoding="utf-8")
        self.store = Path(f"{given['drools_db_file_path'].partition(';')[0]}.mv.db")
        hosts: dict[str, None] = dict.fromkeys([*NODES, LAST])
        inventory = {"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}
        (directory / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        self._process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        command = ["ansible-rulebook", "--rulebook", str(CHECKOUT / "tests/eda/reactions.yml")]
        command += ["--inventory", str(self.directory / "inventory.yml"), "--vars", str(self._vars)]
        command += ["--persistence-id", "kills"]
        environment = {**os.environ, "JAVA_TOOL_OPTIONS": "-Xrs"}
        with open(self._output(), "wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=self.directory, env=environment
            )

    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End this life with SIGKILL."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> None:
        assert self._process is not None and self._process.poll() is None, f"it ended by itself: {self._output()}"
        if how == signal.SIGTERM:
            terminate(self._process)
        else:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
        self._process = None
        self.lives.append(Life(self.reactions(), self._unfinished()))

    def remove(self) -> None:
        """End a life that still goes on, and take the triggers back."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, stdout=subprocess.DEVNULL)

    def reactions(self) -> list[str]:
        """Return the reactions of this life, in order."""
        return REACTION.findall(self._output().read_text(encoding="utf-8", errors="replace"))

    def lines(self, word: str) -> list[str]:
        """Return what all lives have said with a word in it, for whoever looks for the cause of a failure."""
        outputs = sorted(self.directory.glob("life-*.log"), key=lambda path: int(path.stem.rpartition("-")[2]))
        found = ((path, path.read_text(encoding="utf-8", errors="replace").splitlines()) for path in outputs)
        return [f"{path.stem}: {line[:400]}" for path, lines in found for line in lines if word in line]

    def _unfinished(self) -> set[str]:
        """Return the nodes whose reactions the store holds; from a copy, since the next life gets it as it is."""
        if not self.store.exists():
            return set()
        copy = self.directory / "copy.mv.db"
        shutil.copyfile(self.store, copy)
        jar = next(Path("/opt/lab/lib").glob("python3*/site-packages/drools/jars/*.jar"))
        shell = [
            "java",
            "-cp",
            str(jar),
            "org.h2.tools.Shell",
            "-user",
            "sa",
            "-url",
            f"jdbc:h2:{self.directory / 'copy'}",
        ]
        query = ["-sql", "SELECT event_data FROM drools_ansible_matching_event"]
        result = subprocess.run([*shell, *query], capture_output=True, text=True, check=False)
        # Killed before it made its tables, it holds nothing.
        assert result.returncode == 0 or "not found" in result.stderr, result.stdout + result.stderr
        nodes = re.findall(r'"node": ?"big\d{5}"|"nodes": ?\[[^]]*\]', result.stdout)
        return {name for text in nodes for name in re.findall(r"big\d{5}", text)}

    def _output(self) -> Path:
        return self.directory / f"life-{len(self.lives)}.log"


class Senders:
    """Notifications, each sent as slurmctld would by a curl of its own."""

    def __init__(self, program: list[str]) -> None:
        self._program = program
        self._running: list[subprocess.Popen[bytes]] = []
        self.sent = 0

    def send(self, nodes: list[str]) -> None:
        # slurmctld starts programs with these closed; the lists are few, and the last argument as it gives it.
        null = subprocess.DEVNULL
        command = [*self._program, ",".join(nodes)]
        self._running.append(subprocess.Popen(command, user="slurm", stdin=null, stdout=null, stderr=null))
        self.sent += 1

    def wait(self) -> None:
        """Wait until every notification has been answered; curl gives up after four minutes."""
        statuses = [process.wait(timeout=300) for process in self._running]
        assert not any(statuses), f"curl gave up: {statuses}"


def program_of_triggers(engine: Engine) -> list[str]:
    """Set the triggers as an administrator would, and return the program of the one for nodes that go down."""
    wait_until("the listener", 60, (engine.directory / "state" / "id").exists)
    identity = (engine.directory / "state" / "id").read_text(encoding="ascii").strip()
    values = {"listener_url": f"https://127.0.0.1:{engine.port}", "listener_id": identity}
    values |= {"token_file": str(engine.directory / "token"), "ca_file": str(engine.directory / "ca.pem")}
    words = [word for name, value in values.items() for word in ("-e", f"hpc_slurm_{name}={value}")]
    result = subprocess.run(["ansible-playbook", "hpc.slurm.sync", *words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    shown = subprocess.run(["strigger", "--get", "--noheader"], capture_output=True, text=True, check=True).stdout
    [program] = [line[line.index("/usr/bin/curl") :].split() for line in shown.splitlines() if "/node/down" in line]
    assert str(CURL_CONFIG) in program
    return program
