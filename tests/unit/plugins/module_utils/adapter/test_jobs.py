# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about jobs."""

from __future__ import annotations

import json
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
    allocated_nodes = property(lambda self: ["n[1-2", "4]"])
    cpus = property(lambda self: 2)
    elapsed_cpu_time = property(lambda self: 6)
    run_time = property(lambda self: 3)
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
    assert {number: details for number, (_needed, details) in found.items()} == {
        7: {"array_task_id": None, "heterogeneous_offset": None},  # the pending tasks
        8: {"array_task_id": 0, "heterogeneous_offset": None},
        9: {"array_task_id": None, "heterogeneous_offset": 0},
    }


def squeue_line(number: int, **fields: str) -> str:
    """Return a line of squeue as the adapter asks for it."""
    names = ("array_task_id", "cpus_per_task", "cpus_per_tres", "memory_per_tres")
    names += ("tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task")
    return "|".join((str(number), *(fields.get(name, "N/A") for name in names), ""))


@pytest.fixture
def squeue(command: Command) -> Command:
    """Return a function that sets what squeue prints."""

    def write(*lines: str) -> None:
        shown = "\n".join(lines)
        command(
            "squeue",
            'test "$1 $2 $3" = "--noheader --all --states=all" && test "${4#--Format=JobID:|,ArrayTaskID:|,}" != "$4" '
            f"&& /bin/cat <<'END'\n{shown}\nEND",
        )

    return write


def test_a_task_with_the_id_of_its_array(jobs: Jobs, squeue: Any) -> None:
    squeue(squeue_line(8, array_task_id="1-2"), squeue_line(20, array_task_id="0"), squeue_line(21))
    ids = {"heterogeneous_id": None, "array_task_id": None, "array_tasks_waiting": None}
    for number in (20, 21, 22):
        jobs[number] = Job(id=number, array_id=number, **ids)
    found = Slurm().jobs(("array_task_id",), lambda job: True, ())
    tasks = {number: needed["array_task_id"] for number, (needed, _details) in found.items()}
    assert tasks == {7: None, 8: 0, 9: None, 20: 0, 21: None, 22: None}  # job 22 has ended meanwhile


def test_squeue_is_run_only_for_attributes_that_need_it(jobs: Jobs) -> None:
    jobs[20] = Job(id=20, array_id=20, array_task_id=None, array_tasks_waiting=None)
    assert Slurm().jobs(("id",), lambda job: job["id"] == 20, ("array_id",)) == {20: ({"id": 20}, {"array_id": 20})}
    assert Slurm().jobs(("id",), lambda job: job["id"] == 8, ("array_task_id",))[8][1] == {"array_task_id": 0}
    with pytest.raises(SlurmError, match="the command squeue is not on PATH"):
        Slurm().jobs(("id",), lambda job: job["id"] == 20, ("array_task_id",))


GRES = (
    "gres",
    "gpus",
    "gres_per_node",
    "tres_per_node",
    "tres_per_job",
    "cpus_per_gpu",
    "memory_per_gpu",
    "cpus_per_task",
)


def test_generic_resources(jobs: Jobs, squeue: Any, command: Command) -> None:
    jobs.update({20: Job(id=20, state="RUNNING"), 21: Job(id=21, state="PENDING"), 22: Job(id=22, state="RUNNING")})
    squeue(
        squeue_line(
            20, tres_per_node="gres/gpu:tesla:2,gres/bandwidth:1G", cpus_per_tres="gres/gpu:3", cpus_per_task="4"
        ),
        squeue_line(21, tres_per_job="gres/gpu:2", memory_per_tres="gres/gpu:1024"),
        squeue_line(22),
    )
    detail = '["gpu:tesla:2(IDX:0-1),bandwidth(CNT:1G)", "gpu:tesla:2(IDX:1,3),bandwidth(CNT:0)"]'
    command(
        "scontrol",
        'test "$1" = --version || { test "$*" = "--all --details show jobs --json" && '
        f"""echo '{{"jobs": [{{"job_id": 20, "gres_detail": {detail}}}]}}'; }}""",
    )
    found = Slurm().jobs(("id",), lambda job: job["id"] >= 20, GRES)
    unset = {"gres": {}, "gpus": {}, "gres_per_node": {}, **dict.fromkeys(GRES[3:])}
    assert {number: details for number, (_needed, details) in found.items()} == {
        20: {
            "gres": {"gpu:tesla": 4, "bandwidth": 1 << 30},
            "gpus": {"gpu:tesla": 4},
            "gres_per_node": {"gpu:tesla": 2, "bandwidth": 1 << 30},
            "tres_per_node": {"gres/gpu:tesla": 2, "gres/bandwidth": 1 << 30},
            "tres_per_job": None,
            "cpus_per_gpu": 3,
            "memory_per_gpu": None,
            "cpus_per_task": 4,
        },
        21: {**unset, "tres_per_job": {"gres/gpu": 2}, "memory_per_gpu": 1024},
        22: unset,
    }


def test_memory_and_texts_that_are_not_set(jobs: Jobs) -> None:
    tres = SimpleNamespace(mem=SimpleNamespace(count=20))
    jobs.update(
        {
            20: Job(id=20, tres=tres, memory=10, billable_tres=0.0, allocated_tres=tres, standard_error=""),
            21: Job(id=21, tres=None, memory=None, billable_tres=0.0, allocated_tres=None, standard_error="/e"),
        }
    )
    names = ("memory", "billable_tres", "standard_error")
    found = Slurm().jobs(("id",), lambda job: job["id"] >= 20, names)
    assert [tuple(details[name] for name in names) for _needed, details in found.values()] == [
        (20, 0.0, None),
        (None, None, "/e"),
    ]


def test_steps(jobs: Jobs, command: Command) -> None:
    per = {"node": "gres/gpu:2", "socket": "", "step": "cpu:4", "task": ""}
    step = {"id": "8.batch", "array": {"job_id": 7, "task_id": 0}, "number_cpus": 0, "tres": {"per": per}}
    output = json.dumps({"steps": [step]})
    command("scontrol", f"""test "$1" = --version || {{ test "$*" = "show steps --json" && echo '{output}'; }}""")
    found = Slurm().jobs(("id",), lambda job: job["id"] == 8, (), steps=True)
    assert found[8][1]["steps"] == {
        "batch": {
            "name": "batch",
            "allocated_nodes": "n[1-2,4]",
            "array_task_id": 0,
            "cpus": None,
            "elapsed_cpu_time": None,
            "run_time": 3,
            "tres_per_node": {"gres/gpu": 2},
            "tres_per_socket": None,
            "tres_per_step": {"cpu": 4},
            "tres_per_task": None,
        }
    }
    assert jobs.loaded == 1


def test_a_step_that_ended_meanwhile_is_as_pyslurm_read_it(jobs: Jobs, command: Command) -> None:
    command("scontrol", """test "$1" = --version || echo '{"steps": []}'""")
    (step,) = Slurm().jobs(("id",), lambda job: job["id"] == 8, (), steps=True)[8][1]["steps"].values()
    assert (step["cpus"], step["elapsed_cpu_time"]) == (2, 6)


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
