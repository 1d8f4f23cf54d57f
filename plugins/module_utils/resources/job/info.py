# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_job_info."""

from __future__ import annotations

from typing import Any

from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.names import expect_known
from ...common.plan import Plan
from .criteria import condition_of, criteria_of, node_names
from .ids import ID_ATTRIBUTES, JobId, id_lookup


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_job_info: nothing is written."""
    known = slurm.job_attributes()
    attributes = expect_known("a job", "attribute", params["attributes"], known)
    criteria = criteria_of(params)
    expect_known("a job", "attribute", list(criteria), known)
    ids = [JobId.parse(text) for text in params["job_ids"] or []]
    conditions = [condition_of(name, values) for name, values in criteria.items()]
    lookup = id_lookup(ids)
    if params["job_ids"] is not None:
        conditions.append(lambda job: bool(lookup(job)))
    if params["nodes"] is not None:
        nodes = frozenset(hostlist.from_option(params["nodes"]))
        conditions.append(lambda job: bool(nodes & node_names(job["allocated_nodes"])))

    needed = {
        *criteria,
        *(ID_ATTRIBUTES if ids else ()),
        *(("allocated_nodes",) if params["nodes"] is not None else ()),
    }
    found = slurm.jobs(
        needed={"id", *needed},
        keep=lambda job: all(holds(job) for holds in conditions),
        attributes=known if attributes is None else attributes,
        steps=params["steps"],
    )
    matched = {job_id for job, _details in found.values() for job_id in lookup(job)}
    missing = [job_id.text for job_id in ids if job_id not in matched]
    jobs = {str(number): details for number, (_job, details) in sorted(found.items())}
    return Plan({"jobs": jobs, "job_ids": sorted(found), "missing": missing})
