# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters for tests of slurm_node, and the module's options."""

from __future__ import annotations

import itertools
from typing import Any

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.task import STATES as TASK_STATES
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

BASES = ("IDLE", "DOWN", "MIXED", "ALLOCATED", "UNKNOWN")
# DRAIN and FAIL exclude each other: each request for one takes the other away.
FLAGS = (
    (),
    ("DRAIN",),
    ("FAIL",),
    ("NOT_RESPONDING",),
    ("COMPLETING", "DRAIN"),
    ("EXTERNAL", "FAIL"),
    ("MAINT", "DRAIN"),
)
STATES = [[base, *flags] for base, flags in itertools.product(BASES, FLAGS)]
REASONS = (None, "mine: disk", "yours: fan")
DEFAULTS = {
    **dict.fromkeys(("partitions", "state", "reason", "only_reason", "attributes", "max_unavailable", "booted_after")),
    "include_out_of_service": False,
    "power_down_mode": "idle",
    "update_reason": False,
    "wait": False,
    "wait_timeout": 3600,
    "wait_for_capacity": False,
    "next_state": "resume",
}
# The states that are flags of a node; rebooted depends on the time of the last boot.
TARGETS = {name: target_of(DEFAULTS) for name, target_of in TASK_STATES.items() if name != "rebooted"}
TAKING_OUT = ["rebooted", *(name for name, target in TARGETS.items() if target.takes_out)]


def params(**given: Any) -> dict[str, Any]:
    return {"nodes": ["n1"], **DEFAULTS, **given}


def cluster(*states: str, reason: str | None = None, user: str = "root") -> FakeSlurm:
    """A cluster of n1, n2, ... in these states, those out of service with a reason."""
    slurm = FakeSlurm({f"n{number}": state for number, state in enumerate(states, 1)}, user=user)
    for record in slurm.records.values():
        if reason and {"DOWN", "DRAIN", "FAIL"} & set(record["state"]):
            record.update(reason=reason, reason_user="alice")
    return slurm


def run(slurm: FakeSlurm, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return execute(plan_nodes, slurm, params(**given), check_mode)
