# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state directory: private, with a permanent id, for one listener at a time."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils import parts
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.state_directory import StateDirectory

HOLD = (
    f"import runpy, pathlib; load = runpy.run_path({parts.__file__!r})['load']\n"
    "s = load('trigger_listener.configure.state_directory').StateDirectory(pathlib.Path({path!r}))\n"
    "print('held', flush=True); input()"
)


def test_it_is_private_and_keeps_the_id(tmp_path):
    path = tmp_path / "a" / "b"
    state = StateDirectory(path)
    made = state.listener_id(None)
    assert path.stat().st_mode & 0o777 == 0o700
    assert len(made) == 32
    assert state.listener_id("a-listener-by-its-name") == "a-listener-by-its-name"
    state.close()
    again = StateDirectory(path)
    assert again.listener_id(None) == made
    again.close()


def test_a_directory_that_others_could_read_becomes_private(tmp_path):
    tmp_path.chmod(0o755)
    StateDirectory(tmp_path).close()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 20, b"x" * 65, b"with/a/slash/in/it"])
def test_an_id_that_is_damaged(tmp_path, content):
    state = StateDirectory(tmp_path)
    (tmp_path / "id").write_bytes(content)
    with pytest.raises(ValueError, match="holds no id of 16 to 64"):
        state.listener_id(None)
    state.close()


def test_a_directory_that_cannot_be_used(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="state_dir .*file cannot be used"):
        StateDirectory(tmp_path / "file")

    def refuse(*_args):
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ValueError, match="cannot be locked: no locks here"):
        StateDirectory(tmp_path / "d")


def test_one_listener_at_a_time(tmp_path):
    first = StateDirectory(tmp_path)
    with pytest.raises(ValueError, match="in use by another listener: end that one, or give this one a state_dir"):
        StateDirectory(tmp_path)
    first.close()
    StateDirectory(tmp_path).close()


def test_a_killed_holder_leaves_no_lock(tmp_path):
    code = HOLD.format(path=str(tmp_path))
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="in use by another listener"):
            StateDirectory(tmp_path)
    finally:
        holder.kill()
        holder.communicate(timeout=10)
    StateDirectory(tmp_path).close()


def test_the_lock_is_private_and_not_inherited(tmp_path):
    state = StateDirectory(tmp_path)
    assert Path(tmp_path, "lock").stat().st_mode & 0o077 == 0
    assert not os.get_inheritable(state._lock)
    state.close()
