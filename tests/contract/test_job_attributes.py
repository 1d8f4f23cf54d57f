# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every attribute of jobs and steps compared with the JSON of scontrol, on jobs of the real controller."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.gres import parse_gres
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.job_values import (
    STEP_TRES,
    parse_gres_detail,
    parse_tres,
)
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.values import Unreadable, record
from ansible_collections.hpc.slurm.tests.contract.cluster import PRIVILEGED, RealSlurm, command, until

# Only a real controller has these.
pytestmark = pytest.mark.parametrize("slurm", [name for name in PRIVILEGED if name == "real"], indirect=True)

Json = dict[str, Any]
Expected = Callable[[Json], Any]

BINDINGS = {"GRES_BINDING_ENFORCED": "enforce-binding", "GRES_BINDING_DISABLED": "disable-binding"}
DISTRIBUTIONS = {
    "Unknown": None,
    "Cyclic": {"nodes": "cyclic", "sockets": None, "cores": None, "plane": None, "pack": None},
    "CBlock": {"nodes": "cyclic", "sockets": "block", "cores": None, "plane": None, "pack": None},
}
FREQUENCIES = {
    0x80000001: "LOW",
    0x80000002: "MEDIUM",
    0x80000003: "HIGH",
    0x80800000: "USERSPACE",
    0x84000000: "ONDEMAND",
}


def number(value: Any) -> Any:
    """Return a number of the JSON, which may be an object with C(set), C(infinite) and C(number)."""
    if isinstance(value, dict):
        return "UNLIMITED" if value["infinite"] else value["number"] if value["set"] else None
    return value


def text(key: str) -> Expected:
    return lambda job: job[key] or None


def items(key: str) -> Expected:
    return lambda job: job[key].split(",") if job[key] else []


def any_number(key: str) -> Expected:
    return lambda job: number(job[key])


def tres_counts(key: str) -> Expected:
    return lambda job: parse_tres(job[key])


def set_number(key: str) -> Expected:
    """Return a number, None for 0: the value means that nothing is set."""
    return lambda job: number(job[key]) or None


def flag(name: str) -> Expected:
    return lambda job: name in job["flags"]


def frequency(value: Any) -> Optional[str]:
    """Return a frequency or governor of the JSON by its name."""
    return FREQUENCIES[value] if (value := number(value)) else None


def tres(key: str) -> Expected:
    """Return the counts of a text such as C(cpu=4,mem=100M,node=1), memory in MiB."""
    return lambda job: {**counts, "mem": counts["mem"] >> 20} if (counts := parse_tres(job[key])) else None


def step_tres(name: str) -> Expected:
    return lambda step: parse_tres(step["tres"]["per"][name.rpartition("_")[2]])


def running(job: Json) -> bool:
    return bool(job["job_state"] == ["RUNNING"])


def total_tres(job: Json) -> Any:
    return tres("tres_alloc_str" if running(job) else "tres_req_str")(job)


def run_time_limit(job: Json) -> Any:
    return number(job["time_limit"]) if number(job["time_limit"]) != "UNLIMITED" else None


def for_gpu(key: str) -> Expected:
    return lambda job: next(iter((parse_tres(job[key]) or {}).values()), None)


def dependencies(job: Json) -> Any:
    if not job["dependency"]:
        return None
    kind, _colon, rest = job["dependency"].partition(":")
    return {"after": [], "afterany": [], "afterburstbuffer": [], "aftercorr": [], "afternotok": [], "afterok": []} | {
        "singleton": False,
        "satisfy": "all",
        kind: [rest],
    }


TEXTS = {
    **{
        name: name
        for name in ("account", "admin_comment", "batch_host", "burst_buffer", "burst_buffer_state", "cluster")
    },
    **{name: name for name in ("command", "comment", "container", "container_id", "excluded_nodes", "extra")},
    **{name: name for name in ("failed_node", "federation_origin", "group_name", "mcs_label", "name", "network")},
    **{name: name for name in ("partition", "qos", "required_nodes", "scheduled_nodes", "selinux_context")},
    **{name: name for name in ("state_reason", "submit_line", "system_comment", "user_name", "wckey")},
    **{
        "allocated_nodes": "nodes",
        "cronjob_time": "cron",
        "reservation": "resv_name",
        "submit_host": "allocating_node",
    },
    **{"standard_error": "stderr_expanded", "standard_input": "stdin_expanded", "standard_output": "stdout_expanded"},
    "working_directory": "current_working_directory",
}
LISTS = {
    **{"allocated_licenses": "licenses_allocated", "batch_constraints": "batch_features", "constraints": "features"},
    **{"cluster_constraints": "cluster_features", "licenses": "licenses", "mail_user": "mail_user"},
    **{"federation_siblings_active": "federation_siblings_active", "preferred_features": "prefer"},
    "federation_siblings_viable": "federation_siblings_viable",
}
# None where Slurm has 0, which means that nothing is set.
SET_NUMBERS = {
    **{name: name for name in ("accrue_time", "association_id", "deadline", "eligible_time", "end_time", "max_nodes")},
    **{name: name for name in ("preempt_time", "required_switches", "resize_time", "segment_size", "start_time")},
    **{name: name for name in ("memory_per_node", "sockets_per_board", "submit_time", "suspend_time")},
    **{"array_id": "array_job_id", "array_tasks_parallel": "array_max_tasks", "delay_boot_time": "delay_boot"},
    **{"heterogeneous_id": "het_job_id", "last_sched_evaluation_time": "last_sched_evaluation"},
    **{"max_wait_time_switches": "maximum_switch_wait_time", "min_cpus_per_node": "minimum_cpus_per_node"},
    **{"ntasks_per_board": "tasks_per_board", "ntasks_per_gpu": "tasks_per_tres", "ntasks_per_node": "tasks_per_node"},
    **{"pre_suspension_time": "pre_sus_time", "preempt_eligible_time": "preemptable_time"},
    **{"temporary_disk_per_node": "minimum_tmp_disk_per_node", "time_limit_min": "time_minimum"},
}
NUMBERS = {
    **{name: name for name in ("array_task_id", "billable_tres", "cores_per_socket", "cpus", "cpus_per_task")},
    **{name: name for name in ("group_id", "memory_per_cpu", "nice", "priority", "sockets_per_node")},
    **{"id": "job_id", "is_batch_job": "batch_flag", "is_requeueable": "requeue", "ntasks": "tasks"},
    **{"ntasks_per_core": "tasks_per_core", "ntasks_per_socket": "tasks_per_socket", "num_nodes": "node_count"},
    **{"requeue_count": "restart_cnt", "requires_contiguous_nodes": "contiguous", "requires_node_reboot": "reboot"},
    **{"threads_per_core": "threads_per_core", "user_id": "user_id"},
}
FLAGS = {
    **{"consolidate_segments": "CONSOLIDATE_SEGMENTS", "is_cronjob": "CRON_JOB", "spread_segments": "SPREAD_SEGMENTS"},
    **{"kill_on_invalid_dependency": "KILL_INVALID_DEPENDENCY", "spreads_over_nodes": "SPREAD_JOB"},
}
# What the JSON does not have.
NOT_IN_JSON = {
    *("boards_per_node", "kill_step_when_oom", "reserved_ports", "slurm_protocol_version", "submit_session_id"),
    *("elapsed_cpu_time", "resource_sharing", "run_time", "run_time_remaining"),  # tested by themselves
}
EXPECTED: dict[str, Expected] = {
    **{name: text(key) for name, key in TEXTS.items()},
    **{name: items(key) for name, key in LISTS.items()},
    **{name: set_number(key) for name, key in SET_NUMBERS.items()},
    **{name: any_number(key) for name, key in NUMBERS.items()},
    **{name: flag(key) for name, key in FLAGS.items()},
    **{name: tres_counts(name) for name in ("tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task")},
    "allocated_tres": tres("tres_alloc_str"),
    "array_tasks_waiting": lambda job: job["array_task_string"].partition("%")[0] or None,
    "cores_reserved_for_system": lambda job: None,  # the lab reserves none
    "cpu_frequency_governor": lambda job: frequency(job["cpu_frequency_governor"]),
    "cpu_frequency_max": lambda job: frequency(job["cpu_frequency_maximum"]),
    "cpu_frequency_min": lambda job: frequency(job["cpu_frequency_minimum"]),
    "cpus_per_gpu": for_gpu("cpus_per_tres"),
    "dependencies": dependencies,
    "derived_exit_code": lambda job: number(job["derived_exit_code"]["return_code"]),
    "derived_exit_code_signal": lambda job: number(job["derived_exit_code"]["signal"]["id"]) or 0,
    "exit_code": lambda job: number(job["exit_code"]["return_code"]),
    "exit_code_signal": lambda job: number(job["exit_code"]["signal"]["id"]) or 0,
    "gpus": lambda job: {
        name: count for name, count in parse_gres_detail(job["gres_detail"]).items() if name.startswith("gpu")
    },
    "gres": lambda job: parse_gres_detail(job["gres_detail"]),
    "gres_binding": lambda job: BINDINGS.get(next((name for name in job["flags"] if name in BINDINGS), "")),
    "gres_per_node": lambda job: parse_gres(job["tres_per_node"]),
    "gres_tasks_per_sharing": lambda job: None,  # the lab has no shared resource
    "heterogeneous_offset": lambda job: job["het_job_offset"]["number"] if number(job["het_job_id"]) else None,
    "mail_types": lambda job: job["mail_type"],
    "memory": lambda job: (total_tres(job) or {}).get("mem"),
    "memory_per_gpu": for_gpu("memory_per_tres"),
    "profile_types": lambda job: [kind for kind in job["profile"] if kind != "NOT_SET"],
    "requested_tres": tres("tres_req_str"),
    "state": lambda job: "+".join(job["job_state"]),
    "threads_reserved_for_system": lambda job: None,
    "time_limit": run_time_limit,
    "tres": total_tres,
}

STEP_EXPECTED: dict[str, Expected] = {
    **{name: text(name) for name in ("cluster", "container", "container_id", "name", "network", "partition")},
    "allocated_nodes": text("nodes"),
    "array_task_id": lambda step: step["array"]["task_id"] if step["array"]["job_id"] else None,
    "command": text("submit_line"),
    "cpu_frequency_governor": lambda step: frequency(step["cpu"]["frequency"]["governor"]),
    "cpu_frequency_max": lambda step: frequency(step["cpu"]["frequency"]["max"]),
    "cpu_frequency_min": lambda step: frequency(step["cpu"]["frequency"]["min"]),
    "cpus": lambda step: step["number_cpus"] or None,
    "distribution": lambda step: DISTRIBUTIONS[step["task"]["distribution"]],
    "id": lambda step: int(name) if (name := step["id"].partition(".")[2]).isdecimal() else name,
    "job_id": lambda step: int(step["id"].partition(".")[0]),
    "ntasks": lambda step: step["number_tasks"],
    "reserved_ports": text("reserved_ports"),
    "srun_host": lambda step: step["srun"]["host"] or None,
    "srun_process_id": lambda step: step["srun"]["pid"] or None,
    "standard_error": text("stderr_expanded"),
    "standard_input": text("stdin_expanded"),
    "standard_output": text("stdout_expanded"),
    "start_time": lambda step: number(step["time"]["start"]),
    "state": lambda step: "+".join(step["state"]),
    "time_limit": lambda step: None if (limit := number(step["time"]["limit"])) == "UNLIMITED" else limit,
    "tres": lambda step: tres("allocation")(step["tres"]),
    **{name: step_tres(name) for name in STEP_TRES},
    "user_name": text("user"),
}
# What the JSON does not have, or has of tracked resources only; the times are tested by themselves.
STEP_NOT_IN_JSON = {
    *("elapsed_cpu_time", "gpus", "gres", "run_time", "run_time_remaining", "slurm_protocol_version", "user_id"),
    "working_directory",
}

# Attributes that pyslurm itself reads otherwise than Slurm's JSON has them, on one of the jobs below. The adapter reads
# them as docs/slurm.md says.
WRONG_IN_PYSLURM = {
    *("array_task_id", "billable_tres", "cpus_per_gpu", "cpus_per_task", "gpus", "gres", "gres_per_node"),
    *("heterogeneous_offset", "memory", "memory_per_gpu", "standard_error", "tres_per_job", "tres_per_node"),
    *("tres_per_socket", "tres_per_task"),
}
STEP_WRONG_IN_PYSLURM = {"allocated_nodes", "array_task_id", "cpus", "tres_per_node", "tres_per_step"}


class Submitted(NamedTuple):
    """The jobs that are compared."""

    slurm: RealSlurm
    full: int
    ids: list[int]


@pytest.fixture
def submitted(slurm: RealSlurm) -> Submitted:
    """Jobs of every kind, of which one has all attributes that the lab can set."""
    inner = "srun --mem=50 --ntasks=2 --cpus-per-task=1 --distribution=cyclic:block --job-name=inner --cpu-freq=high"
    full = slurm.submit(
        *("--nodes=1", "--nodelist=node8", "--ntasks=2", "--mem=100", "--time=60", "--time-min=30", "--comment=a=b,c"),
        *("--constraint=lab", "--licenses=lab:2", "--mail-user=a@b,c@d", "--mail-type=END,FAIL", "--nice=10"),
        *("--exclude=node1,node3", "--output=/tmp/out.%j.%x", "--error=/tmp/err.%j", "--input=/dev/null", "--extra=e"),
        *("--job-name=full", "--profile=task", "--switches=1@10", "--wckey=w", "--ntasks-per-node=2"),
        *("--deadline=now+5hours", "--delay-boot=2", "--tmp=1", "--contiguous", "--cpu-freq=low-high:OnDemand"),
        *("--gres-flags=enforce-binding", "--kill-on-invalid-dep=yes", "--requeue", "--oversubscribe", "--mincpus=2"),
        *("--network=nn", "--gpus-per-node=tesla:2", "--cpus-per-gpu=1"),
        wrap=f"{inner} --network=x --output=/tmp/o.%j.%s sleep 300 & exec sleep 300",
    )
    array = slurm.submit("--array=0-5%2", "--nodelist=node4", wrap="srun sleep 300")
    wide = slurm.submit("--nodelist=node4,node6", "--nodes=2", "--ntasks=2", wrap="srun sleep 300")
    het = slurm.submit("--hold --nodelist=node4 : --nodelist=node5")
    failed = slurm.submit("--requeue", wrap="srun sh -c 'exit 4'; exit 3")
    others = [
        int(command("sbatch", "--parsable", "--hold", "--ntasks=1", *options, "--wrap=true"))
        for options in (
            (f"--dependency=afterany:{full}", "--gpus=tesla:2", "--cpus-per-gpu=1", "--mem-per-gpu=10", "--exclusive"),
            ("--tres-per-task=gres/gpu:1", "--batch=lab", "--constraint=lab", "--cluster-constraint=x", "--account=a"),
            ("--gpus-per-socket=tesla:1", "--sockets-per-node=1", "--cores-per-socket=1", "--ntasks-per-socket=1"),
            ("--gpus=2", "--ntasks-per-gpu=1", "--segment=1", "--gres-flags=disable-binding", "--ntasks-per-core=1"),
            ("--mem-per-cpu=3", "--no-requeue", "--nodes=1-2", "--begin=now+1hour", "--time=UNLIMITED", "--spread-job"),
            ("--prefer=lab", "--threads-per-core=1"),
        )
    ]
    command("scontrol", "update", f"jobid={others[1]}", "admincomment=a = b")
    asked = {full, array, wide, het, het + 1, failed, *others}
    until(lambda: len(shown_steps()) == 8 and shown_jobs()[failed]["job_state"] == ["FAILED"])
    found = [job["job_id"] for job in shown_jobs().values() if {job["job_id"], number(job["array_job_id"])} & asked]
    return Submitted(slurm, full, found)


def shown_jobs() -> dict[int, Json]:
    output = command("scontrol", "--details", "show", "jobs", "--json")
    return {job["job_id"]: job for job in json.loads(output)["jobs"]}


def shown_steps() -> dict[str, Json]:
    return {step["id"]: step for step in json.loads(command("scontrol", "show", "steps", "--json"))["steps"]}


def counts(value: Any) -> Any:
    """Return trackable resources as counts by name, and anything else as it is."""
    if not isinstance(value, dict) or "raw_str" not in value:
        return value
    return {name: item["count"] for name, item in value.items() if isinstance(item, dict) and "count" in item}


def differing(
    table: dict[str, Expected], shown: Callable[[], dict[Any, Json]], read: Callable[[], dict[Any, Json]]
) -> set[str]:
    """Return the attributes that are not as in the JSON before or after they are read: some change by themselves."""
    before, found, after = shown(), read(), shown()
    return {
        name
        for key, values in found.items()
        for name, expected in table.items()
        if counts(values[name]) not in (expected(before[key]), expected(after[key]))
    }


def read_jobs(submitted: Submitted) -> dict[int, Json]:
    found = submitted.slurm.jobs(("id",), lambda job: job["id"] in submitted.ids, submitted.slurm.job_attributes())
    return {number: details for number, (_needed, details) in found.items()}


def read_steps(submitted: Submitted) -> dict[str, Json]:
    found = submitted.slurm.jobs(("id",), lambda job: job["id"] in submitted.ids, (), steps=True)
    return {f"{number}.{name}": step for number, (_needed, job) in found.items() for name, step in job["steps"].items()}


def test_every_attribute_of_a_job_is_that_of_slurm(submitted: Submitted) -> None:
    assert {*EXPECTED} | NOT_IN_JSON == {*submitted.slurm.job_attributes()}
    assert differing(EXPECTED, shown_jobs, lambda: read_jobs(submitted)) == set()
    assert submitted.slurm.warnings() == []


def test_every_attribute_of_a_step_is_that_of_slurm(submitted: Submitted) -> None:
    steps = read_steps(submitted)
    assert {*STEP_EXPECTED} | STEP_NOT_IN_JSON == set.union(*({*step} for step in steps.values()))
    assert len(steps) == 8
    assert differing(STEP_EXPECTED, shown_steps, lambda: read_steps(submitted)) == set()
    assert submitted.slurm.warnings() == []


def test_the_jobs_have_every_attribute(submitted: Submitted) -> None:
    jobs = read_jobs(submitted).values()
    unset = {name for name in EXPECTED if all(job[name] in (None, 0, [], {}, False) for job in jobs)}
    assert unset == {
        # The lab has no accounts, federation, burst buffers, labels, containers, blocks of nodes or reserved cores.
        *("association_id", "qos", "federation_origin", "federation_siblings_active", "federation_siblings_viable"),
        *("burst_buffer", "burst_buffer_state", "mcs_label", "selinux_context", "container", "container_id"),
        *("consolidate_segments", "spread_segments", "cores_reserved_for_system", "threads_reserved_for_system"),
        *("gres_tasks_per_sharing", "ntasks_per_board", "sockets_per_board", "is_cronjob", "cronjob_time"),
        # No job is preempted, suspended, resized, requeued, killed or about to start, or needs a reboot.
        *("preempt_eligible_time", "preempt_time", "suspend_time", "pre_suspension_time", "resize_time"),
        *("requeue_count", "failed_node", "exit_code_signal", "derived_exit_code_signal", "scheduled_nodes"),
        *("requires_node_reboot", "reservation", "system_comment", "command"),
    }


def test_times_of_jobs_and_steps(submitted: Submitted) -> None:
    job = submitted.slurm.jobs(("id",), lambda it: it["id"] == submitted.full, submitted.slurm.job_attributes(), True)
    details = job[submitted.full][1]
    for it in (details, details["steps"]["0"]):
        assert it["elapsed_cpu_time"] == it["run_time"] * it["cpus"]
        assert 0 <= it["run_time"] < 300
    assert details["run_time_remaining"] == 3600 - details["run_time"]
    assert details["steps"]["0"]["run_time_remaining"] is None
    assert details["steps"]["batch"]["elapsed_cpu_time"] is None


def test_the_sharing_of_nodes(submitted: Submitted) -> None:
    """Slurm 26.05 shows other fields for it, which pyslurm does not read."""
    jobs = read_jobs(submitted)
    exclusive = next(job for job in jobs.values() if job["dependencies"])
    assert (jobs[submitted.full]["resource_sharing"], exclusive["resource_sharing"]) == ("YES", "NO")


def test_what_pyslurm_gets_wrong(submitted: Submitted) -> None:
    def load() -> Any:
        jobs = submitted.slurm._pyslurm().Jobs.load()
        jobs.load_steps()
        return {number: jobs[number] for number in submitted.ids}

    def read_pyslurm_jobs() -> dict[int, Json]:
        return {number: record(job, EXPECTED, Unreadable().of("job", number)) for number, job in load().items()}

    def read_pyslurm_steps() -> dict[str, Json]:
        return {
            f"{number}.{name}": record(step, STEP_EXPECTED, Unreadable().of("step", name))
            for number, job in load().items()
            for name, step in job.steps.items()
        }

    assert differing(EXPECTED, shown_jobs, read_pyslurm_jobs) == WRONG_IN_PYSLURM
    assert differing(STEP_EXPECTED, shown_steps, read_pyslurm_steps) == STEP_WRONG_IN_PYSLURM
