# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clusters that the contract tests ask: the fake of the unit tests and a real controller.

The real one is asked where HPC_SLURM_LAB=1 says that tests may change it, as in the lab: as SlurmUser for
all but the tests of an ordinary user, and as an ordinary user only for those.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.resources import job
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import AMOUNTS, FIELDS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

NODES = [f"big009{number:02d}" for number in range(1, 7)]
ALL_NODES = "big009[01-06]"
PROGRAM = "/bin/true hpc-slurm-contract"
# What comes and goes by itself, and what says that the lab's node has no daemon.
OWN_LIFE = {"NOT_RESPONDING", "COMPLETING", "EXTERNAL"}
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
    "next_state": "resume",
}
# The nodes that can run jobs.
WORKERS = ("node4", "node5", "node6")
RESERVATION = "hpc-slurm-contract"
RESERVATION_OPTIONS: dict[str, Any] = {
    **dict.fromkeys((*FIELDS, *AMOUNTS, "nodes", "node_count", "flags", "start_time", "end_time", "duration")),
    "name": RESERVATION,
    "state": "present",
    "purge_nodes": False,
}


class RealSlurm(Slurm):
    """The real one, with what sbatch and scancel do; L(FakeSlurm) has these too."""

    def submit(self, *words: str) -> int:
        jobs = " ".join(words).split(" : ")
        script = ["--output=/dev/null", "--mem=1", "--ntasks=1"]
        first = [word for words in jobs[:-1] for word in (*script, *words.split(), ":")]
        return int(command("sbatch", "--parsable", *first, *script, *jobs[-1].split(), "--wrap=exec sleep 300"))

    def cancel(self, number: int) -> None:
        command("scancel", str(number))


def command(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd="/tmp").stdout.strip()


def fake_cluster() -> FakeSlurm:
    slurm = FakeSlurm({"big[00901-00906]": "IDLE+EXTERNAL", "node[4-6]": "IDLE"}, user="slurm")
    for name, record in slurm.records.items():
        record.update(partitions=["big" if name.startswith("big") else "main"])
        record.update(available_features=["large"], active_features=["large"])
    slurm.reserved.licenses = {"lab"}
    return slurm


def unfit(state: str) -> bool:
    return bool({"DOWN", "DRAIN", "FAIL"} & set(state.split("+")))


def until(holds: Callable[[], object]) -> None:
    """Wait until a condition holds, which a controller's own doing brings about."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.1)


def our_jobs(slurm: Slurm) -> dict[int, dict[str, Any]]:
    """Return the jobs of the user that asks: in the lab there are no others of SlurmUser's."""
    attributes = (*job.ID_ATTRIBUTES, *job.NODE_ATTRIBUTES, "state", "user_name", "comment", "batch_host")
    found = slurm.jobs(("user_name",), lambda it: it["user_name"] == slurm.user(), attributes)
    return {number: details for number, (_needed, details) in found.items()}


def of(slurm: Slurm, number: int) -> list[dict[str, Any]]:
    """Return a job, or the jobs that an array or a het job consists of, in the order of their tasks."""
    found = [it for it in our_jobs(slurm).values() if job.JobId.parse(str(number)).covers(it)]
    return sorted(found, key=lambda it: (it["array_task_id"] or 0, it["heterogeneous_offset"] or 0))


def look(slurm: Slurm, names: Iterable[str] = NODES) -> dict[str, tuple[str, Any, Any]]:
    """Return of each node its state as scontrol writes it, the reason and its user."""
    records = slurm.nodes(["state", "reason", "reason_user"])
    return {
        name: ("+".join(flag for flag in it["state"] if flag not in OWN_LIFE), it["reason"], it["reason_user"])
        for name, it in ((name, records[name]) for name in names)
    }
