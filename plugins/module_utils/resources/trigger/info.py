# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_trigger_info."""

from __future__ import annotations

from typing import Any

from ...adapter.slurm import Slurm
from ...common.plan import Plan
from .description import job_number, pattern_filter


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_trigger_info: nothing is written."""
    pattern = pattern_filter("program", params["program"])
    job_id = job_number(params["job_id"])
    found = [
        trigger
        for trigger in slurm.triggers()
        if (params["event"] is None or trigger["event"] == params["event"])
        and (params["user"] is None or trigger["user"] == params["user"])
        and (job_id is None or (trigger["resource"], trigger["resource_id"]) == ("job", job_id))
        and pattern(trigger["program"])
    ]
    return Plan({"triggers": found})
