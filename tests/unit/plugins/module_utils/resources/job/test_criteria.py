# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.job.jobs import ALL, cluster, run_info


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, ALL),
        ({"user_name": "alice"}, [10]),
        ({"state": "running"}, [10, 21]),
        ({"state": ["RUNNING", "completed"]}, [10, 21, 22]),
        ({"state": "RUNNING", "user_name": "slurm"}, [21]),
        ({"account": ["physics", "chemistry"]}, [20, 40]),
        ({"account": None, "state": "PENDING"}, [30, 31]),
        ({"account": [None, "physics"], "state": "PENDING"}, [20, 30, 31]),
        ({"comment": ""}, ALL),
        ({"comment": None}, ALL),
        ({"num_nodes": 2}, [22]),
        ({"num_nodes": "2"}, [22]),
        ({"name": 12}, [40]),
        ({"is_batch_job": False}, [40]),
        ({"is_batch_job": "false"}, [40]),
        ({"array_task_id": 0}, [21]),
        ({"heterogeneous_offset": "0"}, [30]),
        ({"licenses": "x:2"}, [31]),
        ({"licenses": ["no", "matlab:1"]}, [31]),
        ({"licenses": None, "user_name": "alice"}, [10]),
        ({"gres": "gpu"}, [30]),
        ({"allocated_nodes": "n2"}, [10]),
        ({"allocated_nodes": "n[3-9]"}, [10, 21, 22]),
        ({"allocated_nodes": ["n1", "n4"]}, [10, 21, 22]),
        ({"allocated_nodes": None}, [20, 30, 31, 40]),
        ({"allocated_nodes": [None, "n1"]}, [10, 20, 30, 31, 40]),
        ({"required_nodes": "n4"}, [20]),
        ({"excluded_nodes": "n1"}, [31]),
        ({"scheduled_nodes": "n1"}, []),
        ({"state": []}, []),
    ],
)
def test_criteria(criteria: dict[str, Any], found: list[int]) -> None:
    assert run_info(criteria=criteria)["job_ids"] == found


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"states": ["running"]}, [10, 21]),
        ({"users": ["alice", "bob"]}, [10]),
        ({"partitions": ["gpu"]}, [30]),
        ({"nodes": ["n[1", "4]"]}, [10, 21, 22]),
        ({"nodes": []}, []),
        ({"nodes": ["n4"], "states": ["RUNNING"], "criteria": {"batch_host": "n4"}}, [21]),
    ],
)
def test_options(options: dict[str, Any], found: list[int]) -> None:
    assert run_info(**options)["job_ids"] == found


@pytest.mark.parametrize(
    ("option", "attribute"), [("states", "state"), ("users", "user_name"), ("partitions", "partition")]
)
def test_an_option_and_a_criterion_for_one_attribute(option: str, attribute: str) -> None:
    with pytest.raises(SlurmError, match=f"{option} and the criterion {attribute} set the same condition"):
        run_info(criteria={attribute: "x"}, **{option: ["y"]})


@pytest.mark.parametrize("given", [{"criteria": {"user_nam": "x"}}, {"attributes": ["user_nam"]}])
def test_an_unknown_attribute(given: dict[str, Any]) -> None:
    slurm = cluster()
    with pytest.raises(SlurmError, match=r"a job has no attribute user_nam: did you mean user_name( or \w+)*\?"):
        run_info(slurm, **given)
    assert slurm.reads["jobs"] == 0


def test_a_criterion_that_is_not_a_hostlist() -> None:
    with pytest.raises(SlurmError, match="not a hostlist"):
        run_info(criteria={"allocated_nodes": "n["})
