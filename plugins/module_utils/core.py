# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan and apply: what every module does, in one place.

A resource reads what is there and returns a L(Plan): the changes, the writes that make them, and what the result will
be. Here the plan is carried out, or in check mode only told. Without changes nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

from ansible.module_utils.basic import AnsibleModule

from .errors import ConflictError, SlurmError
from .isolation import isolated
from .slurm import Slurm

# How often to plan again when somebody else changes the same thing meanwhile.
ATTEMPTS = 3

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
    """

    result: dict[str, Any]
    changes: Sequence[Change] = ()
    writes: Sequence[Callable[[], None]] = ()
    read_back: Optional[Callable[[], dict[str, Any]]] = None
    warnings: Sequence[str] = ()


Planner = Callable[[Slurm, dict[str, Any]], Plan]


def run_module(planner: Planner, argument_spec: dict[str, Any], **constraints: Any) -> None:
    """Run a module: its options, the plan, the answer.

    :param constraints: C(required_if), C(mutually_exclusive) and so on, as for AnsibleModule.
    """
    module = AnsibleModule(argument_spec={**COMMON_OPTIONS, **argument_spec}, supports_check_mode=True, **constraints)
    try:
        outcome = isolated(
            lambda: execute(planner, Slurm(module.params["slurm_conf"]), module.params, module.check_mode)
        )
    except SlurmError as error:
        module.fail_json(**error.result())
    for warning in outcome.pop("warnings"):
        module.warn(warning)
    if not module._diff:
        outcome.pop("diff", None)
    module.exit_json(**outcome)


def execute(planner: Planner, slurm: Slurm, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Plan, apply unless in check mode, and return the module's result."""
    for attempt in range(1, ATTEMPTS + 1):
        plan = planner(slurm, params)
        try:
            result = plan.result if check_mode or not plan.changes else _apply(plan)
            break
        except ConflictError:
            if attempt == ATTEMPTS:
                raise
    return {**result, "changed": bool(plan.changes), "diff": difference(plan.changes), "warnings": list(plan.warnings)}


def _apply(plan: Plan) -> dict[str, Any]:
    for write in plan.writes:
        write()
    return plan.read_back() if plan.read_back else plan.result


def difference(changes: Sequence[Change]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return changes in the form of Ansible's diff: before and after, an object with its changed fields each."""
    sides: dict[str, dict[str, dict[str, Any]]] = {"before": {}, "after": {}}
    for change in changes:
        sides["before"].setdefault(change.object, {})[change.field] = change.before
        sides["after"].setdefault(change.object, {})[change.field] = change.after
    return sides
