# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs, arrays and het jobs, and nodes that jobs hold, on the fake and on a real controller."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources import job
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.tests.contract.cluster import NODE_OPTIONS, RealSlurm, look, of, until
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm


def test_a_held_job(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold", "--nodelist=node4", "--exclude=node[5-6]", "--comment=c")
    (found,) = of(slurm, number)
    assert found == {
        **dict.fromkeys((*job.ID_ATTRIBUTES, *job.NODE_ATTRIBUTES, "batch_host")),
        "id": number,
        "state": "PENDING",
        "user_name": slurm.user(),
        "required_nodes": "node4",
        "excluded_nodes": "node[5-6]",
        "comment": "c",
    }


@pytest.mark.parametrize("tasks", ["0", "1,5,7-9", "0-99:3", "1-2"])
def test_an_array_that_waits_is_one_job(slurm: RealSlurm | FakeSlurm, tasks: str) -> None:
    number = slurm.submit("--hold", f"--array={tasks}")
    (found,) = of(slurm, number)
    ids = [found[name] for name in ("id", "array_id", "array_task_id", "array_tasks_waiting")]
    assert ids == [number, number, None, tasks]


def test_the_tasks_of_an_array_that_run_are_jobs_of_their_own(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--array=0,1", "--nodelist=node4")
    until(lambda: {it["state"] for it in of(slurm, number)} == {"RUNNING"} and len(of(slurm, number)) == 2)
    found = of(slurm, number)
    assert [(it["array_id"], it["array_task_id"], it["array_tasks_waiting"]) for it in found] == [
        (number, 0, None),
        (number, 1, None),
    ]
    assert [it["id"] == number for it in found] == [False, True]
    assert [it["allocated_nodes"] for it in found] == ["node4"] * 2


def test_the_components_of_a_het_job(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold --nodelist=node4 : --nodelist=node5")
    found = of(slurm, number)
    assert [(it["id"], it["heterogeneous_id"], it["heterogeneous_offset"]) for it in found] == [
        (number, number, 0),
        (number + 1, number, 1),
    ]
    assert [it["required_nodes"] for it in found] == ["node4", "node5"]


def test_what_a_job_is(slurm: RealSlurm | FakeSlurm) -> None:
    known = slurm.job_attributes()
    assert known == sorted(known)
    assert {*job.ID_ATTRIBUTES, *job.NODE_ATTRIBUTES, "state", "user_name", "partition", "licenses", "gres"} <= set(
        known
    )
    number = slurm.submit("--hold")
    found = slurm.jobs(("id",), lambda it: it["id"] == number, known, steps=True)
    assert found[number][0] == {"id": number}
    assert sorted(found[number][1]) == sorted([*known, "steps"])
    assert (found[number][1]["steps"], found[number][1]["licenses"], found[number][1]["gres"]) == ({}, [], {})


def test_the_module_finds_jobs(slurm: RealSlurm | FakeSlurm) -> None:
    array = slurm.submit("--hold", "--array=0-8:2")
    running = slurm.submit("--nodelist=node5", "--comment=mine")
    until(lambda: [it["state"] for it in of(slurm, running)] == ["RUNNING"])
    asked = [f"{array}_4", f"{array}_5", str(running), f"{running}_0", "99999999"]
    options = dict.fromkeys(("job_ids", "criteria", "nodes", "states", "users", "partitions", "attributes"))

    def ask(**given: Any) -> dict[str, Any]:
        return execute(job.plan_info, slurm, {**options, "steps": False, **given}, check_mode=False)

    found = ask(job_ids=asked, attributes=["comment"])
    assert found["job_ids"] == [array, running]
    assert found["missing"] == [f"{array}_5", f"{running}_0", "99999999"]
    assert found["jobs"] == {str(array): {"comment": None}, str(running): {"comment": "mine"}}
    assert ask(nodes=["node[5-6]"], states=["running"], users=[slurm.user()])["job_ids"] == [running]
    assert ask(criteria={"comment": "mine", "state": "running", "batch_host": "node5"})["job_ids"] == [running]


# A node that jobs hold.


def test_a_node_with_a_job_is_waited_for(slurm: RealSlurm | FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    number = slurm.submit("--nodelist=node6")
    until(lambda: [it["state"] for it in of(slurm, number)] == ["RUNNING"])
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
