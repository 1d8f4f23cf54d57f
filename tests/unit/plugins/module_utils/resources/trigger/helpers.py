# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module slurm_trigger, run on the fake."""

from __future__ import annotations

from typing import Any

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.plan import plan_trigger
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

OPTIONS = ("event", "nodes", "job_id", "offset", "program", "permanent", "trigger_ids", "user", "purge_matching")
URL = "/usr/bin/curl --config /etc/slurm/l.conf http://host:1/down --data-raw"


def params(state: str = "present", **given: Any) -> dict[str, Any]:
    return {**dict.fromkeys(OPTIONS), "state": state, **given}


def run_module(slurm: FakeSlurm, state: str = "present", check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return execute(plan_trigger, slurm, params(state, **given), check_mode)


def set_trigger(slurm: FakeSlurm, **given: Any) -> dict[str, Any]:
    """Set a trigger, by default for nodes that go down, and return it."""
    return run_module(slurm, **{"event": "down", "program": "/bin/true", **given})["triggers"][0]
