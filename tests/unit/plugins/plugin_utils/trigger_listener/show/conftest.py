# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An observed store for the tests of what is shown."""

from __future__ import annotations

import contextlib

import pytest

from ansible_collections.hpc.slurm.tests.unit.listener import Observed


@pytest.fixture
def observed(tmp_path):
    with contextlib.closing(Observed(tmp_path / "db")) as made:
        yield made
