# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clusters of the contract tests: the fake of the unit tests and a real controller.

The real controller is used where HPC_SLURM_LAB=1 is set, as in the lab, since the tests change it. The tests of an
ordinary user use it when run by an ordinary user, all others when run by root or SlurmUser.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any, Union

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.criteria import NODE_ATTRIBUTES
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.ids import ID_ATTRIBUTES, JobId
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import AMOUNTS, FIELDS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

NODES = [f"big009{number:02d}" for number in range(1, 7)]
ALL_NODES = "big009[01-06]"
PROGRAM = "/bin/true hpc-slurm-contract"
# Flags that Slurm sets and clears by itself, and the one of nodes without a daemon.
IGNORED_FLAGS = {"NOT_RESPONDING", "COMPLETING", "EXTERNAL"}
ME = pwd.getpwuid(os.geteuid()).pw_name
REAL = os.environ.get("HPC_SLURM_LAB") == "1"
PRIVILEGED = ["fake", *(["real"] if REAL and ME in ("root", "slurm") else [])]
ORDINARY = ["fake", *(["real"] if REAL and ME not in ("root", "slurm") else [])]

NODE_OPTIONS = {
    "nodes": NODES[:2],
    "reason": None,
    "update_reason": False,
    "only_reason": None,
    "attributes": None,
    "wait": False,
    "wait_timeout": 30,
    "max_unavailable": None,
    "booted_after": None,
    "partitions": None,
    "include_out_of_service": False,
    "power_down_mode": "idle",
    "next_state": "resume",
}
# The nodes that can run jobs.
WORKERS = ("node4", "node5", "node6")
RESERVATION = "hpc-slurm-contract"
RESERVATION_OPTIONS: dict[str, Any] = {
    **dict.fromkeys(
        (*FIELDS, *AMOUNTS, "nodes", "node_count", "flags", "start_time", "end_time", "duration", "skip_until")
    ),
    "name": RESERVATION,
    "state": "present",
    "purge_nodes": False,
}


class RealSlurm(Slurm):
    """The real controller, with sbatch and scancel as methods; L(FakeSlurm) has them as well."""

    def submit(self, *words: str, wrap: str = "exec sleep 300") -> int:
        jobs = " ".join(words).split(" : ")
        script = ["--output=/dev/null", "--mem=1", "--ntasks=1"]
        first = [word for words in jobs[:-1] for word in (*script, *words.split(), ":")]
        return int(command("sbatch", "--parsable", *first, *script, *jobs[-1].split(), f"--wrap={wrap}"))

    def submit_texts(self, name: str, comment: str) -> int:
        """Submit a held job with texts that may have blanks in them."""
        texts = (f"--job-name={name}", f"--comment={comment}")
        return int(command("sbatch", "--parsable", "--hold", "--output=/dev/null", *texts, "--wrap=true"))

    def cancel(self, job_id: Union[int, str]) -> None:
        command("scancel", str(job_id))

    def create_node(self, name: str, **fields: object) -> None:
        command("scontrol", "create", f"nodename={name}", *(f"{key}={value}" for key, value in fields.items()))

    def delete_node(self, name: str) -> None:
        command("scontrol", "delete", f"nodename={name}")


def command(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd="/tmp").stdout.strip()


def fake_cluster() -> FakeSlurm:
    slurm = FakeSlurm({"big[00901-00906]": "IDLE+EXTERNAL", "node[4-6]": "IDLE"}, user="slurm")
    for name, record in slurm.records.items():
        record.update(partitions=["big" if name.startswith("big") else "main"])
        record.update(available_features=["large"], active_features=["large"])
    slurm.reserved.licenses = {"lab"}
    return slurm


def has_accounting(slurm: Slurm) -> bool:
    """Tell whether a cluster has accounting storage, as the lab has with C(up --accounting)."""
    if isinstance(slurm, FakeSlurm):
        return slurm.reserved.accounts is not None
    return "accounting_storage/slurmdbd" in command("scontrol", "show", "config")


def clusters_with_accounting() -> list[str]:
    """Return the clusters for tests of accounting storage: the fake, and the real one where it has it."""
    return ["fake", *(["real"] if "real" in PRIVILEGED and has_accounting(RealSlurm()) else [])]


def release(slurm: Slurm) -> tuple[int, int]:
    """Return the Slurm release of a cluster, such as (26, 5)."""
    if isinstance(slurm, FakeSlurm):
        return (26, 5)
    major, minor = command("scontrol", "--version").split()[-1].split(".")[:2]
    return int(major), int(minor)


def out_of_service(state: str) -> bool:
    return bool({"DOWN", "DRAIN", "FAIL"} & set(state.split("+")))


def until(holds: Callable[[], object]) -> None:
    """Wait until a condition on the cluster holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.1)


def our_jobs(slurm: Slurm) -> dict[int, dict[str, Any]]:
    """Return the jobs of the user of these tests, who has no others in the lab."""
    attributes = (*ID_ATTRIBUTES, *NODE_ATTRIBUTES, "state", "user_name", "comment", "batch_host")
    found = slurm.jobs(("user_name",), lambda it: it["user_name"] == slurm.user(), attributes)
    return {number: details for number, (_needed, details) in found.items()}


def job_records(slurm: Slurm, number: int) -> list[dict[str, Any]]:
    """Return a job, or the jobs that an array or a het job consists of, in the order of their tasks."""
    found = [job for job in our_jobs(slurm).values() if JobId.parse(str(number)).selects(job)]
    return sorted(found, key=lambda it: (it["array_task_id"] or 0, it["heterogeneous_offset"] or 0))


def look(slurm: Slurm, names: Iterable[str] = NODES) -> dict[str, tuple[str, Any, Any]]:
    """Return the state of each node as scontrol shows it, with its reason and the reason's user."""
    records = slurm.nodes(["state", "reason", "reason_user"])
    return {
        name: ("+".join(flag for flag in it["state"] if flag not in IGNORED_FLAGS), it["reason"], it["reason_user"])
        for name, it in ((name, records[name]) for name in names)
    }
