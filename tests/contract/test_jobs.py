# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs, arrays and het jobs, and waiting for jobs on nodes, on the fake and on a real controller."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.criteria import NODE_ATTRIBUTES
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.ids import ID_ATTRIBUTES
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.info import plan_info
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.tests.contract.cluster import NODE_OPTIONS, RealSlurm, job_records, look, until
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm


def run_info(slurm: RealSlurm | FakeSlurm, **given: Any) -> dict[str, Any]:
    options = dict.fromkeys(("job_ids", "criteria", "nodes", "states", "users", "partitions", "attributes"))
    return execute(plan_info, slurm, {**options, "steps": False, **given}, check_mode=False)


def test_a_held_job(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold", "--nodelist=node4", "--exclude=node[5-6]", "--comment=c")
    (found,) = job_records(slurm, number)
    assert found == {
        **dict.fromkeys((*ID_ATTRIBUTES, *NODE_ATTRIBUTES, "batch_host")),
        "id": number,
        "state": "PENDING",
        "user_name": slurm.user(),
        "required_nodes": "node4",
        "excluded_nodes": "node[5-6]",
        "comment": "c",
    }


@pytest.mark.parametrize("tasks", ["0", "1,5,7-9", "0-99:3", "1-2"])
def test_a_pending_array_is_one_job(slurm: RealSlurm | FakeSlurm, tasks: str) -> None:
    number = slurm.submit("--hold", f"--array={tasks}")
    (found,) = job_records(slurm, number)
    ids = [found[name] for name in ("id", "array_id", "array_task_id", "array_tasks_waiting")]
    assert ids == [number, number, None, tasks]


def test_a_long_list_of_pending_tasks_is_complete(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold", "--array=1-200:3%5")
    slurm.cancel(f"{number}_100")
    (found,) = job_records(slurm, number)
    assert found["array_tasks_waiting"] == ",".join(str(task) for task in range(1, 200, 3) if task != 100)
    assert run_info(slurm, job_ids=[f"{number}_199"])["missing"] == []
    assert run_info(slurm, job_ids=[f"{number}_100"])["missing"] == [f"{number}_100"]


def test_an_array_of_which_each_task_was_cancelled_before_it_started(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold", "--array=1-2")
    slurm.cancel(f"{number}_1")
    slurm.cancel(f"{number}_2")
    (found,) = job_records(slurm, number)
    ids = [found[name] for name in ("id", "array_id", "array_task_id", "array_tasks_waiting", "state")]
    assert ids == [number, number, None, None, "CANCELLED"]


def test_task_0_with_the_id_of_its_array(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--array=0", "--nodelist=node4")
    until(lambda: [it["state"] for it in job_records(slurm, number)] == ["RUNNING"])
    (found,) = job_records(slurm, number)
    assert [found[name] for name in ("id", "array_id", "array_task_id")] == [number, number, 0]


def test_running_tasks_of_an_array_are_separate_jobs(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--array=0,1", "--nodelist=node4")
    until(
        lambda: (
            {it["state"] for it in job_records(slurm, number)} == {"RUNNING"} and len(job_records(slurm, number)) == 2
        )
    )
    found = job_records(slurm, number)
    assert [(it["array_id"], it["array_task_id"], it["array_tasks_waiting"]) for it in found] == [
        (number, 0, None),
        (number, 1, None),
    ]
    assert [it["id"] == number for it in found] == [False, True]
    assert [it["allocated_nodes"] for it in found] == ["node4"] * 2


def test_the_components_of_a_het_job(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold --nodelist=node4 : --nodelist=node5")
    found = job_records(slurm, number)
    assert [(it["id"], it["heterogeneous_id"], it["heterogeneous_offset"]) for it in found] == [
        (number, number, 0),
        (number + 1, number, 1),
    ]
    assert [it["required_nodes"] for it in found] == ["node4", "node5"]


def test_every_attribute_is_returned(slurm: RealSlurm | FakeSlurm) -> None:
    known = slurm.job_attributes()
    assert known == sorted(known)
    assert {*ID_ATTRIBUTES, *NODE_ATTRIBUTES, "state", "user_name", "partition", "licenses", "gres"} <= set(known)
    number = slurm.submit("--hold")
    found = slurm.jobs(("id",), lambda it: it["id"] == number, known, steps=True)
    assert found[number][0] == {"id": number}
    assert sorted(found[number][1]) == sorted([*known, "steps"])
    assert (found[number][1]["steps"], found[number][1]["licenses"], found[number][1]["gres"]) == ({}, [], {})


def test_the_module_finds_jobs(slurm: RealSlurm | FakeSlurm) -> None:
    array = slurm.submit("--hold", "--array=0-8:2")
    running = slurm.submit("--nodelist=node5", "--comment=mine")
    until(lambda: [it["state"] for it in job_records(slurm, running)] == ["RUNNING"])
    job_ids = [f"{array}_4", f"{array}_5", str(running), f"{running}_0", "99999999"]
    found = run_info(slurm, job_ids=job_ids, attributes=["comment"])
    assert found["job_ids"] == [array, running]
    assert found["missing"] == [f"{array}_5", f"{running}_0", "99999999"]
    assert found["jobs"] == {str(array): {"comment": None}, str(running): {"comment": "mine"}}
    assert run_info(slurm, nodes=["node[5-6]"], states=["running"], users=[slurm.user()])["job_ids"] == [running]
    assert run_info(slurm, criteria={"comment": "mine", "state": "running", "batch_host": "node5"})["job_ids"] == [
        running
    ]


# A node with jobs.


def test_wait_for_a_job_on_a_node(slurm: RealSlurm | FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    number = slurm.submit("--nodelist=node6")
    until(lambda: [it["state"] for it in job_records(slurm, number)] == ["RUNNING"])
    params = {**NODE_OPTIONS, "nodes": ["node6"], "state": "drained", "wait": True}
    with pytest.raises(SlurmError, match="jobs still run or complete on node6") as caught:
        execute(plan_nodes, slurm, {**params, "wait_timeout": 0}, check_mode=False)
    assert caught.value.details.pop("waited") < 5
    assert caught.value.details == {
        "running_jobs": {
            str(number): {"user_name": slurm.user(), "state": "RUNNING", "allocated_nodes": "node6"},
        },
        "changed": True,
    }
    assert look(slurm, ["node6"])["node6"][0] == "MIXED+DRAIN"
    slurm.cancel(number)
    done = execute(plan_nodes, slurm, params, check_mode=False)
    assert (done["changed"], done["nodes"]["node6"]["state"]) == (False, ["IDLE", "DRAIN"])
    assert done["waited"] < 30
