"""The role listener: the rulebook as a service. Inside the lab, without systemd: a double runs the unit's command.

Its environment is the lab's own, /opt/lab, which has all that pip would install. The role adds the collection to it.
"""

from __future__ import annotations

import json
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import systemctl
import yaml
from postgres import Postgres
from story import CHECKOUT, EVENTS, armed, free_port, run_command

pytestmark = pytest.mark.playbooks

UNIT = systemctl.UNIT
OF_ANOTHER_CLUSTER = UNIT.with_name("hpc-slurm-rulebook-b.service")
USER = "hpc-slurm-test"
TOKEN = "chosen-by-the-site-0123456789"
# The lab's inventory has local connections: become needs sudo.
SUDOERS = Path("/etc/sudoers.d/hpc-slurm-test")


class Site:
    """The files of a site, in a folder of their own, and its play.

    :param given: variables for the group slurm_listener, without the prefix.
    """

    def __init__(self, directory: Path, **given: object) -> None:
        self.directory, self.port = directory, free_port()
        self.config, self.state = directory / "config", directory / "state"
        self.inventory = directory / "site" / "inventory.yml"
        self.inventory.parent.mkdir()
        role = {"home": "/opt/lab", "python": "/opt/lab/bin/python3", "config": str(self.config), "user": USER}
        role |= {"state": str(self.state), "persistence_id": directory.name}
        values = {**{f"listener_{name}": value for name, value in role.items()}, "cluster": "lab", "port": self.port}
        content = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
        variables = {f"hpc_slurm_{name}": value for name, value in {**values, **given}.items()}
        content["all"]["children"]["slurm_listener"] = {"hosts": {"controller": None}, "vars": variables}
        self.inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
        (self.inventory.parent / "group_vars").mkdir()
        (self.inventory.parent / "group_vars" / "all.yml").write_text("hpc_slurm_pause: false\n", encoding="ascii")

    def play(self, *options: str, status: int = 0) -> str:
        """Run the playbook, and return its output."""
        command = ["ansible-playbook", "hpc.slurm.listener", "--inventory", str(self.inventory), *options]
        return run_command(*command, status=status)


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """What the role adds to the lab's environment is installed once, and gone in the end."""
    yield
    for name in ("collection.tar", "made-of.json"):
        Path("/opt/lab", name).unlink(missing_ok=True)
    shutil.rmtree("/opt/lab/collections/ansible_collections/hpc", ignore_errors=True)


@pytest.fixture(autouse=True)
def user() -> Iterator[None]:
    """The user may use sudo, if the role makes it; neither it nor the unit is there afterwards."""
    SUDOERS.write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n", encoding="ascii")
    SUDOERS.chmod(0o440)
    yield
    SUDOERS.unlink()
    subprocess.run(["userdel", USER], check=False, capture_output=True)
    for unit in (UNIT, OF_ANOTHER_CLUSTER):
        unit.unlink(missing_ok=True)


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the service's user can enter."""
    made = tmp_path_factory.mktemp("listener-role")
    for parent in (made, *made.parents[:2]):
        parent.chmod(0o755)
    return made


@pytest.fixture
def systemd() -> Iterator[None]:
    """systemd seems to run: its folder is there, and the double is in the place of systemctl."""
    real, booted = Path("/usr/bin/systemctl"), Path("/run/systemd/system")
    real.rename("/usr/bin/systemctl.real")
    real.write_text(f'#!/bin/sh\nexec {sys.executable} {systemctl.__file__} "$@"\n', encoding="ascii")
    real.chmod(0o755)
    booted.mkdir(parents=True)
    yield
    systemctl.stop()
    booted.rmdir()
    real.unlink()
    Path("/usr/bin/systemctl.real").rename(real)
    shutil.rmtree(systemctl.STATE, ignore_errors=True)
    subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, stdout=subprocess.DEVNULL)


def calls() -> list[str]:
    """Return what systemctl was called for since the last time, without its questions."""
    words = systemctl.CALLS.read_text(encoding="ascii").split()
    systemctl.CALLS.unlink()
    return [word for word in words if word not in ("show", "is-enabled", "is-active")]


def test_one_play_to_a_healthy_listener(directory: Path, systemd: None) -> None:
    site = Site(directory)
    said = site.play()
    assert "The service has the access that it needs" in said
    assert f"The listener works at http://127.0.0.1:{site.port}: a sync has succeeded" in said
    assert set(armed()) >= EVENTS
    modes = {path.name: path.stat().st_mode & 0o777 for path in site.config.iterdir()}
    assert modes == {"token": 0o600, "vars.yml": 0o600, "inventory": 0o700}
    assert sorted(path.name for path in (site.config / "inventory").iterdir()) == ["group_vars", "inventory.yml"]
    given = yaml.safe_load((site.config / "vars.yml").read_text(encoding="utf-8"))
    assert given["hpc_slurm_cluster"] == "lab"
    assert given["drools_db_file_path"].endswith("/engine;WRITE_DELAY=0;TRACE_LEVEL_FILE=0")
    assert not [name for name in given if name.startswith("hpc_slurm_listener_")]
    assert calls() == ["daemon-reload", "start", "daemon-reload", "enable"]
    assert "changed=0 " in site.play()
    assert calls() == ["daemon-reload"]
    said = site.play("--extra-vars", "hpc_slurm_cluster=other", status=2)
    assert "its sync failed: controller: Check the cluster" in said and "not of other" in said
    assert calls() == ["daemon-reload", "restart", "daemon-reload"]


def test_a_listener_that_is_not_healthy_fails_the_play(directory: Path, systemd: None) -> None:
    site = Site(directory, listener_token="short", listener_health_timeout=15)
    said = site.play(status=2)
    assert f"Nothing answers at http://127.0.0.1:{site.port}" in said
    assert "hpc-slurm-rulebook.service was restarted 0 times" in said


def test_the_unit_is_valid_and_confined_and_a_token_is_kept(directory: Path) -> None:
    site = Site(directory, listener_token=TOKEN)
    assert "systemd does not run on controller: nothing was started" in site.play()
    assert run_command("systemd-analyze", "verify", str(UNIT)) == ""
    assert exposure() < 2
    # What needs more is told to: a playbook on the controller itself.
    others = {
        "hpc_slurm_listener_sandbox": False,
        "hpc_slurm_listener_name": OF_ANOTHER_CLUSTER.stem,
        "hpc_slurm_listener_token": "another-one-0123456789",
    }
    site.play("--extra-vars", json.dumps(others))
    assert exposure(OF_ANOTHER_CLUSTER) > 8
    # That of the first is as it was.
    assert exposure() < 2
    assert (site.config / "token").read_text(encoding="ascii") == f"{TOKEN}\n"


def exposure(unit: Path = UNIT) -> float:
    """Return what systemd thinks of the unit, from 0 (confined) to 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", shown)
    assert found is not None, shown
    return float(found[1])


def test_with_a_store_that_two_machines_share(directory: Path, systemd: None, postgres: Postgres) -> None:
    site = Site(directory, listener_store=postgres.variables(), id="of-two-machines-1")
    assert "The listener works at " in site.play()
    [command] = systemctl.settings("ExecStart")
    assert command.split()[1].endswith("/hpc/slurm/extensions/eda/standby.py")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"listener_inventory": ["/nowhere/hosts.yml"]}, "there is no /nowhere/hosts.yml"),
        ({"certfile": "/nowhere/listener.pem"}, "There is no file hpc_slurm_certfile: /nowhere/listener.pem"),
        ({"port": "many"}, "hpc_slurm_port"),
        ({"listener_users": "x"}, "did you mean hpc_slurm_listener_user"),
    ],
)
def test_what_is_refused(directory: Path, given: dict[str, Any], words: str) -> None:
    site = Site(directory, **given)
    assert words in site.play(status=2)
    assert not site.config.exists() and not UNIT.exists()


def test_two_machines_without_a_store_are_refused(directory: Path) -> None:
    site = Site(directory)
    said = site.play("--extra-vars", json.dumps({"hpc_slurm_listener_hosts": "controller,node1"}), status=2)
    assert "run one rulebook in turns" in said


def test_check_mode_changes_nothing(directory: Path) -> None:
    site = Site(directory, listener_home=str(directory / "rulebook"))
    site.play("--check")
    assert not site.config.exists() and not UNIT.exists() and not (directory / "rulebook").exists()
    assert USER not in {account.pw_name for account in pwd.getpwall()}
