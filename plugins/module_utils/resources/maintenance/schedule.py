# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes a maintenance holds now, and from when.

There are never more reservations of a maintenance than nodes may be away, also of those that begin later. So there are
not too many nodes away either when nobody is there to move a reservation, since the run was killed. The nodes that are
free first have one. As soon as another node is free sooner, it takes the place of the one that is free last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ...adapter.errors import SlurmError
from ...common.availability import Limit
from .situation import NodeView, partition_sizes


class Wish(NamedTuple):
    """How a node is to be held.

    :param start: from when, in seconds since the epoch.
    :param ignores_jobs: whether a job may run at that time: one without a time limit, or with one after the deadline.
    """

    start: int
    ignores_jobs: bool = False


class Bounds(NamedTuple):
    """What limits a maintenance.

    :param limit: how many nodes of a partition may be away, by its size.
    :param slots: how many nodes can be worked on at the same time.
    :param deadline: when the last node may be begun, in seconds since the epoch.
    """

    limit: Limit
    slots: int
    deadline: int


def wish(node: NodeView, now: int, deadline: int) -> Wish:
    """Return how a node would be held if there is room.

    A node whose jobs may last longer than the deadline is held from the deadline on: so no other such job begins on it,
    and short ones still do.
    """
    if node.free_at is None or node.free_at > deadline:
        return Wish(deadline, ignores_jobs=True)
    return Wish(max(now, node.free_at))


def schedule(
    nodes: Mapping[str, NodeView], todo: Iterable[str], working: Collection[str], bounds: Bounds, now: int
) -> dict[str, Wish]:
    """Return the nodes to hold, without those that are worked on.

    :param nodes: all nodes of the cluster.
    :param todo: those that are to be done, in the order of their names.
    :param working: those that are worked on.
    """
    # What is held already stays held.
    wishes = {
        name: Wish(hold.start)
        for name in todo
        if (hold := nodes[name].hold) and hold.start <= now and not nodes[name].obstacle and name not in working
    }
    taken = {*wishes, *working}
    out = Counter(it for name, node in nodes.items() if node.away or name in taken for it in node.partitions)
    sizes = partition_sizes(nodes)
    waiting = [
        (wish(nodes[name], now, bounds.deadline), nodes[name].hold is None, position, name)
        for position, name in enumerate(todo)
        if name not in taken and nodes[name].obstacle is None
    ]
    for wished, _new, _position, name in sorted(waiting):
        if len(wishes) + len(working) >= bounds.slots:
            break
        partitions = () if nodes[name].away else nodes[name].partitions
        if all(out[it] < bounds.limit(sizes[it]) for it in partitions):
            out.update(partitions)
            wishes[name] = wished
    return wishes


def expect_possible(nodes: Mapping[str, NodeView], todo: Iterable[str], limit: Limit) -> None:
    """Refuse a limit that lets no node of a partition leave.

    :raises SlurmError: with the partition.
    """
    sizes = partition_sizes(nodes)
    for partition in sorted({it for name in todo for it in nodes[name].partitions}):
        if limit(sizes[partition]) < 1:
            raise SlurmError(
                f"max_unavailable allows none of the {sizes[partition]} nodes of partition {partition} to be away"
            )
