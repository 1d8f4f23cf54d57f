# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store for each test of the listener."""

from __future__ import annotations

import contextlib

import pytest

from ansible_collections.hpc.slurm.tests.unit.listener import Core


@pytest.fixture
def core(tmp_path):
    with contextlib.closing(Core(tmp_path / "db")) as made:
        yield made


@pytest.fixture
def fill_disk(core):
    """Return a function that makes the database behave as on a full disk, or not any more."""

    def fill(is_full: bool = True) -> None:
        core.connection.execute(f"PRAGMA query_only={int(is_full)}")

    return fill
