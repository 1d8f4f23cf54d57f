# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.info import plan_info
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.records import DETAILS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import make


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["r", "s"]),
        ({"names": ["s", "nosuch"]}, ["s"]),
        ({"names": []}, []),
        ({"nodes": ["n[2-3]"]}, ["r"]),
        ({"nodes": ["n[1-6]"]}, ["r", "s"]),
        ({"nodes": ["n5"]}, []),
        ({"nodes": ["n4"], "names": ["r"]}, []),
    ],
)
def test_info(slurm: FakeSlurm, options: dict[str, Any], names: list[str]) -> None:
    make(slurm)
    make(slurm, name="s", nodes=["n4"], flags=["MAINT"])
    given = {"names": None, "nodes": None, **options}
    found = execute(plan_info, slurm, given, check_mode=False)
    assert list(found["reservations"]) == names
    assert all({*DETAILS, "state", "node_count", "tres"} <= set(it) for it in found["reservations"].values())
    assert (found["changed"], slurm.writes) == (False, {})
