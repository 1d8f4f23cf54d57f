# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module runs: options, plan, writes, result.

A resource reads the present state and returns a L(Plan). It is applied only here, and not in check mode.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Optional

from ansible.module_utils.basic import AnsibleModule

from ..adapter.errors import ConflictError, SlurmError
from ..adapter.isolation import isolated
from ..adapter.slurm import Slurm
from .capacity import NoRoomError, Room
from .plan import Plan, diff_of

# How often to plan when another process changes the same object between the reading and the write.
ATTEMPTS = 3

COMMON_OPTIONS = {"slurm_conf": {"type": "path"}}

Planner = Callable[[Slurm, dict[str, Any]], Plan]


def run_module(planner: Planner, argument_spec: dict[str, Any], limited: bool = False, **constraints: Any) -> None:
    """Run a module and end the process with its result.

    :param limited: whether it has the options of L(Room).
    :param constraints: C(required_if), C(mutually_exclusive) and so on, as for AnsibleModule.
    """
    module = AnsibleModule(argument_spec={**COMMON_OPTIONS, **argument_spec}, supports_check_mode=True, **constraints)

    def work() -> dict[str, Any]:
        room = Room(module.params) if limited else None
        result = execute(planner, Slurm(module.params["slurm_conf"]), module.params, module.check_mode, room)
        return result if module._diff else {name: result[name] for name in result if name != "diff"}

    try:
        result = isolated(work)
    except SlurmError as error:
        module.fail_json(**error.result())
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


def execute(
    planner: Planner, slurm: Slurm, params: dict[str, Any], check_mode: bool, room: Optional[Room] = None
) -> dict[str, Any]:
    """Plan, apply unless in check mode, and return the module's result.

    :param room: where the plan counts nodes that are unavailable.
    """
    changed, attempt = False, 1  # a failed attempt may have written: that stays
    while True:
        try:
            with room.counting() if room else nullcontext():
                plan = planner(slurm, params)
                if not check_mode:
                    _write(plan)
            result = plan.result if check_mode else _finish(plan)
            break
        except NoRoomError as error:
            if room is None or check_mode:
                raise
            room.wait(error)
        except SlurmError as error:
            changed = error.details["changed"] = changed or error.details.get("changed", False)
            if attempt == ATTEMPTS or not isinstance(error, ConflictError):
                raise
            attempt += 1
    changed = changed or bool(plan.changes)
    return {
        **result,
        "changed": changed,
        "diff": diff_of(plan.changes),
        "warnings": [*plan.warnings, *slurm.warnings()],
    }


def _write(plan: Plan) -> None:
    """Write. The details of an error say C(changed): whether anything was written before it."""
    changed = False
    try:
        for write in plan.writes if plan.changes else ():
            write()
            changed = True
    except SlurmError as error:
        error.details["changed"] = changed or error.details.get("changed", False)
        raise


def _finish(plan: Plan) -> dict[str, Any]:
    """Wait and read back, and return the result."""
    try:
        waited = plan.wait() if plan.wait else {}
        read = plan.read_back if plan.changes or plan.wait else None
        return {**(read() if read else plan.result), **waited}
    except SlurmError as error:
        error.details["changed"] = bool(plan.changes) or error.details.get("changed", False)
        raise
