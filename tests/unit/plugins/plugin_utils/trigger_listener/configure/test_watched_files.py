# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watched files: when a file has changed."""

from __future__ import annotations

import os

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.watched_files import WatchedFiles
from ansible_collections.hpc.slurm.tests.unit.listener import wait_until


def replaced(file):
    other = file.with_name("other")
    other.write_text(file.read_text())
    other.replace(file)


@pytest.mark.parametrize(
    "change",
    [
        replaced,
        lambda file: file.write_text("longer than before"),
        lambda file: os.utime(file, ns=(1, 1)),
        lambda file: file.chmod(0o640),
        lambda file: file.unlink(),
    ],
)
def test_a_change_is_reported_once(tmp_path, change):
    first, second = tmp_path / "first", tmp_path / "second"
    for file in (first, second):
        file.write_text("before")
        file.chmod(0o600)
    watched = WatchedFiles(first, second)
    assert not watched.changed()
    for file in (first, second):
        wait_for_the_clock(file)
        change(file)
        assert watched.changed()
        assert not watched.changed()


def wait_for_the_clock(file):
    """Wait until the clock of the file system, which has a coarse resolution, is past the file's last change."""
    probe = file.with_name("probe")

    def is_past():
        probe.write_text("")
        return probe.stat().st_ctime_ns > file.stat().st_ctime_ns

    wait_until(is_past, "a tick")


def test_a_file_that_is_created_later(tmp_path):
    watched = WatchedFiles(tmp_path / "file")
    assert not watched.changed()
    (tmp_path / "file").touch()
    assert watched.changed()


def test_without_files_nothing_changes():
    assert not WatchedFiles().changed()
