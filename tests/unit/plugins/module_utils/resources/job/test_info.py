# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.ids import ID_ATTRIBUTES
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.job.jobs import JOBS, cluster, run_info


def test_attributes() -> None:
    assert run_info(job_ids=["10"], attributes=["state", "user_name"])["jobs"] == {
        "10": {"state": "RUNNING", "user_name": "alice"}
    }
    (details,) = run_info(job_ids=["10"], attributes=None)["jobs"].values()
    assert sorted(details) == cluster().job_attributes()


def test_steps() -> None:
    slurm = cluster()
    slurm.steps[10] = {"batch": {"name": "batch"}}
    assert run_info(slurm, job_ids=["10", "21"], steps=True)["jobs"] == {
        "10": {"steps": {"batch": {"name": "batch"}}},
        "21": {"steps": {}},
    }


class RecordingSlurm(FakeSlurm):
    """Records the attributes that the module asks for to select jobs."""

    def jobs(self, needed: Any, keep: Any, attributes: Any, steps: bool = False) -> Any:
        self.needed = set(needed)
        return super().jobs(needed, keep, attributes, steps)


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, {"id"}),
        ({"attributes": ["name"]}, {"id"}),
        ({"users": ["alice"], "criteria": {"account": None}}, {"id", "user_name", "account"}),
        ({"nodes": ["n1"]}, {"id", "allocated_nodes"}),
        ({"job_ids": ["10"]}, set(ID_ATTRIBUTES)),
    ],
)
def test_only_the_needed_attributes_are_requested(given: dict[str, Any], needed: set[str]) -> None:
    slurm = RecordingSlurm({}, jobs=JOBS)
    run_info(slurm, **given)
    assert slurm.needed == needed
    assert slurm.reads == {"jobs": 1}
