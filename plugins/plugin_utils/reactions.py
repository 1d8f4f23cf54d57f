# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reaction does with the nodes of its event, decided for all at once, and why.

First L(decide): which nodes to drain, or to run tasks for. Then L(repairs): which of the drained ones are repaired. At
the end L(record): what was done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Optional

from ..module_utils.common import hostlist, reasons
from ..module_utils.common.node_states import BUSY
from ..module_utils.common.reasons import OURS, PERSON, PLANNED, SLURMCTLD, UNKNOWN, held_by, reaction_event

DRAIN = "drain"
# An earlier reaction has drained it.
DRAIN_AGAIN = "drain again"
REPAIR = "repair"
RUN_TASKS = "run tasks"
NOTHING = "nothing"
# It stays as it is until a person acts.
HELD = "held"
# It stays as it is until the next sync reports it again.
POSTPONED = "postponed"
FAILED = "failed"
# As many nodes as that went down, and the circuit breaker opened.
BREAKER = "circuit breaker opened"


class Decision(NamedTuple):
    """What is done with nodes, and why."""

    decision: str
    why: str


# Nodes that are not out of service.
_BACK = Decision(NOTHING, "in service, or not a node of this cluster")
_RETURNED = Decision("back", "in service again")
_BUSY = Decision(POSTPONED, "drained; jobs are still on it")
_FLAPPING = Decision(HELD, "drained; it went down for the fourth time within an hour")
_NO_HOST = Decision(HELD, "drained; the inventory has no host for it")
_NO_TASKS = Decision(HELD, "drained; no repair tasks are set for it")
RESUMED = Decision("resumed", "repaired, and it responds to slurmctld")
TASKS_RUN = Decision("tasks run", "the site's tasks succeeded")
CHANGED = Decision(NOTHING, "its state or reason changed before it was drained")
UNREACHABLE = "Ansible could not reach its host"
_HELD = {
    PLANNED: "in maintenance, rebooting or powered down",
    PERSON: "a person took it out of service: {reason}",
    UNKNOWN: "who took it out of service is not known, its reason does not tell: {reason}",
}


def node_down(node: Mapping[str, Any], slurm_user: str) -> Decision:
    """Decide about a node that went down: only slurmctld's own doing is acted on, and what a reaction left undone."""
    holder = held_by(node["state"], node["reason"], node["reason_user"], slurm_user)
    if holder == OURS:
        return Decision(DRAIN_AGAIN, "an earlier reaction did not resume it")
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


def node_back(node: Mapping[str, Any], slurm_user: str) -> Decision:
    """Decide about a node that came back, and is out of service still or again."""
    return Decision(NOTHING, f"out of service: {'+'.join(node['state'])}, {node['reason'] or 'without a reason'}")


_REACTIONS: dict[str, Callable[[Mapping[str, Any], str], Decision]] = {
    "node_down": node_down,
    "node_drained": node_drained,
    "node_back": node_back,
}


def decide(
    reaction: str,
    names: Iterable[str],
    nodes: Mapping[str, Mapping[str, Any]],
    slurm_user: str,
    *,
    word: str = "",
    opted_out: Iterable[str] = (),
    paused: Optional[str] = None,
) -> list[dict[str, Any]]:
    """Return the decisions of a reaction, each with its nodes: a hostlist, the names, and the reasons that they have.

    :param names: the nodes of the event.
    :param nodes: the nodes out of service, by name.
    :param slurm_user: SlurmUser of slurm.conf.
    :param word: in a node's comment or extra, it says that reactions leave the node alone.
    :param opted_out: the nodes of which the inventory says so.
    :param paused: why reactions are paused.
    """
    decided: dict[Decision, list[str]] = {}
    out = set(opted_out)
    for name in expanded(names):
        decision = _RETURNED if reaction == "node_back" else _BACK
        if name in nodes:
            decision = _REACTIONS[reaction](nodes[name], slurm_user)
            if decision.decision != NOTHING:
                decision = _kept(nodes[name], word, name in out, paused) or decision
        decided.setdefault(decision, []).append(name)
    return [
        {
            **_group(decision, group),
            "names": group,
            "reasons": sorted({nodes[name]["reason"] or "" for name in group if name in nodes}),
        }
        for decision, group in decided.items()
    ]


def expanded(names: Iterable[str]) -> list[str]:
    """Return the names of nodes, of which some may be hostlists when the playbook is run by hand."""
    return [name for text in names for name in (hostlist.from_option([text]) if set(text) & {"[", ","} else [text])]


def _kept(node: Mapping[str, Any], word: str, is_out: bool, paused: Optional[str]) -> Optional[Decision]:
    """Return the decision about a node that reactions do not touch now, or None."""
    if is_out:
        return Decision(NOTHING, "opted out: its host sets hpc_slurm_opt_out")
    for attribute in ("comment", "extra"):
        if word and word in re.split(r"[\s,;]+", node.get(attribute) or ""):
            return Decision(NOTHING, f"opted out: its {attribute} has the word {word}")
    return Decision(POSTPONED, paused) if paused else None


def repairs(
    nodes: Mapping[str, Mapping[str, Any]],
    hosts: Mapping[str, str],
    tasks: Mapping[str, Any],
    *,
    reason: str,
    earlier: Iterable[str] = (),
    skipped: Iterable[str] = (),
    breaker: Optional[str] = None,
    is_flapping: bool = False,
) -> list[dict[str, Any]]:
    """Return what is done with nodes that are drained: groups with a hostlist, the decision, why, and the names.

    C(reason) of a group is what the reason of its nodes should be: the reaction's, and in few words why they are not
    repaired. C(outdated) has those of which it is another one.

    :param nodes: the nodes with their states and reasons.
    :param hosts: the inventory's host of each node that has one.
    :param tasks: the file of repair tasks of each host that has one.
    :param reason: that of the reaction.
    :param earlier: the reasons with which the reaction found them.
    :param skipped: nodes that were not drained after all.
    :param breaker: why the circuit breaker is open.
    :param is_flapping: whether they went down too often.
    """
    decided: dict[tuple[Decision, str], list[str]] = {}
    out, before = set(skipped), set(earlier)
    for name, node in nodes.items():
        found = _repair_decision(node, name in hosts, tasks.get(hosts.get(name, "")), breaker, is_flapping)
        if name in out or not (reaction_event(node["reason"] or "") or (node["reason"] or "") in before):
            found = (CHANGED, "")
        decided.setdefault(found, []).append(name)
    return [_repair_group(nodes, reason, *found, names) for found, names in decided.items()]


def _repair_decision(
    node: Mapping[str, Any], has_host: bool, tasks: Any, breaker: Optional[str], is_flapping: bool
) -> tuple[Decision, str]:
    """Return what is done with a node that is drained, and in few words why it is not repaired."""
    if breaker:
        return Decision(POSTPONED, f"drained; the circuit breaker is open: {breaker}"), reasons.BREAKER
    if is_flapping:
        return _FLAPPING, reasons.FLAPPING
    if not has_host:
        return _NO_HOST, reasons.NO_HOST
    if not tasks:
        return _NO_TASKS, reasons.NO_TASKS
    if BUSY & set(node["state"]):
        return _BUSY, reasons.BUSY
    return Decision(REPAIR, ""), ""


def _repair_group(
    nodes: Mapping[str, Mapping[str, Any]], reason: str, decision: Decision, why: str, names: list[str]
) -> dict[str, Any]:
    wanted = f"{reason}: {why}" if why else reason
    outdated = [] if decision is CHANGED else [name for name in names if nodes[name]["reason"] != wanted]
    return {**_group(decision, names), "names": names, "reason": wanted, "outdated": hostlist.fold(outdated)}


def record(
    names: Iterable[str],
    *,
    decisions: Iterable[Mapping[str, Any]] = (),
    kept: Iterable[Mapping[str, Any]] = (),
    hosts: Mapping[str, str] = MappingProxyType({}),
    hostvars: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    error: Optional[str] = None,
    retries_left: Optional[int] = None,
    breaker: Optional[Mapping[str, Any]] = None,
) -> list[dict[str, str]]:
    """Return what a reaction did: groups with a hostlist, the decision, and why.

    :param kept: what L(repairs) returned for the nodes that are drained.
    :param hosts: the nodes on whose hosts tasks ran, by host.
    :param hostvars: C(common_outcome) of a host is empty where all succeeded, and says otherwise what failed.
    :param error: why the whole run failed.
    :param retries_left: how often the listener reports them again today; None where that is not known.
    :param breaker: what slurm_breaker returned, or the result of a task that was skipped.
    """
    outcomes = {node: hostvars[host].get("common_outcome", UNREACHABLE) for host, node in hosts.items()}
    after_drain = {name: Decision(it["decision"], it["why"]) for it in kept for name in it["names"]}
    groups: dict[Decision, list[str]] = {}
    if error is not None:
        groups[_failed(error, retries_left)] = expanded(names)
        decisions = ()
    for decided in decisions:
        first = Decision(decided["decision"], decided["why"])
        for name in decided["names"]:
            result = _result(after_drain.get(name, first), outcomes.get(name), retries_left)
            groups.setdefault(result, []).append(name)
    opened = [_opened(breaker)] if breaker and breaker.get("opened") else []
    return [*opened, *(_group(decision, group) for decision, group in groups.items())]


def _group(decision: Decision, names: Iterable[str]) -> dict[str, str]:
    return {"nodes": hostlist.fold(names), **decision._asdict()}


def _opened(breaker: Mapping[str, Any]) -> dict[str, str]:
    why = f"{breaker['why']}. Nodes are drained, but not repaired or resumed, until: ansible-playbook hpc.slurm.reset"
    return {"nodes": breaker["nodes"], "decision": BREAKER, "why": why}


def _failed(why: str, retries_left: Optional[int]) -> Decision:
    """Return the decision about nodes with which a run failed: the last time of a day, they are left to a person."""
    if retries_left == 0:
        return Decision(HELD, f"{why}; no retries are left today (hpc_slurm_retries_per_day)")
    return Decision(FAILED, why)


def _result(decided: Decision, outcome: Optional[str], retries_left: Optional[int]) -> Decision:
    """Return what became of a decision about a node.

    :param outcome: what failed of the tasks for it, empty when they succeeded, None when none ran.
    """
    if outcome:
        return _failed(outcome, retries_left)
    if decided.decision in (DRAIN, DRAIN_AGAIN):
        return CHANGED
    if decided.decision == REPAIR:
        return RESUMED
    if decided.decision == RUN_TASKS:
        return Decision(NOTHING, "no tasks are set for it") if outcome is None else TASKS_RUN
    return decided
