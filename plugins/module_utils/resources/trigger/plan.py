# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_trigger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.plan import Change, Plan
from .description import FIELDS, Wanted, describe, is_same, job_number, matches_options, pattern_filter


def plan_trigger(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_trigger."""
    return plan_present(slurm, params) if params["state"] == "present" else plan_absent(slurm, params)


def plan_present(slurm: Slurm, params: dict[str, Any]) -> Plan:
    wanted = describe(params)
    user = slurm.user()
    mine = [trigger for trigger in slurm.triggers() if trigger["user"] == user]
    present = [trigger for trigger in mine if is_same(wanted, trigger)]
    outdated = _outdated(mine, wanted, params["purge_matching"])

    changes = [change for trigger in outdated for change in _removal(trigger)]
    writes = [_clear_request(slurm, trigger["id"]) for trigger in outdated]
    predicted = present
    if not present:
        check_settable(slurm, wanted.program)
        predicted = [{name: wanted.record(user)[name] for name in ("id", *FIELDS)}]
        changes += [Change(_title(predicted[0]), name, None, predicted[0][name]) for name in FIELDS]
        writes.insert(0, lambda: _set(slurm, wanted))  # first: there is always one of the two

    def read_back() -> dict[str, Any]:
        return _result([found for found in slurm.triggers() if found["user"] == user and is_same(wanted, found)])

    return Plan(_result(predicted), changes, writes, read_back, warnings(wanted))


def plan_absent(slurm: Slurm, params: dict[str, Any]) -> Plan:
    # Wrong options are refused also where there is no trigger to compare with.
    hostlist.from_option(params["nodes"] or [])
    job_number(params["job_id"])
    pattern_filter("purge_matching", params["purge_matching"])
    matching = [trigger for trigger in slurm.triggers() if matches_options(trigger, params)]
    changes = [change for trigger in matching for change in _removal(trigger)]
    writes = [_clear_request(slurm, trigger["id"]) for trigger in matching]
    return Plan(_result([]), changes, writes)


def check_settable(slurm: Slurm, program: str) -> None:
    """Check the two causes for which the controller would answer "access denied" without telling which.

    :raises SlurmError: when this user may not set triggers, or this host does not have the program.
    """
    owner, user = slurm.config()["slurm_user_name"], slurm.user()
    details = (2002, "ESLURM_ACCESS_DENIED", "strigger --set")
    if user != owner:
        raise SlurmError(
            f"triggers can only be set by SlurmUser ({owner}), and this task runs as {user}: use become_user: {owner}",
            *details,
        )
    path = program.split()[0]
    if not slurm.executable(path):
        raise SlurmError(
            f"the program {path} is missing on this host, or {user} may not execute it: install it on every controller",
            *details,
        )


def warnings(wanted: Wanted) -> list[str]:
    found = []
    if wanted.resource == "node" and wanted.nodes:
        found.append(
            "slurmctld does not start when a trigger names a node that is no longer in slurm.conf: remove this "
            "trigger before its nodes, or leave nodes out, which means all nodes."
        )
    if wanted.event == "idle" and wanted.permanent:
        found.append(
            "A permanent trigger for idle nodes runs its program at every pass of slurmctld, about every 16 s."
        )
    return found


def _set(slurm: Slurm, wanted: Wanted) -> None:
    slurm.set_trigger(
        selectors=wanted.selectors(), offset=wanted.offset, permanent=wanted.permanent, program=wanted.program
    )


def _clear_request(slurm: Slurm, trigger_id: int) -> Callable[[], None]:
    return lambda: slurm.clear_trigger(trigger_id)


def _outdated(mine: list[dict[str, Any]], wanted: Wanted, purge_matching: Optional[str]) -> list[dict[str, Any]]:
    if purge_matching is None:
        return []
    pattern = pattern_filter("purge_matching", purge_matching)
    return [
        trigger
        for trigger in mine
        if (trigger["event"], trigger["resource"]) == (wanted.event, wanted.resource)
        and pattern(trigger["program"])
        and not is_same(wanted, trigger)
    ]


def _removal(trigger: dict[str, Any]) -> list[Change]:
    return [Change(_title(trigger), name, trigger[name], None) for name in FIELDS]


def _title(trigger: dict[str, Any]) -> str:
    return f"trigger {trigger['id'] or '(new)'}"


def _result(triggers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"trigger_ids": [trigger["id"] for trigger in triggers if trigger["id"]], "triggers": triggers}
