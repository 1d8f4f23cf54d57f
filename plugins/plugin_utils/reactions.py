# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reaction does with the nodes of its event, decided for all at once, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

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
