# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes: their states as sets of flags, the states a task can ask for, and the plan that leads there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from . import hostlist
from .core import Change, Plan
from .errors import ConflictError, SlurmError
from .slurm import Slurm

# What a task on nodes reads, and returns, of each.
DETAILS = ("state", "reason", "reason_user")


class Target(NamedTuple):
    """A state that a task can ask for.

    :param request: the state as scontrol(1) C(update nodename) takes it.
    :param reached_with: flags of which a node has one when it is in this state.
    :param reached_without: flags of which it has none.
    :param adds: flags that the request adds, by what slurmctld 26.05 does.
    :param drops: flags that it takes away.
    :param base: the base state that it leads to, from any other; None: it stays.
    :param default_reason: the reason when the task gives none; None: the state carries no reason.
    """

    request: str
    reached_with: frozenset[str] = frozenset()
    reached_without: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()
    base: Optional[str] = None
    default_reason: Optional[str] = None


OUT_OF_SERVICE = frozenset(("DOWN", "DRAIN", "FAIL"))
TARGETS = {
    "down": Target(
        "DOWN",
        reached_with=frozenset(("DOWN",)),
        base="DOWN",
        default_reason="Ansible: Downed using hpc.slurm.slurm_node",
    ),
    "drained": Target(
        "DRAIN",
        reached_with=frozenset(("DRAIN",)),
        adds=frozenset(("DRAIN",)),
        drops=frozenset(("FAIL",)),
        default_reason="Ansible: Drained using hpc.slurm.slurm_node",
    ),
    "failed": Target(
        "FAIL",
        reached_with=frozenset(("FAIL",)),
        adds=frozenset(("FAIL",)),
        drops=frozenset(("DRAIN",)),
        default_reason="Ansible: Failed using hpc.slurm.slurm_node",
    ),
    "resumed": Target("RESUME", reached_without=OUT_OF_SERVICE, drops=frozenset(("DRAIN", "FAIL")), base="IDLE"),
    "undrained": Target("UNDRAIN", reached_without=frozenset(("DRAIN",)), drops=frozenset(("DRAIN",))),
}


def reached(target: Target, flags: Iterable[str]) -> bool:
    """Tell whether a node with these state flags is in the target state."""
    present = set(flags)
    return bool(present & target.reached_with) if target.reached_with else not present & target.reached_without


def predict(target: Target, flags: Iterable[str]) -> list[str]:
    """Return a node's state flags after the request, as slurmctld will have them.

    C(NOT_RESPONDING) and C(COMPLETING) come and go by themselves and are left as they are.
    """
    base, *others = flags
    if target.base == "DOWN" or (target.base and base == "DOWN"):
        base = target.base
    return [base, *sorted(set(others) - target.drops | target.adds)]


def plan_nodes(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_node: its options in, what is to be done out."""
    names = hostlist.from_option(params["nodes"])
    target = TARGETS[params["state"]]
    reason = _reason(params, target)
    before = _select(slurm.nodes(DETAILS), names)

    may = _reason_filter(params["only_reason"])
    update = params["update_reason"] and reason is not None
    moving, renamed, skipped = [], [], {}
    for name, record in before.items():
        if reached(target, record["state"]) and (not update or record["reason"] == reason):
            continue
        if not may(record["reason"] or ""):
            skipped[name] = f"its reason {record['reason'] or ''!r} does not match only_reason"
        elif reached(target, record["state"]):
            renamed.append(name)
        else:
            moving.append(name)
    after = {name: dict(record) for name, record in before.items()}
    for name in moving:
        after[name] = _moved(before[name], target, reason, slurm.user())
    for name in renamed:
        after[name].update(reason=reason, reason_user=slurm.user())

    changes = [
        Change(name, field, before[name][field], after[name][field])
        for name in [*moving, *renamed]
        for field in DETAILS
        if before[name][field] != after[name][field]
    ]
    writes = []
    if moving:
        writes.append(lambda: _move(slurm, moving, target, reason))
    if renamed:
        writes.append(lambda: slurm.update_nodes(renamed, reason=reason))

    def result(nodes: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {"nodes": nodes, "changed_nodes": sorted([*moving, *renamed]), "skipped_nodes": skipped}

    return Plan(result(after), changes, writes, read_back=lambda: result(_select(slurm.nodes(DETAILS), names)))


def _move(slurm: Slurm, names: list[str], target: Target, reason: Optional[str]) -> None:
    """Bring nodes into the target state.

    A node that cannot make the transition, because somebody else moved it meanwhile, makes the request fail, but Slurm
    changes the others all the same. When all are where they should be, there is nothing to do again.

    :raises ConflictError: when nodes are left that are not in the target state.
    """
    try:
        slurm.update_nodes(names, state=target.request, **({"reason": reason} if reason else {}))
    except ConflictError:
        now = _select(slurm.nodes(DETAILS), names)
        if not all(reached(target, record["state"]) for record in now.values()):
            raise


def _reason(params: dict[str, Any], target: Target) -> Optional[str]:
    reason: Optional[str] = params["reason"]
    if target.default_reason is None:
        if reason is not None:
            raise SlurmError(f"reason cannot be given with state={params['state']}: Slurm clears it")
        return None
    if reason is not None and not reason.strip():
        raise SlurmError("reason is empty: say why, for whoever finds the node, or leave the option out")
    return reason or target.default_reason


def _select(nodes: dict[str, dict[str, Any]], names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the named nodes; SlurmError with the names that the cluster does not have."""
    unknown = [name for name in names if name not in nodes]
    if unknown:
        raise SlurmError(
            f"the cluster has no node {hostlist.fold(unknown)}; nothing was changed",
            2018,
            "ESLURM_INVALID_NODE_NAME",
            "REQUEST_NODE_INFO",
        )
    return {name: nodes[name] for name in names}


def _reason_filter(pattern: Optional[str]) -> Callable[[str], object]:
    """Return the test by which a task may act on a node with a reason."""
    if pattern is None:
        return lambda reason: True
    try:
        return re.compile(pattern).search
    except re.error as error:
        raise SlurmError(f"only_reason is not a regular expression: {pattern!r}: {error}") from None


def _moved(record: dict[str, Any], target: Target, reason: Optional[str], user: str) -> dict[str, Any]:
    state = predict(target, record["state"])
    if reason:
        return {"state": state, "reason": reason, "reason_user": user}
    if "DOWN" in state:  # seen: undraining a node that stays DOWN keeps its reason
        return {**record, "state": state}
    return {"state": state, "reason": None, "reason_user": None}


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_node_info: a reading, nothing else."""
    attributes = _attributes(slurm, params["attributes"])
    nodes = slurm.nodes(None if attributes is None else {*attributes, "state", "partitions"})
    if params["nodes"] is not None:
        nodes = _select(nodes, hostlist.from_option(params["nodes"]))
    if params["partitions"] is not None:
        wanted = set(params["partitions"])
        nodes = {name: node for name, node in nodes.items() if wanted & set(node["partitions"])}
    if params["states"] is not None:
        flags = {state.upper() for state in params["states"]}
        nodes = {name: node for name, node in nodes.items() if flags & set(node["state"])}
    names = hostlist.expand(",".join(nodes)) if nodes else []
    shown = {name: _pick(nodes[name], attributes) for name in names}
    return Plan({"nodes": shown, "names": names, "hostlist": hostlist.fold(names)})


def _pick(node: dict[str, Any], attributes: Optional[list[str]]) -> dict[str, Any]:
    return node if attributes is None else {name: node[name] for name in attributes}


def _attributes(slurm: Slurm, wanted: Optional[list[str]]) -> Optional[list[str]]:
    if wanted is None:
        return None
    known = slurm.node_attributes()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SlurmError(f"a node has no attribute {', '.join(unknown)}; there are: {', '.join(known)}")
    return wanted
