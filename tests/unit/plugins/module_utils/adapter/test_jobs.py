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
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import RPCError


class Job:
    """What the adapter uses of pyslurm.Job, each attribute a fault unless it is given."""

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
    """Jobs of which one has nothing but what is needed to choose."""
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


def test_no_more_is_evaluated_than_is_needed(jobs: Jobs) -> None:
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
        7: (None, None),  # the tasks that wait
        8: (0, None),
        9: (None, 0),
    }


def test_steps(jobs: Jobs) -> None:
    found = Slurm().jobs(("id",), lambda job: job["id"] == 8, (), steps=True)
    assert found == {8: ({"id": 8}, {"steps": {"batch": {"name": "batch"}}})}
    assert jobs.loaded == 1


def test_the_attributes_of_a_job(pyslurm: ModuleType) -> None:
    attributes = dict.fromkeys(("user_name", "id", "steps", "stats", "pids", "_hidden"), property())
    vars(pyslurm).update(Job=type("Job", (), {**attributes, "cancel": print, "__doc__": None}))
    assert Slurm().job_attributes() == ["id", "user_name"]


def test_jobs_cannot_be_had(pyslurm: ModuleType) -> None:
    def load() -> None:
        raise RPCError(2002)

    vars(pyslurm).update(Jobs=SimpleNamespace(load=load))
    with pytest.raises(SlurmError) as caught:
        Slurm().jobs((), lambda job: True, ())
    assert (caught.value.name, caught.value.call) == ("ESLURM_ACCESS_DENIED", "REQUEST_JOB_INFO")
