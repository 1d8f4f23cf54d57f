# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about triggers."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import Command

# Lines of strigger --get --noheader.
LINES = [
    "      1 node            * down                                     0 slurm    PERM  /usr/bin/true",
    "      2 node      big00901 down                                     0 slurm          /usr/bin/true x  y ",
    "     31 job             1 time                                   -60 slurm          /bin/a PERM",
    "      5 other      (null) burst_buffer                             0 slurm          /usr/bin/true",
    " 123456 slurmctld       * primary_slurmctld_resumed_operation  32000 averylongusername PERM  /p",
    "      3 node      big[00901-00905,00910] drained                     30 slurm          /usr/bin/true",
]


def test_lines_of_strigger(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "/bin/cat <<'END'\n" + "\n".join(LINES) + "\nEND")
    names = ("id", "resource", "resource_id", "event", "offset", "user", "permanent", "program")
    assert [tuple(found[name] for name in names) for found in Slurm().triggers()] == [
        (1, "node", "*", "down", 0, "slurm", True, "/usr/bin/true"),
        (2, "node", "big00901", "down", 0, "slurm", False, "/usr/bin/true x  y "),
        (31, "job", "1", "time", -60, "slurm", False, "/bin/a PERM"),
        (5, "other", "*", "burst_buffer", 0, "slurm", False, "/usr/bin/true"),
        (123456, "slurmctld", "*", "primary_slurmctld_resumed_operation", 32000, "averylongusername", True, "/p"),
        (3, "node", "big[00901-00905,00910]", "drained", 30, "slurm", False, "/usr/bin/true"),
    ]
    assert set(Slurm().triggers()[0]) == set(names)


def test_no_triggers(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", 'test "$*" = "--get --noheader"')
    assert Slurm().triggers() == []


def test_programs_with_line_breaks_do_not_stop_the_reading(pyslurm: ModuleType, command: Command) -> None:
    lines = [LINES[0] + " one", "two\rthree\u2028four", "", "  5 down", LINES[3] + " \\\t"]
    command("strigger", "/bin/cat <<'END'\n" + "\n".join(lines) + "\nEND")
    assert [found["program"] for found in Slurm().triggers()] == [
        "/usr/bin/true one\ntwo\rthree\u2028four\n\n  5 down",
        "/usr/bin/true \\\t",
    ]


@pytest.mark.parametrize("line", ["nonsense", "1 node * down 0 slurm true", "x node * down 0 slurm /bin/true", ""])
def test_a_line_that_cannot_be_read(pyslurm: ModuleType, command: Command, line: str) -> None:
    command("strigger", f"echo '{line}'")
    with pytest.raises(SlurmError) as caught:
        Slurm().triggers()
    assert caught.value.message == f"cannot read this line of strigger --get: {line!r}"


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"offset": 0, "permanent": True}, ["--set", "--node", "--down", "--program=/bin/a  b", "--flags=perm"]),
        ({"offset": -60, "permanent": False}, ["--set", "--node", "--down", "--program=/bin/a  b", "--offset=-60"]),
    ],
)
def test_set_trigger(
    pyslurm: ModuleType, command: Command, tmp_path: Path, given: dict[str, Any], arguments: list[str]
) -> None:
    command("strigger", f'printf "%s\\n" "$@" >{tmp_path}/arguments')
    Slurm().set_trigger(selectors=["--node", "--down"], program="/bin/a  b", **given)
    assert (tmp_path / "arguments").read_text(encoding="utf-8").splitlines() == arguments


@pytest.mark.parametrize("conf", [None, "other.conf"])
def test_the_environment_of_the_commands(
    pyslurm: ModuleType, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conf: str | None
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    command("strigger", f'echo "$LC_ALL ${{SLURM_CONF-none}}" >>{tmp_path}/environment')
    (tmp_path / "other.conf").touch()
    Slurm(str(tmp_path / conf) if conf else None).clear_trigger(1)
    expected = f"C {tmp_path / conf if conf else 'none'}\n"
    assert (tmp_path / "environment").read_text(encoding="utf-8") == expected


def test_clear_trigger(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", 'test "$*" = "--clear --id=17"')
    Slurm().clear_trigger(17)


def test_clear_a_trigger_that_does_not_exist(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "echo 'slurm_clear_trigger: No such process' >&2; exit 1")
    Slurm().clear_trigger(17)


@pytest.mark.parametrize(
    ("output", "errno", "message"),
    [
        (
            "slurm_clear_trigger: Access/permission denied",
            2002,
            "strigger --clear: Access/permission denied (ESLURM_ACCESS_DENIED 2002); "
            "only root, SlurmUser and Slurm operators may do this: use become",
        ),
        (
            "strigger: warning: slow\nslurm_clear_trigger: Invalid node name specified",
            2018,
            "strigger --clear: Invalid node name specified (ESLURM_INVALID_NODE_NAME 2018)",
        ),
        ("strigger: error: odd: thing", None, "strigger --clear: strigger: error: odd: thing"),
        ("", None, "strigger --clear: no message"),
    ],
)
def test_messages_of_strigger(
    pyslurm: ModuleType, command: Command, output: str, errno: int | None, message: str
) -> None:
    command("strigger", f"/bin/cat >&2 <<'END'\n{output}\nEND\nexit 1")
    with pytest.raises(SlurmError) as caught:
        Slurm().clear_trigger(17)
    assert (caught.value.errno, caught.value.message) == (errno, message)
    assert caught.value.call == "strigger --clear"


def test_a_message_of_strigger_on_stdout(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "echo 'slurm_set_trigger: Duplicate event trigger'; exit 1")
    with pytest.raises(ConflictError):
        Slurm().set_trigger(selectors=["--node", "--down"], offset=0, permanent=True, program="/bin/true")


def test_strigger_is_missing(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SlurmError, match=rf"strigger is not on PATH \({os.environ['PATH']}\): run the task on the"):
        Slurm().triggers()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SlurmError, match=r"strigger is not on PATH \(\)"):
        Slurm().triggers()


def test_executable(command: Command, tmp_path: Path) -> None:
    command("program", "")
    (tmp_path / "text").touch(0o644)
    found = {name: Slurm().executable(f"{tmp_path}/{name}") for name in ("bin/program", "text", "bin", "nosuch")}
    assert found == {"bin/program": True, "text": False, "bin": False, "nosuch": False}
