# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message of every module when Slurm, munge, or pyslurm is missing or broken.

A module returns JSON, and does not hang, with one message that says what to do. Run inside the lab, as root: these
tests stop munge and move files of the lab for a moment. All modules run in one play for each failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Optional

import pytest

LIMIT = 240.0
CONF = Path("/etc/slurm/slurm.conf")
MUNGED = ["setpriv", "--reuid=munge", "--regid=munge", "--init-groups", "munged"]

# For each module options that reach the controller.
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
Result = dict[str, Any]
Results = dict[str, Result]


def run(
    options: Optional[dict[str, Any]] = None,
    environment: Optional[dict[str, str]] = None,
    interpreter: str = sys.executable,
    modules: Collection[str] = tuple(MODULES),
) -> Results:
    """Run modules as SlurmUser, who has all rights that they need, and return their results by module."""
    tasks: list[dict[str, Any]] = [
        {
            f"hpc.slurm.{module}": {**MODULES[module], **(options or {})},
            "environment": environment or {},
            "register": module,
            "ignore_errors": True,
        }
        for module in modules
    ]
    content = f"{{{{ {{{', '.join(f'{name!r}: {name}' for name in modules)}}} | to_json }}}}"
    tasks.append({"ansible.builtin.copy": {"content": content, "dest": "{{ file }}"}, "become": False})
    play = {
        "hosts": "controller",
        "gather_facts": False,
        "become": True,
        "become_user": "slurm",
        "vars": {"ansible_python_interpreter": interpreter},
        "tasks": tasks,
    }
    with tempfile.TemporaryDirectory() as folder:
        playbook, file = Path(folder, "play.json"), Path(folder, "results.json")
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        result = subprocess.run(
            ["ansible-playbook", str(playbook), "-e", f"file={file}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert file.exists(), f"{result.stdout}\n{result.stderr}"
        results: Results = json.loads(file.read_text(encoding="utf-8"))
    return results


def expect_failure(answer: Result, *says: str) -> None:
    """Assert that a result is a clear failure whose message holds every one of these texts."""
    message = answer["msg"]
    assert answer["failed"] is True
    assert answer.get("changed", False) is False
    assert "MODULE FAILURE" not in message
    assert "Traceback" not in message + str(answer.get("module_stderr", "")) + str(answer.get("module_stdout", ""))
    # From the collection, not from Ansible's own handling of a module that died.
    assert {"msg", "errno", "errno_name", "call"} <= set(answer), answer
    for text in says:
        assert text in message


@contextlib.contextmanager
def moved(path: Path) -> Iterator[None]:
    """Move a file away for a moment."""
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
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", autouse=True)
def untouched() -> Iterator[None]:
    """None of the failures may have written anything; what they did to the cluster itself is put right."""
    yield
    node, triggers = said("scontrol", "-o", "show", "node", "node1"), said("strigger", "--get")
    reservations = said("scontrol", "show", "reservation")
    # While munge is down slurmctld cannot ping, and nodes that it has not reached for SlurmdTimeout become DOWN.
    down = said("sinfo", "--noheader", "--nodes=node[1-8]", "--states=down", "--format=%N").strip()
    if down:
        said("scontrol", "update", f"nodename={down}", "state=resume")
    wait_until(lambda: said("sinfo", "--noheader", "--nodes=node[1-8]", "--format=%T").split() == ["idle"], 60)
    assert "must not be seen" not in node and "DRAIN" not in node
    assert "must-not-be-set" not in triggers
    assert "must-not-be-made" not in reservations


@contextlib.contextmanager
def readable_folder() -> Iterator[Path]:
    """Return a folder that SlurmUser can read, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def once_for_all_modules(results: Callable[[], Results]) -> Any:
    """Make a fixture of a function, which runs once for the tests of all modules."""
    return pytest.fixture(scope="module")(results)


# slurm.conf.


@once_for_all_modules
def without_the_file_of_the_option() -> Results:
    return run({"slurm_conf": "/nowhere/slurm.conf"})


@every_module
def test_the_option_names_no_file(module: str, without_the_file_of_the_option: Results) -> None:
    answer = without_the_file_of_the_option[module]
    expect_failure(answer, "no slurm.conf at /nowhere/slurm.conf, which the option slurm_conf names")


@once_for_all_modules
def without_the_file_of_the_environment() -> Results:
    return run(environment={"SLURM_CONF": "/nowhere/slurm.conf"})


@every_module
def test_the_environment_names_no_file(module: str, without_the_file_of_the_environment: Results) -> None:
    answer = without_the_file_of_the_environment[module]
    expect_failure(answer, "no slurm.conf at /nowhere/slurm.conf, which the environment variable SLURM_CONF names")


@once_for_all_modules
def without_slurm_conf() -> Results:
    with moved(CONF):
        return run()


@every_module
def test_no_slurm_conf_at_all(module: str, without_slurm_conf: Results) -> None:
    answer = without_slurm_conf[module]
    expect_failure(answer, "check this host's slurm.conf", "the option slurm_conf", "/etc/slurm/slurm.conf")


@once_for_all_modules
def broken_slurm_conf() -> Results:
    with readable_folder() as folder:
        conf = folder / "slurm.conf"
        conf.write_text(CONF.read_text(encoding="utf-8") + "NoSuchParameter=yes\n", encoding="utf-8")
        return run({"slurm_conf": str(conf)})


@every_module
def test_a_broken_slurm_conf(module: str, broken_slurm_conf: Results) -> None:
    expect_failure(broken_slurm_conf[module], "NoSuchParameter", "check this host's slurm.conf")


@once_for_all_modules
def unreadable_slurm_conf() -> Results:
    with readable_folder() as folder:
        conf = folder / "slurm.conf"
        conf.write_text(CONF.read_text(encoding="utf-8"), encoding="utf-8")
        conf.chmod(0o600)
        return {**run({"slurm_conf": str(conf)}), "conf": {"path": str(conf)}}


@every_module
def test_a_slurm_conf_that_may_not_be_read(module: str, unreadable_slurm_conf: Results) -> None:
    expect_failure(unreadable_slurm_conf[module], unreadable_slurm_conf["conf"]["path"], "slurm may not read")


# The controller and munge.


@once_for_all_modules
def without_controller() -> Results:
    with readable_folder() as folder:
        conf = folder / "slurm.conf"
        text = CONF.read_text(encoding="utf-8").replace("SlurmctldPort=6817", "SlurmctldPort=6999")
        conf.write_text(text + "MessageTimeout=2\n", encoding="utf-8")
        return run({"slurm_conf": str(conf)})


@every_module
def test_the_controller_is_down(module: str, without_controller: Results) -> None:
    answer = without_controller[module]
    expect_failure(answer, "check that slurmctld runs (scontrol ping)", "SlurmctldHost")
    assert answer["errno_name"] == "SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR"
    assert answer["call"]


@once_for_all_modules
def munge_down() -> Results:
    with without_munge():
        return run()


@every_module
def test_munge_is_down(module: str, munge_down: Results) -> None:
    answer = munge_down[module]
    expect_failure(answer, "check that munged runs on this host")
    assert answer["call"]


# The libraries.


@once_for_all_modules
def without_pyslurm() -> Results:
    return run(interpreter="/usr/bin/python3")


@every_module
def test_pyslurm_is_missing(module: str, without_pyslurm: Results) -> None:
    expect_failure(
        without_pyslurm[module], "pyslurm cannot be imported", "/usr/bin/python3", "ansible_python_interpreter"
    )


@once_for_all_modules
def other_pyslurm() -> Results:
    with readable_folder() as folder:
        shim = folder / "pyslurm"
        shim.mkdir()
        (shim / "__init__.py").write_text(
            f"""
import importlib.util, sys
sys.path.remove({str(folder)!r})
del sys.modules["pyslurm"]
import pyslurm
pyslurm.slurm_api_version = lambda: (24, 11, 0)
""",
            encoding="utf-8",
        )
        return run(environment={"PYTHONPATH": str(folder)})


@every_module
def test_pyslurm_is_of_another_release(module: str, other_pyslurm: Results) -> None:
    answer = other_pyslurm[module]
    expect_failure(answer, "was built for Slurm 24.11, this host has Slurm 26.05", "install pyslurm 26.05")


@once_for_all_modules
def old_pyslurm() -> Results:
    with readable_folder() as folder:
        (folder / "pyslurm.py").write_text("__version__ = '18.8.0'\n", encoding="utf-8")
        return run(environment={"PYTHONPATH": str(folder)})


@every_module
def test_pyslurm_is_of_the_old_kind(module: str, old_pyslurm: Results) -> None:
    expect_failure(old_pyslurm[module], "pyslurm 18.8.0 is too old", "install pyslurm of this host's Slurm release")


# The commands.

COMMANDS = {
    "slurm_node_info": "sinfo",
    "slurm_reservation": "scontrol",
    "slurm_reservation_info": "scontrol",
    "slurm_trigger": "strigger",
    "slurm_trigger_info": "strigger",
}


@once_for_all_modules
def without_commands() -> Results:
    with readable_folder() as folder:
        return run(environment={"PATH": str(folder)}, modules=COMMANDS)


@pytest.mark.parametrize(("module", "command"), COMMANDS.items())
def test_a_command_is_missing(module: str, command: str, without_commands: Results) -> None:
    answer = without_commands[module]
    expect_failure(answer, f"the command {command} is not on PATH", "run the task on the controller")
