# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection: pyslurm, slurm.conf, the user."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import Command


def test_pyslurm_is_initialised_once(pyslurm: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "slurm.conf").touch()
    slurm = Slurm(str(tmp_path / "slurm.conf"))
    assert pyslurm.inits == []
    slurm.config()
    slurm.nodes(["state"])
    assert pyslurm.inits == [str(tmp_path / "slurm.conf")]
    assert os.environ["PYSLURM_DISABLE_AUTO_INIT"] == "1"
    assert os.environ["SLURM_BITSTR_LEN"] == "0"


def test_without_the_option_slurm_finds_its_configuration(pyslurm: ModuleType) -> None:
    Slurm().config()
    assert pyslurm.inits == [None]


def test_the_configuration_is_set_before_pyslurm_is_imported(pyslurm: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "slurm.conf").touch()
    Slurm(str(tmp_path / "slurm.conf")).config()
    assert vars(pyslurm)["imported_with"] == str(tmp_path / "slurm.conf")


def test_a_second_configuration_in_one_process_is_refused(pyslurm: ModuleType, tmp_path: Path) -> None:
    first, second = (str(tmp_path / name) for name in ("first.conf", "second.conf"))
    for conf in (first, second):
        Path(conf).touch()
    Slurm(first).config()
    for other, shown in ((second, second), (None, "the default slurm.conf")):
        with pytest.raises(SlurmError) as caught:
            Slurm(other).nodes()
        assert caught.value.message == (
            f"cannot use {shown}: this process has imported pyslurm with {first} before, and libslurm cannot change to "
            "another one; run the task in a process of its own"
        )
    assert pyslurm.inits == [first]
    Slurm(first).config()


def test_pyslurm_was_imported_by_other_code(pyslurm: ModuleType, tmp_path: Path) -> None:
    import pyslurm as _pyslurm  # noqa: F401

    (tmp_path / "slurm.conf").touch()
    with pytest.raises(SlurmError, match="this process has imported pyslurm with the default slurm.conf before"):
        Slurm(str(tmp_path / "slurm.conf")).nodes()
    assert pyslurm.inits == []
    Slurm().config()


def test_pyslurm_is_missing(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyslurm", None)
    with pytest.raises(SlurmError) as caught:
        Slurm().config()
    assert "pyslurm cannot be imported" in caught.value.message
    assert sys.executable in caught.value.message
    assert "ansible_python_interpreter" in caught.value.message


def test_pyslurm_is_too_old(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pyslurm, "Nodes")
    with pytest.raises(SlurmError, match="pyslurm 25.11.2 is too old: it has no Nodes"):
        Slurm().config()


@pytest.mark.parametrize("output", ["slurm 26.05.5", "slurm-wlm 26.05.0", ""])
def test_pyslurm_of_the_same_release(pyslurm: ModuleType, command: Command, output: str) -> None:
    command("scontrol", f'test "$1" = --version && echo "{output}"' if output else "exit 1")
    assert Slurm().config() == {"slurm_user_name": "slurm"}


@pytest.mark.parametrize("output", ["slurm 25.11.2", "slurm 26.5.1", "slurm 26.050.1"])
def test_pyslurm_of_another_release(pyslurm: ModuleType, command: Command, output: str) -> None:
    command("scontrol", f'echo "{output}"')
    release = output.split()[1]
    with pytest.raises(SlurmError) as caught:
        Slurm().config()
    assert caught.value.message == (
        f"pyslurm 25.11.2 was built for Slurm 26.05, this host has Slurm {release}: "
        f"install pyslurm {release.rpartition('.')[0]}"
    )
    assert pyslurm.inits == []


def test_slurm_is_too_old(pyslurm: ModuleType, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyslurm, "slurm_api_version", lambda: (23, 11, 0))
    command("scontrol", 'echo "slurm 23.11.4"')
    with pytest.raises(SlurmError, match=r"this host has Slurm 23.11.4: hpc.slurm needs 24.11 or later"):
        Slurm().config()


def test_the_conf_of_the_option_is_missing(pyslurm: ModuleType) -> None:
    with pytest.raises(SlurmError) as caught:
        Slurm("/no/such/slurm.conf").nodes()
    assert caught.value.message == "no slurm.conf at /no/such/slurm.conf, which the option slurm_conf names"
    assert pyslurm.inits == []


def test_the_conf_of_the_environment_is_missing(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", "/no/such/slurm.conf")
    with pytest.raises(SlurmError, match="which the environment variable SLURM_CONF names"):
        Slurm().nodes(["state"])


def test_the_conf_may_not_be_read(pyslurm: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slurm.conf").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SlurmError, match="may not read .*slurm.conf: use become"):
        Slurm(str(tmp_path / "slurm.conf")).nodes()


def test_user(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Slurm().user() == pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    assert Slurm().user() == "4000000000"
