# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for nodes: for their jobs to end, or for them to come or go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.node_states import BUSY
from ...common.waiting import Wait
from .records import Node, select_again

# States of a job that holds its nodes.
HOLDING = frozenset(("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "CONFIGURING"))


def wait_for_jobs(slurm: Slurm, names: list[str]) -> Wait:
    """Return the wait until no job runs, is suspended or completes on nodes."""

    def remaining() -> dict[str, Any]:
        nodes = select_again(slurm.nodes(("state",)), names)
        busy = {name: node["state"] for name, node in nodes.items() if BUSY & set(node["state"])}
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


def wait_for_nodes(
    slurm: Slurm,
    names: list[str],
    is_done: Callable[[Node], bool],
    problem: str,
    advice: str,
    has_failed: Callable[[Node], bool] = lambda node: False,
) -> Wait:
    """Return the wait until nodes are as they should be.

    :param is_done: whether a node is.
    :param problem: what the nodes did not do when the wait fails, as a verb phrase.
    :param advice: what to do then.
    :param has_failed: whether there is no use in waiting for a node any longer, since slurmctld has given up on it.
    """

    def remaining() -> dict[str, Any]:
        nodes = select_again(slurm.nodes(("state", "reason", "boot_time")), names)
        left = {name: node for name, node in nodes.items() if not is_done(node)}
        states = {name: node["state"] for name, node in left.items()}
        failed = [name for name, node in left.items() if has_failed(node)]
        if failed:
            raise SlurmError(
                f"{hostlist.fold(failed)} {problem}, and Slurm does not wait any longer ({left[failed[0]]['reason']}): "
                f"{advice}",
                details={"not_reached": states},
            )
        return states

    def timeout_error(states: dict[str, Any], waited: float) -> SlurmError:
        return SlurmError(
            f"after {waited:.0f} s {hostlist.fold(states)} {problem}: {advice}, or wait longer with wait_timeout",
            details={"not_reached": states, "waited": round(waited, 1)},
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
