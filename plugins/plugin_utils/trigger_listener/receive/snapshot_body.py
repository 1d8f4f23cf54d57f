# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of a posted snapshot: what playbooks/sync.yml reads on the controller. It is accepted whole or refused.

{"time": 1790000000.0,      when Slurm was read, by the controller's clock
 "age": 2.5,                seconds from then until it was posted
 "slurm_user": "slurm",     SlurmUser of slurm.conf
 "count": 10008,            number of all nodes of the cluster
 "nodes": [{"nodes": "node[1-3]", "state": ["DOWN", "NOT_RESPONDING"], "reason": "Not responding",
            "reason_user": "slurm", "reason_time": 1789999000}],
                            the nodes out of service, grouped by state and reason
 "triggers": [{"id": 17, "event": "down", "permanent": true}],
                            the triggers for this listener, as slurm_trigger_info returns them
And in the first snapshot of a listener, otherwise null or left out:
 "settings": [{"name": "repair tasks", "value": "not set"}]}
                            how the reactions are set, as the filter reaction_settings returns it
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Optional

from ....module_utils.adapter.errors import SlurmError
from ....module_utils.common import hostlist
from ....module_utils.common.reasons import OURS, SLURMCTLD, held_by, out_of_service_by, reaction_event
from ..store.snapshot import Group, Snapshot

MOST_SETTINGS = 100


def parse_snapshot(text: str, now: float) -> Snapshot:
    """Return the snapshot of a body.

    :param now: when it was received, by the listener's clock.
    :raises SlurmError: with what is wrong, and where.
    """
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SlurmError(f"not JSON: {error}") from None
    if isinstance(content, dict):
        content.setdefault("settings", None)
    given = _fields(content, "the snapshot", _SNAPSHOT)
    read_at = now - _between(given["age"], "age", 0, 86400)
    total = _between(given["count"], "count", 1, hostlist.LIMIT)
    skew = read_at - _between(given["time"], "time", 0, 1e11)
    nodes = [_checked(node, f"nodes[{index}]") for index, node in enumerate(given["nodes"])]
    _expect_total(nodes, total)
    groups = [_group(node, f"nodes[{index}]", given["slurm_user"], skew) for index, node in enumerate(nodes)]
    named = [name for group in groups for name in group.nodes]
    if len(set(named)) < len(named):
        raise SlurmError("nodes: a node is named twice")
    triggers = [_trigger(trigger, f"triggers[{index}]") for index, trigger in enumerate(given["triggers"])]
    return Snapshot(read_at, total, groups, triggers, _settings(given["settings"]))


_NUMBER = (int, float)
_SNAPSHOT = {
    **{"time": _NUMBER, "age": _NUMBER, "count": int, "slurm_user": str, "nodes": list, "triggers": list},
    "settings": (list, type(None)),
}
_NODE = {
    "nodes": str,
    "state": list,
    "reason": (str, type(None)),
    "reason_user": (str, type(None)),
    "reason_time": (*_NUMBER, type(None)),
}
_TRIGGER = {"id": int, "event": str, "permanent": bool}


def _checked(content: Any, where: str) -> dict[str, Any]:
    given = _fields(content, where, _NODE)
    if not given["state"] or not all(isinstance(flag, str) and flag.isupper() for flag in given["state"]):
        raise SlurmError(f"{where}: state must be a list of flags such as DOWN")
    return given


def _expect_total(nodes: list[dict[str, Any]], total: int) -> None:
    """Count the nodes before any hostlist is expanded: a short one may name very many nodes, and be repeated."""
    named = 0
    for index, node in enumerate(nodes):
        try:
            named += hostlist.count(node["nodes"])
        except SlurmError as error:
            raise SlurmError(f"nodes[{index}]: {error.message}") from None
        if named > total:
            raise SlurmError(f"nodes: more nodes are named than count, {total}")


def _group(given: dict[str, Any], where: str, slurm_user: str, skew: float) -> Group:
    reason, user, when = given["reason"] or "", given["reason_user"], given["reason_time"]
    details = {
        "reason": given["reason"],
        "reason_user": user,
        "reason_time": when,
        "flags": sorted(given["state"]),
    }
    since = _between(when or 0, f"{where}: reason_time", 0, 1e11) + skew
    flags, nodes = frozenset(given["state"]), hostlist.expand(given["nodes"])
    by_slurmctld = out_of_service_by(flags, reason, user, slurm_user) == SLURMCTLD
    return Group(nodes, flags, reason, since, by_slurmctld, details, _reaction(flags, reason, user, slurm_user))


def _reaction(flags: frozenset[str], reason: str, user: Optional[str], slurm_user: str) -> Optional[str]:
    """Return the event of the reaction that drained nodes, None for others and during a planned absence."""
    return reaction_event(reason) if held_by(flags, reason, user, slurm_user) == OURS else None


def _trigger(content: Any, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise SlurmError(f"{where} is not an object")
    return _fields({name: value for name, value in content.items() if name in _TRIGGER}, where, _TRIGGER)


def _settings(given: Optional[list[Any]]) -> Optional[list[dict[str, Any]]]:
    if given is None:
        return None
    if len(given) > MOST_SETTINGS:
        raise SlurmError(f"settings: more than {MOST_SETTINGS}")
    return [_fields(it, f"settings[{index}]", {"name": str, "value": str}) for index, it in enumerate(given)]


def _fields(content: Any, where: str, types: dict[str, Any]) -> dict[str, Any]:
    """Return an object that has exactly these fields, of these types."""
    if not isinstance(content, dict):
        raise SlurmError(f"{where} is not an object")
    if differing := sorted(set(content) ^ set(types)):
        problem = "unknown" if differing[0] in content else "missing"
        raise SlurmError(f"{where}: {problem} {differing[0][:40]!r}; the fields are {', '.join(types)}")
    for name, type_ in types.items():
        if not isinstance(content[name], type_) or (isinstance(content[name], bool) and type_ is not bool):
            raise SlurmError(f"{where}: {name} has another type than documented")
    return content


def _between(value: Any, name: str, low: float, high: float) -> Any:
    if not low <= value <= high:
        raise SlurmError(f"{name} must be from {low:g} to {high:g}")
    return value


def _no_constant(name: str) -> Callable[[], None]:
    raise ValueError(f"{name} is not JSON")
