# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources import job
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job import JobId
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


def ask(slurm: FakeSlurm | None = None, **given: Any) -> dict[str, Any]:
    params = {**OPTIONS, "steps": False, "attributes": [], **given}
    outcome = execute(job.plan_info, slurm or cluster(), params, check_mode=False)
    assert (outcome.pop("changed"), outcome.pop("warnings")) == (False, [])
    return outcome


# Ids.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123", ("123", 123, None, None)),
        (" 123 ", ("123", 123, None, None)),
        ("123_4", ("123_4", 123, 4, None)),
        ("123_0", ("123_0", 123, 0, None)),
        ("123+1", ("123+1", 123, None, 1)),
    ],
)
def test_a_job_id(text: str, expected: tuple[Any, ...]) -> None:
    assert tuple(JobId.parse(text)) == expected


@pytest.mark.parametrize("text", ["", "x", "-1", "123_", "123+", "123_4+1", "123.batch", "1 2", "123_[1-3]", "all"])
def test_no_job_id(text: str) -> None:
    slurm = cluster()
    with pytest.raises(SlurmError, match="not a job id: .* write 123, 123_4 for an array's task"):
        ask(slurm, job_ids=[text])
    assert slurm.reads["jobs"] == 0


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        (None, set()),
        ("", set()),
        ("0", {0}),
        ("1,5,7-9", {1, 5, 7, 8, 9}),
        ("0-8:2%3", {0, 2, 4, 6, 8}),
        ("0-1%1", {0, 1}),
        ("1-3,9,...", {1, 2, 3, 9}),
        ("1-3,...%4", {1, 2, 3}),
    ],
)
def test_tasks_that_wait(text: str | None, tasks: set[int]) -> None:
    assert job.tasks_of(text) == tasks


@pytest.mark.parametrize(
    ("asked", "found", "missing"),
    [
        (["10"], [10], []),
        (["20"], [20, 21, 22], []),
        (["21"], [21], []),
        (["20_0"], [21], []),
        (["20_1", "20_8"], [20, 22], []),
        (["20_2"], [], ["20_2"]),
        (["10_0"], [], ["10_0"]),
        (["30"], [30, 31], []),
        (["31"], [31], []),
        (["30+0"], [30], []),
        (["30+1"], [31], []),
        (["30+2", "31+0", "10+0"], [], ["30+2", "31+0", "10+0"]),
        (["99", "10", "98"], [10], ["99", "98"]),
        ([], [], []),
    ],
)
def test_job_ids(asked: list[str], found: list[int], missing: list[str]) -> None:
    outcome = ask(job_ids=asked)
    assert (outcome["job_ids"], outcome["missing"]) == (found, missing)
    assert outcome["jobs"] == {str(number): {} for number in found}


def test_one_that_does_not_meet_the_criteria_is_missing() -> None:
    assert ask(job_ids=["10", "20_0"], users=["alice"])["missing"] == ["20_0"]


# Criteria.


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
    assert ask(criteria=criteria)["job_ids"] == found


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
    assert ask(**options)["job_ids"] == found


@pytest.mark.parametrize(
    ("option", "attribute"), [("states", "state"), ("users", "user_name"), ("partitions", "partition")]
)
def test_the_same_said_twice(option: str, attribute: str) -> None:
    with pytest.raises(SlurmError, match=f"{option} and the criterion {attribute} say the same"):
        ask(criteria={attribute: "x"}, **{option: ["y"]})


@pytest.mark.parametrize("given", [{"criteria": {"user_nam": "x"}}, {"attributes": ["user_nam"]}])
def test_an_unknown_attribute(given: dict[str, Any]) -> None:
    slurm = cluster()
    with pytest.raises(SlurmError, match=r"a job has no attribute user_nam: did you mean user_name( or \w+)*\?"):
        ask(slurm, **given)
    assert slurm.reads["jobs"] == 0


def test_a_criterion_that_is_no_hostlist() -> None:
    with pytest.raises(SlurmError, match="not a hostlist"):
        ask(criteria={"allocated_nodes": "n["})


# What is returned.


def test_attributes() -> None:
    assert ask(job_ids=["10"], attributes=["state", "user_name"])["jobs"] == {
        "10": {"state": "RUNNING", "user_name": "alice"}
    }
    (details,) = ask(job_ids=["10"], attributes=None)["jobs"].values()
    assert sorted(details) == cluster().job_attributes()


def test_steps() -> None:
    slurm = cluster()
    slurm.steps[10] = {"batch": {"name": "batch"}}
    assert ask(slurm, job_ids=["10", "21"], steps=True)["jobs"] == {
        "10": {"steps": {"batch": {"name": "batch"}}},
        "21": {"steps": {}},
    }


class Watched(FakeSlurm):
    """Notes what the module needs to know of each job to choose."""

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
        ({"job_ids": ["10"]}, set(job.ID_ATTRIBUTES)),
    ],
)
def test_only_what_is_needed_is_asked_for(given: dict[str, Any], needed: set[str]) -> None:
    slurm = Watched({}, jobs=JOBS)
    ask(slurm, **given)
    assert slurm.needed == needed
    assert slurm.reads == {"jobs": 1}
