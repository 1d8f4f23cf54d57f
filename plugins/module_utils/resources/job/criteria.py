# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The criteria of a task, and the conditions on jobs that they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...common import hostlist

# Attributes that hold a hostlist: a criterion names a node of it.
NODE_ATTRIBUTES = frozenset(("allocated_nodes", "required_nodes", "excluded_nodes", "scheduled_nodes"))

Condition = Callable[[dict[str, Any]], bool]


def criteria_of(params: dict[str, Any]) -> dict[str, list[Any]]:
    """Return each attribute with the values that it may have, from the criteria and the options that are criteria."""
    criteria = {
        name: value if isinstance(value, list) else [value] for name, value in (params["criteria"] or {}).items()
    }
    for option, attribute in (("states", "state"), ("users", "user_name"), ("partitions", "partition")):
        if params[option] is not None:
            if attribute in criteria:
                raise SlurmError(
                    f"{option} and the criterion {attribute} set the same condition: leave one of them out"
                )
            criteria[attribute] = params[option]
    return criteria


def condition_of(attribute: str, values: Iterable[Any]) -> Condition:
    """Return the condition that a job's attribute has one of the values."""
    accepted = {_comparable(value) for value in values}
    if attribute in NODE_ATTRIBUTES:
        nodes = {node for value in values for node in (hostlist.expand(str(value)) if value else [None])}
        return lambda job: bool(nodes & (node_names(job[attribute]) or {None}))
    if attribute == "state":
        accepted = {str(value).upper() for value in accepted}

    def holds(job: dict[str, Any]) -> bool:
        value = job[attribute]
        if isinstance(value, (list, dict)):  # one element of a list, or one key of a mapping, is enough
            return bool(accepted & {_comparable(item) for item in value}) or (not value and None in accepted)
        return _comparable(value) in accepted

    return holds


def _comparable(value: Any) -> Any:
    """Return a value such that 1000 equals "1000" and true equals "true"; null stays null."""
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def node_names(text: Optional[str]) -> frozenset[Optional[str]]:
    """Return the node names of a hostlist attribute, which may be unset."""
    return frozenset(hostlist.expand(text)) if text else frozenset()
