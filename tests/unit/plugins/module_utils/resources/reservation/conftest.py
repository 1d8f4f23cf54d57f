# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import NOW


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock that stands still until a test sets it."""
    times = [NOW]
    monkeypatch.setattr("time.time", lambda: float(times[0]))
    return times


@pytest.fixture
def slurm() -> FakeSlurm:
    fake = FakeSlurm({"n[1-6]": "IDLE"})
    fake.records["n6"]["partitions"] = ["main", "gpu"]
    fake.reserved.groups = {"a", "b", "c"}
    fake.reserved.qos = {"high", "low"}
    fake.reserved.licenses = {"l", "m"}
    return fake
