# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error of every module when Slurm, munge, pyslurm or ClusterShell is missing or broken.

A module returns JSON within seconds, with one message that says what to do. Run inside the lab, as root: these tests
stop munge and move files of the lab for a moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import ClusterShell
import pytest

LIMIT = 30.0
CONF = Path("/etc/slurm/slurm.conf")
MUNGED = ["setpriv", "--reuid=munge", "--regid=munge", "--init-groups", "munged"]

# Options of each module with which it calls the controller.
MODULES: dict[str, dict[str, Any]] = {
    "slurm_config_info": {},
    "slurm_job_info": {},
    "slurm_node": {"nodes": "node1", "state": "drained", "reason": "must not be seen"},
    "slurm_node_info": {"nodes": "node1"},
    "slurm_reservation": {"name": "must-not-be-made", "nodes": "node1"},
    "slurm_reservation_info": {},
    "slurm_trigger": {"event": "down", "program": "/bin/true must-not-be-set"},
    "slurm_trigger_info": {},
}
every_module = pytest.mark.parametrize("module", MODULES)


def run(
    module: str,
    options: Optional[dict[str, Any]] = None,
    environment: Optional[dict[str, str]] = None,
    interpreter: str = sys.executable,
) -> dict[str, Any]:
    """Run a module as SlurmUser, who has all rights, and return its result."""
    task = {f"hpc.slurm.{module}": {**MODULES[module], **(options or {})}, "environment": environment or {}}
    play = {
        "hosts": "controller",
        "gather_facts": False,
        "become": True,
        "become_user": "slurm",
        "vars": {"ansible_python_interpreter": interpreter},
        "tasks": [
            {**task, "register": "answer", "ignore_errors": True},
            {"ansible.builtin.copy": {"content": "{{ answer | to_json }}", "dest": "{{ file }}"}, "become": False},
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        playbook, file = Path(folder, "play.json"), Path(folder, "answer.json")
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        begun = time.monotonic()
        result = subprocess.run(
            ["ansible-playbook", str(playbook), "-e", f"file={file}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4 * LIMIT,
            check=False,
        )
        seconds = time.monotonic() - begun
        assert file.exists(), f"{result.stdout}\n{result.stderr}"
        answer: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert seconds < LIMIT, f"{module} took {seconds:.1f} s to fail: {answer['msg']}"
    return answer


def expect_failure(answer: dict[str, Any], *texts: str) -> None:
    """Assert that a result is a clear failure whose message has all of these texts."""
    message = answer["msg"]
    assert answer["failed"] is True
    assert answer.get("changed", False) is False
    assert "MODULE FAILURE" not in message
    assert "Traceback" not in message + str(answer.get("module_stderr", "")) + str(answer.get("module_stdout", ""))
    # The failure is the collection's, not Ansible's own for a module that ended without JSON.
    assert {"msg", "errno", "errno_name", "call"} <= set(answer), answer
    for text in texts:
        assert text in message


def conf_without_controller(folder: Path) -> str:
    """Write a slurm.conf that names a port on which no slurmctld listens, and return its path."""
    text, replaced = re.subn("(?m)^SlurmctldPort=.*$", "SlurmctldPort=6999", CONF.read_text(encoding="utf-8"))
    assert replaced == 1
    (folder / "slurm.conf").write_text(text + "MessageTimeout=2\n", encoding="utf-8")
    return str(folder / "slurm.conf")


def replace_pyslurm(folder: Path, before: str = "", after: str = "") -> None:
    """Write a module pyslurm to a folder on PYTHONPATH, which imports the real one and changes it."""
    (folder / "pyslurm").mkdir()
    (folder / "pyslurm" / "__init__.py").write_text(
        f"""
import sys
sys.path.remove({str(folder)!r})
del sys.modules["pyslurm"]
{before}
import pyslurm
{after}
""",
        encoding="utf-8",
    )


@contextlib.contextmanager
def moved(path: Path) -> Iterator[None]:
    """Move a file away within the block."""
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextlib.contextmanager
def without_munge() -> Iterator[None]:
    pids = subprocess.run(["pgrep", "--exact", "munged"], capture_output=True, text=True, check=True).stdout.split()
    for pid in pids:
        os.kill(int(pid), signal.SIGTERM)
    try:
        wait_until(lambda: not alive("munged"))
        yield
    finally:
        if not alive("munged"):
            subprocess.run(MUNGED, check=True)
        wait_until(lambda: subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0)


def alive(name: str) -> bool:
    return subprocess.run(["pgrep", "--exact", name], capture_output=True, check=False).returncode == 0


def wait_until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit:.0f} s"
        time.sleep(0.05)


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", autouse=True)
def untouched() -> Iterator[None]:
    """Check that no failure has written anything, after the nodes are in service again."""
    yield
    node, triggers = output_of("scontrol", "-o", "show", "node", "node1"), output_of("strigger", "--get")
    reservations = output_of("scontrol", "show", "reservation")
    # While munge is down slurmctld cannot ping, and nodes that it has not reached for SlurmdTimeout become DOWN.
    down = output_of("sinfo", "--noheader", "--nodes=node[1-8]", "--states=down", "--format=%N").strip()
    if down:
        output_of("scontrol", "update", f"nodename={down}", "state=resume")
    wait_until(lambda: output_of("sinfo", "--noheader", "--nodes=node[1-8]", "--format=%T").split() == ["idle"], 60)
    assert "must not be seen" not in node and "DRAIN" not in node
    assert "must-not-be-set" not in triggers
    assert "must-not-be-made" not in reservations


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that SlurmUser can read, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


# slurm.conf.


@every_module
def test_the_file_of_the_option_is_missing(module: str) -> None:
    answer = run(module, {"slurm_conf": "/nowhere/slurm.conf"})
    expect_failure(answer, "no slurm.conf at /nowhere/slurm.conf, which the option slurm_conf names")


@every_module
def test_the_file_of_the_environment_variable_is_missing(module: str) -> None:
    answer = run(module, environment={"SLURM_CONF": "/nowhere/slurm.conf"})
    expect_failure(answer, "no slurm.conf at /nowhere/slurm.conf, which the environment variable SLURM_CONF names")


@every_module
def test_no_slurm_conf_at_all(module: str) -> None:
    with moved(CONF):
        answer = run(module)
    expect_failure(answer, "check this host's slurm.conf", "the option slurm_conf", "/etc/slurm/slurm.conf")


@every_module
def test_a_broken_slurm_conf(module: str, readable: Path) -> None:
    conf = readable / "slurm.conf"
    conf.write_text(CONF.read_text(encoding="utf-8") + "NoSuchParameter=yes\n", encoding="utf-8")
    expect_failure(run(module, {"slurm_conf": str(conf)}), "NoSuchParameter", "check this host's slurm.conf")


@every_module
def test_a_slurm_conf_that_may_not_be_read(module: str, readable: Path) -> None:
    conf = readable / "slurm.conf"
    conf.write_text(CONF.read_text(encoding="utf-8"), encoding="utf-8")
    conf.chmod(0o600)
    expect_failure(run(module, {"slurm_conf": str(conf)}), str(conf), "slurm may not read")


# The controller and munge.


@every_module
def test_the_controller_is_down(module: str, readable: Path) -> None:
    answer = run(module, {"slurm_conf": conf_without_controller(readable)})
    expect_failure(answer, "check that slurmctld runs (scontrol ping)", "SlurmctldHost")
    assert answer["errno_name"] == "SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR"
    assert answer["call"]


@pytest.mark.parametrize("module", ["slurm_config_info", "slurm_node"])
def test_a_pyslurm_that_initialises_libslurm_when_it_is_imported(module: str, readable: Path) -> None:
    """pyslurm before 25.11.1 does so: the option must not be ignored and the default cluster be used."""
    replace_pyslurm(readable, before="import os; os.environ.pop('PYSLURM_DISABLE_AUTO_INIT', None)")
    options = {"slurm_conf": conf_without_controller(readable)}
    answer = run(module, options, environment={"PYTHONPATH": str(readable)})
    expect_failure(answer, "check that slurmctld runs (scontrol ping)")
    assert answer["errno_name"] == "SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR"


@every_module
def test_munge_is_down(module: str) -> None:
    with without_munge():
        answer = run(module)
    expect_failure(answer, "check that munged runs on this host")
    assert answer["call"]


# The libraries.


@every_module
def test_pyslurm_is_missing(module: str, readable: Path) -> None:
    # A Python that has ClusterShell and no pyslurm.
    (readable / "ClusterShell").symlink_to(Path(ClusterShell.__file__).parent)
    answer = run(module, environment={"PYTHONPATH": str(readable)}, interpreter="/usr/bin/python3")
    expect_failure(answer, "pyslurm cannot be imported", "/usr/bin/python3", "ansible_python_interpreter")


@every_module
def test_pyslurm_is_of_another_release(module: str, readable: Path) -> None:
    installed = output_of("scontrol", "--version").split()[-1].rpartition(".")[0]
    replace_pyslurm(readable, after="pyslurm.slurm_api_version = lambda: (23, 2, 0)")
    answer = run(module, environment={"PYTHONPATH": str(readable)})
    expect_failure(
        answer, f"was built for Slurm 23.02, this host has Slurm {installed}.", f"install pyslurm {installed}"
    )


@every_module
def test_pyslurm_is_too_old(module: str, readable: Path) -> None:
    (readable / "pyslurm.py").write_text("__version__ = '18.8.0'\n", encoding="utf-8")
    answer = run(module, environment={"PYTHONPATH": str(readable)})
    expect_failure(answer, "pyslurm 18.8.0 is too old", "install pyslurm of this host's Slurm release")


# Modules without hostlists do not need it.
@pytest.mark.parametrize("module", ["slurm_node", "slurm_node_info", "slurm_reservation", "slurm_trigger"])
def test_clustershell_is_missing(module: str, readable: Path) -> None:
    (readable / "ClusterShell").mkdir()
    (readable / "ClusterShell/__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'ClusterShell'\", name='ClusterShell')\n", encoding="utf-8"
    )
    answer = run(module, {"nodes": "node1"}, environment={"PYTHONPATH": str(readable)})
    expect_failure(
        answer, "the Python library ClusterShell is not installed", "install the package python3-clustershell"
    )


# The commands.


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("slurm_node_info", "sinfo"),
        ("slurm_reservation", "scontrol"),
        ("slurm_reservation_info", "scontrol"),
        ("slurm_trigger", "strigger"),
        ("slurm_trigger_info", "strigger"),
    ],
)
def test_a_command_is_missing(module: str, command: str, readable: Path) -> None:
    answer = run(module, environment={"PATH": str(readable)})
    expect_failure(answer, f"the command {command} is not on PATH", "run the task on the controller")
