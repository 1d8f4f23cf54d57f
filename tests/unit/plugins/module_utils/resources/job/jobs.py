# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of these tests, and the module's plan executed on them."""

from __future__ import annotations

from typing import Any

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.info import plan_info
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

OPTIONS = dict.fromkeys(("job_ids", "criteria", "nodes", "states", "users", "partitions", "attributes"))
ARRAY = {"array_id": 20}
HET = {"heterogeneous_id": 30}
JOBS: list[dict[str, Any]] = [
    {"id": 10, "state": "RUNNING", "user_name": "alice", "allocated_nodes": "n[1-3]", "batch_host": "n1"},
    {"id": 20, **ARRAY, "array_tasks_waiting": "5,7-9", "required_nodes": "n[2,4]", "account": "physics"},
    {"id": 21, **ARRAY, "array_task_id": 0, "state": "RUNNING", "allocated_nodes": "n4", "batch_host": "n4"},
    {"id": 22, **ARRAY, "array_task_id": 1, "state": "COMPLETED", "allocated_nodes": "n4", "num_nodes": 2},
    {"id": 30, **HET, "heterogeneous_offset": 0, "partition": "gpu", "gres": {"gpu": 2}},
    {"id": 31, **HET, "heterogeneous_offset": 1, "excluded_nodes": "n1", "licenses": ["matlab:1", "x:2"]},
    {"id": 40, "is_batch_job": False, "name": "12", "comment": "", "account": "chemistry"},
]
ALL = [10, 20, 21, 22, 30, 31, 40]


def cluster() -> FakeSlurm:
    return FakeSlurm({"n[1-4]": "IDLE"}, jobs=JOBS)


def run_info(slurm: FakeSlurm | None = None, **given: Any) -> dict[str, Any]:
    params = {**OPTIONS, "steps": False, "attributes": [], **given}
    result = execute(plan_info, slurm or cluster(), params, check_mode=False)
    assert (result.pop("changed"), result.pop("warnings")) == (False, [])
    return result
