# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan and apply: what every module does, in one place.

A resource reads what is there and returns a L(Plan): the changes, the writes that make them, and what the result will
be. Here the plan is carried out, or in check mode only told. Without changes nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

from ansible.module_utils.basic import AnsibleModule

from ..adapter.errors import ConflictError, SlurmError
from ..adapter.isolation import isolated
from ..adapter.slurm import Slurm

# How often to plan again when somebody else changes the same thing meanwhile.
ATTEMPTS = 3

# Seconds between two looks while waiting: soon at first, then so that the controller does not notice.
FIRST_PAUSE, LAST_PAUSE = 0.5, 5.0

COMMON_OPTIONS = {"slurm_conf": {"type": "path"}}


class Change(NamedTuple):
    """One field of one object: what it is and what it will be."""

    object: str
    field: str
    before: Any
    after: Any


class Plan(NamedTuple):
    """What a module is about to do.

    :param result: the module's result without C(changed) and C(diff): in check mode the prediction.
    :param changes: every difference between what is and what is wanted; none means nothing is written.
    :param writes: the calls that make the changes.
    :param read_back: returns the result as it is after the writes, with the same keys.
    :param warnings: what the user should know either way.
    :param wait: waits for what comes after the writes by itself, and returns more keys of the result.
    """

    result: dict[str, Any]
    changes: Sequence[Change] = ()
    writes: Sequence[Callable[[], None]] = ()
    read_back: Optional[Callable[[], dict[str, Any]]] = None
    warnings: Sequence[str] = ()
    wait: Optional[Callable[[], dict[str, Any]]] = None


Planner = Callable[[Slurm, dict[str, Any]], Plan]


def run_module(planner: Planner, argument_spec: dict[str, Any], **constraints: Any) -> None:
    """Run a module: its options, the plan, the answer.

    :param constraints: C(required_if), C(mutually_exclusive) and so on, as for AnsibleModule.
    """
    module = AnsibleModule(argument_spec={**COMMON_OPTIONS, **argument_spec}, supports_check_mode=True, **constraints)

    def work() -> dict[str, Any]:
        found = execute(planner, Slurm(module.params["slurm_conf"]), module.params, module.check_mode)
        return found if module._diff else {name: found[name] for name in found if name != "diff"}

    try:
        outcome = isolated(work)
    except SlurmError as error:
        module.fail_json(**error.result())
    for warning in outcome.pop("warnings"):
        module.warn(warning)
    module.exit_json(**outcome)


def execute(planner: Planner, slurm: Slurm, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Plan, apply unless in check mode, and return the module's result."""
    changed = False  # by an attempt that failed: what was written stays so
    for attempt in range(1, ATTEMPTS + 1):
        try:
            plan = planner(slurm, params)
            result = plan.result if check_mode else _apply(plan)
            break
        except SlurmError as error:
            changed = error.details["changed"] = changed or error.details.get("changed", False)
            if attempt == ATTEMPTS or not isinstance(error, ConflictError):
                raise
    changed = changed or bool(plan.changes)
    return {**result, "changed": changed, "diff": difference(plan.changes), "warnings": list(plan.warnings)}


def _apply(plan: Plan) -> dict[str, Any]:
    """Write, wait and read back; a failure tells whether anything was written before."""
    changed = False
    try:
        for write in plan.writes if plan.changes else ():
            write()
            changed = True
        waited = plan.wait() if plan.wait else {}
        read = plan.read_back if plan.changes or plan.wait else None
        return {**(read() if read else plan.result), **waited}
    except SlurmError as error:
        error.details["changed"] = changed or error.details.get("changed", False)
        raise


def wait_until_none(
    remaining: Callable[[], dict[str, Any]], late: Callable[[dict[str, Any], float], SlurmError], timeout: float
) -> float:
    """Wait until nothing remains, and return the seconds that took.

    :param remaining: returns what is waited for.
    :param late: makes the error when time is up, from what remains and the seconds waited.
    """
    start = time.monotonic()
    pause = FIRST_PAUSE
    while left := remaining():
        waited = time.monotonic() - start
        if waited >= timeout:
            raise late(left, waited)
        time.sleep(min(pause, max(timeout - waited, 0)))
        pause = min(pause * 2, LAST_PAUSE)
    return round(time.monotonic() - start, 1)


def difference(changes: Sequence[Change]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return changes in the form of Ansible's diff: before and after, an object with its changed fields each."""
    sides: dict[str, dict[str, dict[str, Any]]] = {"before": {}, "after": {}}
    for change in changes:
        sides["before"].setdefault(change.object, {})[change.field] = change.before
        sides["after"].setdefault(change.object, {})[change.field] = change.after
    return sides
