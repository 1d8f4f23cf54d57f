# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks, run by an ordinary user with the rights that sudo gives. Runs inside the lab."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from story import BREAKER, CHECKOUT, CURL_CONFIG, armed, node, wait_until
from test_reactions import resume, scontrol

pytestmark = pytest.mark.playbooks

ONLY_SLURM = "alice ALL=(slurm) NOPASSWD: ALL"
EVERYBODY = "alice ALL=(ALL) NOPASSWD: ALL"
FOLDER = CURL_CONFIG.parent
RULE = Path("/etc/sudoers.d/hpc-slurm-test")
HOMES = {"alice": "/home/alice", "slurm": "/var/lib/slurm", "root": "/root"}
NAME, DRAINED, DOWN, MAINTAINED = "hpc-slurm-rights", "big00401", "big00402", "node6"
REFUSED = "alice may not become slurm on controller"


class Listener:
    """What takes the notifications, snapshots and records of playbooks, and keeps their paths and contents."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []
        posted = self.posted

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                posted.append((self.path.rpartition("/")[2], json.loads(content)))
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Nothing on stderr."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [content for path, content in self.posted if path == kind]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Site:
    """An inventory as in the README, and the playbooks with it.

    :param directory: that every user can read, and alice can write.
    """

    def __init__(self, directory: Path, listener: Listener) -> None:
        self.directory, self.listener = directory, listener
        self.report = directory / "report.json"
        self.program = "ansible-playbook"
        (directory / "tasks.yml").write_text("[]", encoding="ascii")
        self.write_inventory()

    def write_inventory(self, **variables: object) -> None:
        """Write it, with variables for all hosts."""
        content = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
        content["all"]["vars"] |= variables
        repair = {"hpc_slurm_repair_tasks": str(self.directory / "tasks.yml")}
        content["all"]["children"]["slurm_nodes"] = {"hosts": {DOWN: repair, MAINTAINED: None}}
        (self.directory / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def play(self, playbook: str, *options: str, user: str = "alice", status: int = 0, **given: Any) -> str:
        """Run a playbook as a user, and return its output."""
        command = [self.program, f"hpc.slurm.{playbook}", "--inventory", str(self.directory / "inventory.yml")]
        command += ["--extra-vars", json.dumps(given), *options]
        login = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        login += ["env", f"HOME={HOMES[user]}", f"USER={user}", f"LOGNAME={user}"]
        done = subprocess.run([*login, *command], capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def event(self, **more: object) -> dict[str, Any]:
        event = {
            "listener": {"url": self.listener.url, "id": "rights"},
            "meta": {"uuid": "0b9f2c64-5d0a-4c51-9a39-6f0a3f1c8e11"},
            "first": False,
            **more,
        }
        return {"ansible_eda": {"event": event}}

    def sync(self, **more: Any) -> None:
        self.play("sync", **self.event(), **more)
        assert armed()
        assert self.listener.of_kind("snapshot")
        assert (CURL_CONFIG.owner(), oct(CURL_CONFIG.stat().st_mode & 0o777)) == ("slurm", "0o600")

    def handle_a_failure(self, **more: Any) -> None:
        """Have node_down drain, repair and resume a node."""
        scontrol("update", f"nodename={DOWN}", "state=down", "reason=Node unexpectedly rebooted", user="slurm")
        self.play("node_down", **self.event(nodes=[DOWN]), **more)
        [record] = self.listener.of_kind("record")
        assert [(it["nodes"], it["decision"]) for it in record["groups"]] == [(DOWN, "resumed")]
        assert node(DOWN)[1] == ""
        assert BREAKER.owner() == "slurm"

    def maintain(self, **more: Any) -> None:
        given: dict[str, Any] = {
            "maintenance": NAME,
            "nodes": [MAINTAINED],
            "maintenance_tasks": str(self.directory / "tasks.yml"),
        }
        given |= {"max_unavailable": "8", "report_file": str(self.report)}
        self.play("maintenance", **{f"hpc_slurm_{name}": value for name, value in given.items()}, **more)
        assert json.loads(self.report.read_text(encoding="utf-8"))["nodes"][MAINTAINED]["outcome"] == "done"
        assert self.report.owner() == "alice"
        assert {path.owner() for path in FOLDER.iterdir()} == {"slurm"}

    def disarm(self) -> None:
        self.play("disarm")
        assert not armed() and not CURL_CONFIG.exists()


def remove_folder() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)


def make_folder() -> None:
    """As root makes it for an account that may only become SlurmUser."""
    remove_folder()
    FOLDER.mkdir(mode=0o755)
    shutil.chown(FOLDER, "slurm")


def allow(rule: str) -> None:
    RULE.write_text(f"{rule}\n", encoding="ascii")


@pytest.fixture
def site() -> Iterator[Site]:
    listener = Listener()
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        shutil.chown(directory, "alice")
        yield Site(Path(directory), listener)
    listener.stop()
    RULE.unlink(missing_ok=True)
    if armed():
        subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, capture_output=True)
    remove_folder()
    resume([DRAINED, DOWN, MAINTAINED])
    wait_until("all nodes in service", 60, lambda: node(MAINTAINED)[0] == {"IDLE"})


def reserved_nodes() -> str:
    shown = subprocess.run(["scontrol", "show", "reservation", NAME], capture_output=True, text=True, check=False)
    return shown.stdout.partition("Nodes=")[2].partition(" ")[0]


def test_who_may_only_become_slurm_user(site: Site) -> None:
    allow(ONLY_SLURM)
    make_folder()
    drain: dict[str, Any] = {"hpc_slurm_nodes": [DRAINED], "hpc_slurm_reason": "ticket 7"}
    site.play("drain", **drain)
    assert node(DRAINED)[1] == "ticket 7"
    site.play("resume", hpc_slurm_nodes=[DRAINED], hpc_slurm_only_reason="ticket 7")
    assert node(DRAINED)[1] == ""
    site.play("reserve", hpc_slurm_nodes=[DRAINED], hpc_slurm_reservation=NAME)
    assert reserved_nodes() == DRAINED
    site.play("unreserve", hpc_slurm_reservation=NAME)
    assert reserved_nodes() == ""
    site.sync()
    site.handle_a_failure()
    site.play("reset")
    assert json.loads(BREAKER.read_text(encoding="ascii"))["fell"] == []
    site.play("node_drained", **site.event(nodes=[DOWN]))
    # With Slurm's reboot, as SlurmUser as well.
    site.maintain(hpc_slurm_reboot="slurm")
    site.disarm()


def test_who_may_become_everybody(site: Site) -> None:
    """The folder on the controller is missing: this once it is made by root."""
    allow(EVERYBODY)
    remove_folder()
    site.sync()
    assert (FOLDER.owner(), oct(FOLDER.stat().st_mode & 0o777)) == ("slurm", "0o755")
    site.play("reboot", "--check", hpc_slurm_nodes=[MAINTAINED], hpc_slurm_reason="new kernel")
    site.disarm()


def test_an_inventory_that_has_every_task_become_root(site: Site) -> None:
    """Tasks of the machine that runs the playbook become nobody, and those of the controller SlurmUser."""
    # The other tests run the newest release.
    site.program = "/opt/lab/oldest/bin/ansible-playbook"
    allow(EVERYBODY)
    make_folder()
    site.write_inventory(ansible_become=True, ansible_become_user="root")
    site.sync()
    site.handle_a_failure()
    site.maintain()
    site.disarm()


def test_who_may_become_nobody_is_refused(site: Site) -> None:
    make_folder()
    drain: dict[str, Any] = {"hpc_slurm_nodes": [DRAINED], "hpc_slurm_reason": "ticket 7"}
    for options in ((), ("--check",)):
        said = site.play("drain", *options, status=2, **drain)
        assert f"{REFUSED}, which hpc.slurm.drain needs: sudo: a password is required" in said
        assert f"Add this rule to /etc/sudoers.d there: {ONLY_SLURM}" in said
    assert REFUSED in site.play("sync", "--check", status=2, **site.event())
    scontrol("update", f"nodename={DOWN}", "state=down", "reason=Node unexpectedly rebooted", user="slurm")
    site.play("node_down", status=2, **site.event(nodes=[DOWN]))
    [record] = site.listener.of_kind("record")
    assert REFUSED in record["groups"][0]["why"]
    # Neither SlurmUser nor an operator.
    said = site.play("drain", "--check", status=2, hpc_slurm_become=False, **drain)
    assert "alice on controller may not change what hpc.slurm.drain changes: only SlurmUser (slurm), root" in said
    assert node(DRAINED)[1] == "" and "DRAIN" not in node(DOWN)[0]
    assert list(FOLDER.iterdir()) == [] and armed() == []


def test_a_login_that_is_slurm_user_needs_no_sudo(site: Site) -> None:
    site.write_inventory(ansible_become_exe="/nowhere/sudo")
    drain: dict[str, Any] = {"hpc_slurm_nodes": [DRAINED], "hpc_slurm_reason": "ticket 7"}
    said = site.play("drain", user="root", status=2, **drain)
    assert "root may not become slurm on controller" in said and "Install sudo there" in said
    site.play("drain", user="slurm", **drain)
    assert node(DRAINED)[1] == "ticket 7"
