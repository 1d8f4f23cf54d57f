# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_reservation_info."""

from __future__ import annotations

from typing import Any

from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.plan import Plan
from .records import load


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_reservation_info: nothing is written."""
    found = load(slurm)
    if params["names"] is not None:
        found = [record for record in found if record["name"] in params["names"]]
    if params["nodes"] is not None:
        wanted = set(hostlist.from_option(params["nodes"]))
        found = [record for record in found if wanted & set(record["nodes"])]
    return Plan({"reservations": {record["name"]: record for record in found}})
