# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters without and with triggers."""

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.trigger.helpers import URL, set_trigger


@pytest.fixture
def slurm() -> FakeSlurm:
    return FakeSlurm({"n[1-4]": "IDLE"}, user="slurm", programs=["/bin/true", "/usr/bin/curl"], jobs=[{"id": 7}])


@pytest.fixture
def with_triggers(slurm: FakeSlurm) -> FakeSlurm:
    """Triggers 1 to 6."""
    set_trigger(slurm)
    set_trigger(slurm, event="drained", program=URL)
    set_trigger(slurm, nodes=["n[1-2]"])
    set_trigger(slurm, event="fini", job_id="7")
    set_trigger(slurm, permanent=False, offset=30)
    set_trigger(slurm, event="reconfig", program=URL)
    slurm.writes.clear()
    return slurm
