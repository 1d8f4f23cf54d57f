# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of slurm_reservation on the fake, and values of its options."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import AMOUNTS, FIELDS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.plan import plan_reservation
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.records import details, load
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

NOW = 1_800_000_000
HOUR = 3600
YEAR = 365 * 24 * HOUR
OPTIONS: dict[str, Any] = {
    **dict.fromkeys(
        (*FIELDS, *AMOUNTS, "nodes", "node_count", "flags", "start_time", "end_time", "duration", "skip_until")
    ),
    "name": "r",
    "state": "present",
    "purge_nodes": False,
}
# Of each field: a value, the same value in another spelling, another value, and the empty value.
VALUES: dict[str, tuple[Any, Any, Any, Any]] = {
    "users": (["alice", "root"], ["root ", "alice", "root"], ["bob"], []),
    "accounts": (["art", "physics"], ["physics", "art"], ["art"], []),
    "groups": (["a", "b"], ["b", "a"], ["c"], []),
    "qos": (["high", "low"], ["low", "high"], ["low"], []),
    "allowed_partitions": (["gpu", "main"], ["main", "gpu"], ["gpu"], []),
    "licenses": (["l:2", "m:1"], ["m", "l:2"], ["l:1"], []),
    "partition": ("main", " main ", "gpu", ""),
    "features": ("large", "large ", "small", ""),
    "burst_buffer": ("x", " x", "y", ""),
    "comment": (" why = this\n", " why = this\n", "other", ""),
    "max_start_delay": ("90", "1:30:00", "2:00:00", ""),
}


def run(slurm: FakeSlurm, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return execute(plan_reservation, slurm, {**OPTIONS, **given}, check_mode)


def make(slurm: FakeSlurm, **given: Any) -> dict[str, Any]:
    """Make a reservation of n1 and n2 that starts in an hour and lasts two, and reset the count of writes."""
    times = {} if {"duration", "end_time"} & set(given) else {"duration": "120"}
    given = {"nodes": ["n[1-2]"], "flags": [], "start_time": str(NOW + HOUR), **times, **given}
    made = run(slurm, **given)["reservation"]
    slurm.writes.clear()
    return dict(made)


def iso(epoch: int) -> str:
    return datetime.fromtimestamp(epoch).strftime("%Y-%m-%dT%H:%M:%S")


def run_twice(slurm: FakeSlurm, writes: int = 1, **given: Any) -> dict[str, Any]:
    """Run a task in check mode, for real, and again: the prediction is exact, and the last run writes nothing."""
    predicted = run(slurm, check_mode=True, **given)
    assert sum(slurm.writes.values()) == 0
    done = run(slurm, **given)
    assert done == predicted
    assert (done["changed"], sum(slurm.writes.values())) == (bool(writes), writes)
    stored = next((it for it in load(slurm) if it["name"] == "r"), None)
    assert done["reservation"] == details(stored, {**OPTIONS, **given})
    again = run(slurm, **given)
    assert (again["changed"], again["reservation"]) == (False, done["reservation"])
    assert sum(slurm.writes.values()) == writes
    return done
