# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a maintenance reads of Slurm: for each node what holds it, and when it is free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional

from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.availability import unavailable
from ...common.node_states import BUSY, OUT_OF_SERVICE, POWERING_DOWN, POWERING_UP, REBOOTING
from ..node.free import ending_jobs, latest
from .identity import Identity

ATTRIBUTES = ("state", "reason", "reason_user", "partitions", "address")
_POWERED = POWERING_DOWN | POWERING_UP | {"POWERED_DOWN"}


class Hold(NamedTuple):
    """A reservation of this maintenance over a node.

    :param start: when it begins, in seconds since the epoch.
    :param end: when it ends.
    :param ignores_jobs: whether it was made although a job may run then.
    """

    name: str
    start: int
    end: int
    ignores_jobs: bool


class NodeView(NamedTuple):
    """A node.

    :param away: whether it takes no jobs, by whomever.
    :param free_at: when its last job ends by its time limit; 0 without a job, None with a job that has no limit.
    :param jobs: the jobs on it, as C(12 of alice).
    :param hold: the reservation of this maintenance.
    :param drained: whether this maintenance has drained it.
    :param failed: whether it has, because the work on it has failed.
    :param obstacle: why this maintenance leaves it alone now; None: it does not.
    """

    partitions: tuple[str, ...]
    state: frozenset[str]
    address: str
    away: bool
    free_at: Optional[int]
    jobs: tuple[str, ...] = ()
    hold: Optional[Hold] = None
    drained: bool = False
    failed: bool = False
    obstacle: Optional[str] = None

    @property
    def is_free(self) -> bool:
        """Whether no job is on it, not even one that completes, and it does not reboot."""
        return self.free_at == 0 and (BUSY | REBOOTING).isdisjoint(self.state)

    @property
    def is_own(self) -> bool:
        """Whether this maintenance holds it."""
        return self.hold is not None or (self.drained and not self.failed)


class Jobs(NamedTuple):
    """The jobs on a node."""

    free_at: Optional[int] = 0
    shown: tuple[str, ...] = ()

    def with_job(self, end: Optional[int], shown: str) -> Jobs:
        return Jobs(latest(end, self.free_at), (*self.shown, shown))


def partition_sizes(nodes: Mapping[str, NodeView]) -> Counter[str]:
    """Return how many nodes each partition has."""
    return Counter(partition for node in nodes.values() for partition in node.partitions)


def read_situation(slurm: Slurm, identity: Identity, now: float, margin: int) -> dict[str, NodeView]:
    """Return all nodes of the cluster.

    :param margin: seconds for which a node must not be reserved by others after it is free.
    """
    nodes, jobs, reservations = slurm.nodes(ATTRIBUTES), _jobs(slurm), slurm.reservations()
    holds, others = _holds(identity, reservations), _others(identity, reservations)
    away = unavailable(nodes, reservations)
    found = {}
    for name, node in nodes.items():
        on_it = jobs.get(name, Jobs())
        drained = identity.owns_drain(node["state"], node["reason"])
        until = max(now, on_it.free_at or 0) + margin
        found[name] = NodeView(
            tuple(node["partitions"]),
            frozenset(node["state"]),
            node["address"] or name,
            name in away,
            on_it.free_at,
            on_it.shown,
            holds.get(name),
            drained,
            identity.has_failed(node["state"], node["reason"]),
            _state_obstacle(node, drained) or _reserved(others.get(name, ()), until),
        )
    return found


def _jobs(slurm: Slurm) -> dict[str, Jobs]:
    """Return the jobs of each node that has one."""
    found: dict[str, Jobs] = {}
    for number, job, nodes, end in ending_jobs(slurm, ("user_name",)):
        for name in nodes:
            found[name] = found.get(name, Jobs()).with_job(end, f"{number} of {job['user_name']}")
    return found


def _holds(identity: Identity, reservations: Iterable[Mapping[str, Any]]) -> dict[str, Hold]:
    return {
        name: Hold(it["name"], it["start_time"], it["end_time"], "IGNORE_JOBS" in it["flags"])
        for it in reservations
        if it["nodes"] and identity.owns(it)
        for name in hostlist.expand(it["nodes"])
    }


def _others(identity: Identity, reservations: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the reservations of others that each node is in."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for it in reservations:
        if it["nodes"] and not identity.owns(it):
            for name in hostlist.expand(it["nodes"]):
                found.setdefault(name, []).append(it)
    return found


def _state_obstacle(node: Mapping[str, Any], drained: bool) -> Optional[str]:
    state = set(node["state"])
    if OUT_OF_SERVICE & state and not drained:
        by = f" ({node['reason_user']})" if node["reason_user"] else ""
        return f"{'+'.join(sorted(OUT_OF_SERVICE & state))}: {node['reason'] or 'no reason'}{by}"
    if found := state & (REBOOTING | _POWERED):
        return "+".join(sorted(found))
    return None


def _reserved(reservations: Iterable[Mapping[str, Any]], until: float) -> Optional[str]:
    """Return which reservation of others begins before a time."""
    names = [it["name"] for it in reservations if it["start_time"] < until]
    return f"reservation {', '.join(sorted(names))}" if names else None
