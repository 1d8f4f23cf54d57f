# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.ids import JobId, parse_tasks
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.job.jobs import cluster, run_info


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
def test_not_a_job_id(text: str) -> None:
    slurm = cluster()
    with pytest.raises(SlurmError, match="not a job id: .* write 123, 123_4 for a task of an array"):
        run_info(slurm, job_ids=[text])
    assert slurm.reads["jobs"] == 0


@pytest.mark.parametrize("text", ["0", "0_1", "4294967294", "4294967295", "123456781234", "99999999999+1"])
def test_a_number_that_no_job_has(text: str) -> None:
    with pytest.raises(SlurmError, match="not between 1 and 4294967293; quote an id with an underscore: YAML reads"):
        JobId.parse(text)


def test_the_greatest_number_of_a_job() -> None:
    assert JobId.parse("4294967293_4").job == 4294967293


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
def test_parse_tasks(text: str | None, tasks: set[int]) -> None:
    assert parse_tasks(text) == tasks


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
    result = run_info(job_ids=asked)
    assert (result["job_ids"], result["missing"]) == (found, missing)
    assert result["jobs"] == {str(number): {} for number in found}


def test_a_job_that_does_not_meet_the_criteria_is_missing() -> None:
    assert run_info(job_ids=["10", "20_0"], users=["alice"])["missing"] == ["20_0"]
