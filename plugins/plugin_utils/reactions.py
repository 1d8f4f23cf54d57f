# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reaction does with the nodes of its event, decided for all at once, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Optional

from ..module_utils.common.hostlist import fold
from ..module_utils.common.reasons import OURS, PERSON, PLANNED, SLURMCTLD, UNKNOWN, held_by

DRAIN = "drain"
RUN_TASKS = "run tasks"
NOTHING = "nothing"


class Decision(NamedTuple):
    """What is done with nodes, and why."""

    decision: str
    why: str


_BACK = Decision(NOTHING, "in service, or not a node of this cluster")
_HELD = {
    PLANNED: "in maintenance, rebooting or powered down",
    PERSON: "a person took it out of service: {reason}",
    UNKNOWN: "who took it out of service is not known, its reason does not tell: {reason}",
}


def node_down(node: Mapping[str, Any], slurm_user: str) -> Decision:
    """Decide about a node that went down: only slurmctld's own doing is acted on, and what a reaction left undone."""
    holder = held_by(node["state"], node["reason"], node["reason_user"], slurm_user)
    if holder == OURS:
        return Decision(DRAIN, "an earlier reaction did not resume it")
    if holder != SLURMCTLD:
        return Decision(NOTHING, _HELD[holder].format(**node)) if holder else _BACK
    if "DOWN" not in node["state"]:
        return Decision(NOTHING, f"slurmctld drained it, and it is not down: {node['reason']}")
    return Decision(DRAIN, f"slurmctld set it down: {node['reason']}")


def node_drained(node: Mapping[str, Any], slurm_user: str) -> Decision:
    """Decide about a node that is drained: no drain is undone, so all but those by plan and ours are acted on."""
    holder = held_by(node["state"], node["reason"], node["reason_user"], slurm_user)
    if "DRAIN" not in node["state"]:
        return Decision(NOTHING, "not drained")
    if holder == PLANNED:
        return Decision(NOTHING, _HELD[PLANNED])
    if holder == OURS:
        return Decision(NOTHING, "hpc.slurm.node_down drained it")
    return Decision(RUN_TASKS, f"drained by {node['reason_user']}: {node['reason']}")


_REACTIONS: dict[str, Callable[[Mapping[str, Any], str], Decision]] = {
    "node_down": node_down,
    "node_drained": node_drained,
}


def decide(
    reaction: str, names: Iterable[str], nodes: Mapping[str, Mapping[str, Any]], slurm_user: str
) -> list[dict[str, Any]]:
    """Return the decisions of a reaction, each with its nodes: a hostlist, the names, and the reasons that they have.

    :param names: the nodes of the event.
    :param nodes: the nodes out of service, by name.
    :param slurm_user: SlurmUser of slurm.conf.
    """
    decided: dict[Decision, list[str]] = {}
    for name in names:
        decision = _REACTIONS[reaction](nodes[name], slurm_user) if name in nodes else _BACK
        decided.setdefault(decision, []).append(name)
    return [
        {
            "nodes": fold(group),
            **decision._asdict(),
            "names": group,
            "reasons": sorted({nodes[name]["reason"] or "" for name in group if name in nodes}),
        }
        for decision, group in decided.items()
    ]


RESUMED = Decision("resumed", "repaired, and it responds to slurmctld")
TASKS_RUN = Decision("tasks run", "the site's tasks succeeded")
CHANGED = Decision(NOTHING, "its state or reason changed before it was drained")
HELD = Decision("held", "drained; no repair tasks are set for it, or the inventory has no host for it")
UNREACHABLE = "Ansible could not reach its host"


def record(
    names: Iterable[str],
    *,
    decisions: Iterable[Mapping[str, Any]] = (),
    drained: Iterable[str] = (),
    hosts: Mapping[str, str] = MappingProxyType({}),
    hostvars: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    error: Optional[str] = None,
) -> list[dict[str, str]]:
    """Return what a reaction did: groups with a hostlist, the decision, and why.

    :param drained: the nodes that are drained now.
    :param hosts: the nodes on whose hosts tasks ran, by host.
    :param hostvars: C(hpc_slurm_outcome) of a host is empty where all succeeded, and says otherwise what failed.
    :param error: why the whole run failed.
    """
    outcomes = {node: hostvars[host].get("hpc_slurm_outcome", UNREACHABLE) for host, node in hosts.items()}
    is_drained = set(drained)
    groups: dict[Decision, list[str]] = {}
    if error is not None:
        groups[Decision("failed", error)] = list(names)
        decisions = ()
    for decided in decisions:
        first = Decision(decided["decision"], decided["why"])
        for name in decided["names"]:
            groups.setdefault(_result(first, name in is_drained, outcomes.get(name)), []).append(name)
    return [{"nodes": fold(group), **decision._asdict()} for decision, group in groups.items()]


def _result(decided: Decision, is_drained: bool, outcome: Optional[str]) -> Decision:
    """Return what became of a decision about a node.

    :param outcome: what failed of the tasks for it, empty when they succeeded, None when none ran.
    """
    if outcome:
        return Decision("failed", outcome)
    if decided.decision == DRAIN:
        if not is_drained:
            return CHANGED
        return HELD if outcome is None else RESUMED
    if decided.decision == RUN_TASKS:
        return Decision(NOTHING, "no tasks are set for it") if outcome is None else TASKS_RUN
    return decided
