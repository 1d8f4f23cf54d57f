"""The listener alone in a real ansible-rulebook, with one rule that prints what it sees. For tests inside the lab."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import jinja2
import yaml
from story import CHECKOUT, MissingError, free_port, terminate, wait_until

TOKEN = "token-of-these-tests-0123456789"
ID = "listener-of-these-tests"
# Seconds for what takes a moment: Java alone takes four to start.
LIMIT = 60

RULES = """
- name: Listening
  hosts: all
  sources:
    - hpc.slurm.trigger_listener: {arguments}
  rules:
    - name: See it
      condition: event.type is defined
      action:
        debug:
          msg: "SEEN {{{{ event.type }}}} {{{{ event.state | default('-') }}}} {{{{ event.hostlist
            | default(event.node, true) | default('-', true) }}}}"
"""


class Listening:
    """A running ansible-rulebook.

    :param arguments: of the event source.
    """

    def __init__(self, directory: Path, **arguments: Any) -> None:
        self.directory, self.port = directory, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.address = f"{self.url}/{ID}/node/down"
        given = {"port": self.port, "id": ID, "token": TOKEN, "state_dir": str(directory / "state"), "sync_interval": 0}
        given |= {"granularity": "node"}
        text = RULES.format(arguments={**given, **arguments})
        (directory / "rulebook.yml").write_text(text, encoding="utf-8")
        (directory / "inventory.yml").write_text("all: {hosts: {localhost: }}\n", encoding="ascii")
        self.curl_config = directory / "curl.conf"
        self.curl_config.write_text(curl_config(), encoding="utf-8")
        self.log = directory / "log"
        command = ["ansible-rulebook", "--rulebook", "rulebook.yml", "--inventory", "inventory.yml"]
        environment = {**os.environ, "JAVA_TOOL_OPTIONS": "-Xrs"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=directory, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        self.wait("the first events", lambda: {"listener_up", "sync_due"} <= {seen[0] for seen in self.seen()})

    def wait(self, what: str, came: Any, limit: float = LIMIT) -> None:
        def ended_or_came() -> bool:
            if self.process.poll() is not None:
                raise MissingError(f"ansible-rulebook ended before {what}: {self.log.read_text()[-3000:]}")
            return bool(came())

        wait_until(what, limit, ended_or_came)

    def seen(self) -> list[tuple[str, str, str]]:
        """Return the type, state and nodes of each event that the rule has seen."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return re.findall(r"^SEEN (\S+) (\S+) (\S+)$", text, re.MULTILINE)

    def nodes(self) -> list[str]:
        """Return the nodes, or hostlists, of what the rule has seen of nodes."""
        return [nodes for type_, _state, nodes in self.seen() if type_ == "node_state"]

    def curl(self, hostlist: str) -> list[str]:
        """Return the command with which slurmctld's trigger sends a notification, and which tells how it went."""
        told = ["--output", "/dev/null", "--write-out", "%{http_code} %{time_total}\n"]
        return ["/usr/bin/curl", "--config", str(self.curl_config), *told, self.address, "--data-raw", hostlist]

    def send(self, hostlist: str) -> float:
        """Send a notification and return the seconds that curl took."""
        command = self.curl(hostlist)
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
        status, seconds = ended.stdout.split()
        assert status == "202"
        return float(seconds)

    def memory(self) -> int:
        """Return the resident memory of the process, in MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        [kib] = re.findall(r"^VmRSS:\s+(\d+) kB$", text, re.MULTILINE)
        return int(kib) // 1024

    def metrics(self) -> dict[str, float]:
        """Return what is counted, by name with labels, as Prometheus reads it."""
        command = ["/usr/bin/curl", "--config", str(self.curl_config), f"{self.url}/metrics"]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
        pairs = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _blank, value in pairs}

    def stop(self) -> int:
        """End it as an administrator would, and return its exit status."""
        try:
            return terminate(self.process)
        finally:
            self.process.kill()
            self.process.wait()


class Sender(threading.Thread):
    """Sends notifications of one node, with a curl for each, one after the other while the context lasts."""

    def __init__(self, listening: Listening, name: str) -> None:
        super().__init__()
        self._listening, self._name, self._ending = listening, name, threading.Event()
        # Seconds that each took, with all of curl's attempts.
        self.times: list[float] = []

    @property
    def nodes(self) -> list[str]:
        return [f"{self._name}{number}" for number in range(len(self.times))]

    def run(self) -> None:
        while not self._ending.wait(0.2):
            began = time.monotonic()
            self._listening.send(f"{self._name}{len(self.times)}")
            self.times.append(time.monotonic() - began)

    def __enter__(self) -> Sender:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self.join()


def curl_config() -> str:
    """Return curl's configuration as playbooks/sync.yml deploys it where there is no TLS."""
    (play,) = yaml.safe_load((CHECKOUT / "playbooks/sync.yml").read_text(encoding="utf-8"))
    (block,) = [task["block"] for task in play["tasks"] if "block" in task]
    files = [task["ansible.builtin.blockinfile"] for task in block if "ansible.builtin.blockinfile" in task]
    (content,) = [file["block"] for file in files if file["path"] == "{{ curl_config }}"]
    template = jinja2.Environment(autoescape=False, trim_blocks=True).from_string(content)  # noqa: S701 - no HTML
    text = template.render(token_file="given", tokens=[TOKEN], ca_file="", client_certfile="")
    assert "retry-all-errors" in text and TOKEN in text
    return str(text)
