# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reservation holds: nodes by name, all nodes, nodes or cores that Slurm chooses, or licenses alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.names import suggest
from ..node.records import select_nodes

ALL = "ALL"
# Options with which Slurm chooses the nodes.
CHOSEN = ("node_count", "core_count", "tres")
# Options for something else than nodes.
NODELESS = ("licenses", "burst_buffer")


class Holding(NamedTuple):
    """The nodes of a reservation.

    :param nodes: their names; None where Slurm is yet to choose them.
    :param node_count: how many; None where Slurm is yet to choose that.
    :param update: what to write, for C(scontrol create reservation) or C(update).
    """

    nodes: Optional[list[str]]
    node_count: Optional[int]
    update: dict[str, str]

    @classmethod
    def of(cls, nodes: list[str], update: Optional[dict[str, str]] = None) -> Holding:
        return cls(nodes, len(nodes), update or {})


def is_all(params: Mapping[str, Any]) -> bool:
    """Tell whether a task names all nodes, of its partition or of the cluster, and not single ones."""
    return [item.strip().upper() for item in params["nodes"] or ()] == [ALL]


def is_chosen(params: Mapping[str, Any]) -> bool:
    """Tell whether Slurm chooses nodes, or cores of them."""
    return any(params[option] for option in CHOSEN)


def new_holding(slurm: Slurm, params: Mapping[str, Any]) -> Holding:
    """Return what a new reservation holds.

    :raises SlurmError: where the task does not say.
    """
    _expect_counts(params)
    if is_all(params):
        # With a partition scontrol adds the flag PART_NODES by itself.
        return Holding.of(_all_nodes(slurm, params["partition"]), {"nodes": ALL})
    if nodes := hostlist.from_option(params["nodes"] or []):
        select_nodes(slurm.nodes(("name",)), nodes)
        return Holding.of(nodes, {"nodes": hostlist.fold(nodes)})
    if is_chosen(params):
        count = params["node_count"]
        return Holding(None, count, {"nodecnt": str(count)} if count else {})
    if any(params[option] for option in NODELESS):
        return Holding.of([])
    raise SlurmError(
        f"there is no reservation {params['name']}: give nodes to make it, or node_count, core_count, tres, licenses "
        "or burst_buffer; nodes=ALL with partition is for a whole partition"
    )


def changed_holding(
    slurm: Slurm, before: Mapping[str, Any], partition: Optional[str], params: dict[str, Any]
) -> Holding:
    """Return what an existing reservation will hold.

    :param partition: the partition that it will have.
    """
    _expect_counts(params)
    there = before["nodes"]
    if params["node_count"] is not None and params["node_count"] != before["node_count"]:
        return Holding(there, params["node_count"], {"nodecnt": str(params["node_count"])})
    if params["nodes"] is None:
        return Holding.of(there)
    if is_all(params):
        nodes = _all_nodes(slurm, partition)
        # Without the flag Slurm would take all nodes of the cluster.
        update = {"nodes": ALL, **({"flags": "+PART_NODES"} if partition else {})}
        return Holding.of(nodes, update) if set(nodes) != set(there) else Holding.of(there)
    return _named(slurm, there, params)


def _expect_counts(params: Mapping[str, Any]) -> None:
    for option in ("node_count", "core_count"):
        if params[option] is not None and params[option] < 1:
            raise SlurmError(f"{option} is at least 1: this is {params[option]}")


def _named(slurm: Slurm, there: list[str], params: Mapping[str, Any]) -> Holding:
    wanted = hostlist.from_option(params["nodes"])
    if not wanted:
        raise SlurmError("nodes is empty: name nodes, or use state=absent to delete the reservation")
    held = set(there)
    new = [node for node in wanted if node not in held]
    if new:
        select_nodes(slurm.nodes(("name",)), new)
    # Slurm adds nodes only to a reservation that has some.
    if params["purge_nodes"] or not there:
        return Holding.of(wanted, {"nodes": hostlist.fold(wanted)}) if set(wanted) != held else Holding.of(there)
    if not new:
        return Holding.of(there)
    return Holding.of(hostlist.expand(",".join([*there, *wanted])), {"nodes+": hostlist.fold(new)})


def reduced_holding(there: list[str], params: Mapping[str, Any]) -> Optional[Holding]:
    """Return what remains of a reservation when nodes leave it; None when nothing does, and it is to be deleted."""
    if params["nodes"] is None or (there and is_all(params)):
        return None
    leaving = set() if is_all(params) else set(hostlist.from_option(params["nodes"]))
    kept = [node for node in there if node not in leaving]
    gone = [node for node in there if node in leaving]
    if gone and not kept:
        # Slurm refuses to remove the last node, and would choose others for an empty list.
        return None
    return Holding.of(kept, {"nodes-": hostlist.fold(gone)} if gone else None)


def _all_nodes(slurm: Slurm, partition: Optional[str]) -> list[str]:
    records = slurm.nodes(("name", "partitions"))
    nodes = [name for name, record in records.items() if partition is None or partition in record["partitions"]]
    if not nodes:
        known = sorted({name for record in records.values() for name in record["partitions"]})
        raise SlurmError(f"the cluster has no partition {partition} with nodes: {suggest(str(partition), known)}")
    return hostlist.expand(",".join(nodes))
