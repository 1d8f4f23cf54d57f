"""The administrator of the site: the user ops on the machine admin, and what the tests look at on other machines."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from authority import Authority

HERE = Path(__file__).parent
SITE = HERE / "site"
LISTENER = "https://198.51.100.31:32000"
UNIT = "hpc-slurm-rulebook"
STATE = f"/var/lib/{UNIT}"
NAMES = ("IP:198.51.100.31", "DNS:eda.example.org")
# Seconds to wait for anything: a node that does not respond is down after ten, a trigger fires within sixteen.
LIMIT = 240


def run(machine: str, *command: str, user: str = "root", stdin: str | None = None, status: int | None = 0) -> str:
    """Run a command on a machine, which must end with this status unless it is None, and return its output."""
    done = subprocess.run(
        [SITE, "exec", "--user", user, machine, "--", *command],
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert status is None or done.returncode == status, f"{machine}: {command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def power(verb: str, machine: str) -> None:
    """Supply a machine with power (on), shut it down (off), restart it (reboot) or let its power fail (kill)."""
    subprocess.run([SITE, verb, machine], check=True)


def write(machine: str, path: str, content: str, mode: str = "0644", owner: str = "root") -> None:
    """Write a file on a machine."""
    script = f'mkdir -p "$(dirname {path})" && cat >{path} && chmod {mode} {path} && chown {owner} {path}'
    run(machine, "sh", "-euc", script, stdin=content)


def wait_until(what: str, came: Callable[[], Any], limit: float = LIMIT) -> Any:
    """Wait until a condition holds, and return what it returns."""
    deadline = time.monotonic() + limit
    while not (found := came()):
        assert time.monotonic() < deadline, f"waited {limit} s for {what}"
        time.sleep(1)
    return found


class Administrator:
    """What ops does on admin."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)

    def shell(self, script: str, status: int | None = 0, stdin: str | None = None) -> str:
        path = 'export PATH="$HOME/ansible/bin:$PATH" ANSIBLE_NOCOLOR=1; cd; '
        return run("admin", "bash", "-c", path + script, user="ops", status=status, stdin=stdin)

    def install(self) -> None:
        """Install Ansible and the collection as README.md says, and have certificates made."""
        self.shell("python3 -m venv ansible && ansible/bin/pip install --quiet ansible-core")
        self.shell("cd hpc.slurm && ansible-galaxy collection build --output-path ~")
        self.shell("ansible-galaxy collection install hpc-slurm-*.tar.gz")
        self.shell("cat >inventory.yml", stdin=(HERE / "inventory.yml").read_text(encoding="utf-8"))
        write("admin", "/etc/hpc-slurm/ca.pem", self.authority.certificate.read_text(encoding="ascii"))
        self.put_certificate(*NAMES)
        write("admin", "/etc/hpc-slurm/repair.yml", (HERE / "repair.yml").read_text(encoding="utf-8"))

    def start_service(self) -> None:
        """Have the service run, as test_1_first_steps.py does it step by step."""
        if not status():
            self.play("pyslurm", pyslurm_source=self.shell("ls /srv/wheels/pyslurm-*.whl").strip())
            self.play("access")
            self.play("listener")

    def put_certificate(self, *names: str) -> None:
        write("admin", "/etc/hpc-slurm/listener.pem", self.authority.issue(*names), "0600", "ops")

    def play(self, playbook: str, *options: str, status: int | None = 0, **variables: Any) -> str:
        """Run a playbook, and return its output."""
        words = ["ansible-playbook", "-i", "inventory.yml", f"hpc.slurm.{playbook}", *options]
        if variables:
            values = {f"hpc_slurm_{name}": value for name, value in variables.items()}
            words += ["--extra-vars", f"'{json.dumps(values)}'"]
        return self.shell(" ".join(words), status=status)


def nodes() -> dict[str, tuple[str, str]]:
    """Return state and reason of each node, as sinfo has them; {} while slurmctld does not respond."""
    shown = run("ctl", "sinfo", "--noheader", "--Node", "--format=%N %T %E", status=None)
    rows = [line.split(maxsplit=2) for line in shown.splitlines()]
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3 and row[0].startswith("node")}


def wait_for_nodes(state: str = "idle", *names: str) -> None:
    names = names or ("node1", "node2")
    wait_until(f"{names} to be {state}", lambda: {nodes().get(name, ("", ""))[0] for name in names} == {state})


def status() -> dict[str, Any]:
    """Return the listener's /status, or {} while it does not answer."""
    script = (
        f'printf \'header = "Authorization: Bearer %s"\\n\' "$(head -1 /etc/{UNIT}/token)" '
        f"| curl --silent --config - --cacert /etc/hpc-slurm/ca.pem {LISTENER}/status"
    )
    with contextlib.suppress(ValueError):
        answer: dict[str, Any] = json.loads(run("eda", "sh", "-c", script, status=None))
        return answer
    return {}


def unit(name: str) -> str:
    """Return a property of the service."""
    return run("eda", "systemctl", "show", f"--property={name}", "--value", UNIT).strip()


def decisions(since: float) -> list[dict[str, str]]:
    """Return what reactions did with nodes after a time, as the status page shows it."""
    entries = [entry for entry in status().get("entries", []) if entry["received"] > since]
    return [group for entry in entries for group in entry["reactions"]]


@contextlib.contextmanager
def held(node: str) -> Iterator[None]:
    """Let a repair of a node wait for the end of the context."""
    run(node, "touch", "/run/hpc-slurm-hold")
    try:
        yield
    finally:
        run(node, "rm", "--force", "/run/hpc-slurm-hold")


def fail(node: str) -> None:
    run(node, "sh", "-c", "rm -f /run/hpc-slurm-repaired; pkill -9 slurmd; systemctl stop slurmd")


def begun(node: str) -> None:
    """Wait until the repair of a node has begun."""
    script = "test -e /run/hpc-slurm-repaired && echo begun || :"
    wait_until(f"the repair of {node}", lambda: "begun" in run(node, "sh", "-c", script))


def reset_flaps() -> None:
    """A node that fails for the fourth time within an hour is not repaired: forget that it did."""
    run("eda", "systemctl", "stop", UNIT)
    statement = "UPDATE ledger SET left_service = '[]'"
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
    run("eda", "python3", "-c", script, f"{STATE}/listener/listener.sqlite3", statement)
    run("eda", "systemctl", "start", UNIT)
    wait_until("the service", status)
