# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the jobs on nodes to end."""

from __future__ import annotations

from typing import Any

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.node_states import BUSY
from ...common.waiting import Wait

# States of a job that holds its nodes.
HOLDING = frozenset(("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "CONFIGURING"))


def wait_for_jobs(slurm: Slurm, names: list[str]) -> Wait:
    """Return the wait until no job runs, is suspended or completes on nodes."""

    def remaining() -> dict[str, Any]:
        nodes = slurm.nodes(("state",))
        busy = {name: nodes[name]["state"] for name in names if BUSY & set(nodes[name]["state"])}
        # A suspended job holds its nodes without a flag on them.
        return busy or _held_nodes(names, jobs_on(slurm, names))

    def timeout_error(busy: dict[str, Any], waited: float) -> SlurmError:
        jobs = jobs_on(slurm, list(busy))
        owners = ", ".join(f"{number} of {job['user_name']}" for number, job in jobs.items())
        return SlurmError(
            f"after {waited:.0f} s jobs still run or complete on {hostlist.fold(busy)} ({owners or 'none is listed'}): "
            "wait longer with wait_timeout, or end them",
            details={"running_jobs": jobs, "waited": round(waited, 1)},
        )

    return Wait(remaining, timeout_error)


def jobs_on(slurm: Slurm, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the jobs that hold nodes, by their ids, each with its user, state and nodes."""
    wanted = set(names)
    found = slurm.jobs(
        needed=("id", "allocated_nodes", "state"),
        keep=lambda job: (
            job["state"] in HOLDING and bool(wanted & set(hostlist.expand(job["allocated_nodes"] or "") or ()))
        ),
        attributes=("user_name", "state", "allocated_nodes"),
    )
    return {str(number): details for number, (_job, details) in sorted(found.items())}


def _held_nodes(names: list[str], jobs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the nodes that jobs hold, each with the state of a job."""
    wanted = set(names)
    return {
        name: job["state"]
        for job in jobs.values()
        for name in hostlist.expand(job["allocated_nodes"])
        if name in wanted
    }
