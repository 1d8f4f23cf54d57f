# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about jobs."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import Command, RPCError


class Job:
    """What the adapter uses of pyslurm.Job. Reading an attribute that is not given is an error."""

    def __init__(self, **given: Any) -> None:
        self.given, self.steps = given, {"batch": Step()}

    def __getattr__(self, name: str) -> Any:
        if name not in self.given:
            raise ZeroDivisionError(f"{name} was evaluated")
        return self.given[name]


class Step:
    name = property(lambda self: "batch")
    stats = property(lambda self: 1 / 0)
    pids = property(lambda self: 1 / 0)


class Jobs(dict[int, Any]):
    loaded = 0

    def load_steps(self) -> None:
        self.loaded += 1


@pytest.fixture
def jobs(pyslurm: ModuleType) -> Jobs:
    """Jobs, one of which has only the attributes needed for the selection."""
    array = {"array_id": 7, "array_task_id": None, "heterogeneous_id": None, "heterogeneous_offset": None}
    found = Jobs(
        {
            7: Job(**array, array_tasks_waiting="1-2", id=7, state="PENDING", name="a"),
            8: Job(**array, array_tasks_waiting=None, id=8, state="RUNNING", name="b"),
            9: Job(
                array_id=None,
                array_task_id=None,
                array_tasks_waiting=None,
                heterogeneous_id=9,
                heterogeneous_offset=None,
                id=9,
                state="RUNNING",
            ),
        }
    )
    vars(pyslurm).update(Jobs=SimpleNamespace(load=lambda: found), Job=Job)
    return found


def test_only_needed_attributes_are_evaluated(jobs: Jobs) -> None:
    found = Slurm().jobs(("id", "state"), lambda job: job["id"] != 9, ("name",))
    assert found == {
        7: ({"id": 7, "state": "PENDING"}, {"name": "a"}),
        8: ({"id": 8, "state": "RUNNING"}, {"name": "b"}),
    }
    assert jobs.loaded == 0
    with pytest.raises(ZeroDivisionError, match="name was evaluated"):
        Slurm().jobs((), lambda job: True, ("name",))


def test_a_task_and_a_component_of_number_zero(jobs: Jobs) -> None:
    found = Slurm().jobs((), lambda job: True, ("array_task_id", "heterogeneous_offset"))
    assert {number: tuple(details.values()) for number, (_needed, details) in found.items()} == {
        7: (None, None),  # the pending tasks
        8: (0, None),
        9: (None, 0),
    }


def test_a_task_with_the_id_of_its_array(jobs: Jobs, command: Command) -> None:
    command("squeue", 'test "$*" = "--noheader --all --states=all --format=%A %K" && printf "8 1-2\n20 0\n21 N/A\n"')
    ids = {"heterogeneous_id": None, "array_task_id": None, "array_tasks_waiting": None}
    for number in (20, 21, 22):
        jobs[number] = Job(id=number, array_id=number, **ids)
    found = Slurm().jobs(("array_task_id",), lambda job: True, ())
    tasks = {number: needed["array_task_id"] for number, (needed, _details) in found.items()}
    assert tasks == {7: None, 8: 0, 9: None, 20: 0, 21: None, 22: None}  # job 22 has ended meanwhile


def test_squeue_is_run_only_for_the_attribute_that_needs_it(jobs: Jobs) -> None:
    jobs[20] = Job(id=20, array_id=20, array_task_id=None, array_tasks_waiting=None)
    assert Slurm().jobs(("id",), lambda job: job["id"] == 20, ("array_id",)) == {20: ({"id": 20}, {"array_id": 20})}
    with pytest.raises(SlurmError, match="the command squeue is not on PATH"):
        Slurm().jobs(("id",), lambda job: False, ("array_task_id",))


def test_steps(jobs: Jobs) -> None:
    found = Slurm().jobs(("id",), lambda job: job["id"] == 8, (), steps=True)
    assert found == {8: ({"id": 8}, {"steps": {"batch": {"name": "batch"}}})}
    assert jobs.loaded == 1


def test_the_attributes_of_a_job(pyslurm: ModuleType) -> None:
    attributes = dict.fromkeys(("user_name", "id", "steps", "stats", "pids", "_hidden"), property())
    vars(pyslurm).update(Job=type("Job", (), {**attributes, "cancel": print, "__doc__": None}))
    assert Slurm().job_attributes() == ["id", "user_name"]


def test_jobs_cannot_be_loaded(pyslurm: ModuleType) -> None:
    def load() -> None:
        raise RPCError(2002)

    vars(pyslurm).update(Jobs=SimpleNamespace(load=load))
    with pytest.raises(SlurmError) as caught:
        Slurm().jobs((), lambda job: True, ())
    assert (caught.value.name, caught.value.call) == ("ESLURM_ACCESS_DENIED", "REQUEST_JOB_INFO")
