# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many nodes of a partition may be out of service, and whether a change keeps within that."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..adapter.errors import SlurmError
from . import hostlist
from .capacity import NoRoomError
from .node_states import OUT_OF_SERVICE, REBOOTING

# Flags of a node that takes no jobs.
UNAVAILABLE = OUT_OF_SERVICE | REBOOTING

Limit = Callable[[int], int]


def limit_of(text: str, option: str = "max_unavailable") -> Limit:
    """Return a function from a number of nodes to how many may be unavailable, from an option: C(max_unavailable).

    A percentage is rounded down, but a percentage above zero allows at least one node: otherwise small partitions could
    never be maintained.
    """
    match = re.fullmatch(r"(\d+)(%?)", text.strip())
    if not match or (match[2] and int(match[1]) > 100):
        raise SlurmError(f"{option} is a number of nodes, or a percentage such as 10%: this is {text!r}")
    number = int(match[1])
    if not match[2]:
        return lambda size: number
    return lambda size: max(size * number // 100, 1 if number and size else 0)


def active(reservations: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the reservations that hold nodes now."""
    now = time.time()
    yield from (it for it in reservations if it["nodes"] and it["start_time"] <= now < it["end_time"])


def unavailable(nodes: Mapping[str, Mapping[str, Any]], reservations: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the nodes that take no jobs now: down, drained, failing, to be rebooted or in an active MAINT reservation.

    A node counts once.
    """
    found = {name for name, node in nodes.items() if UNAVAILABLE & set(node["state"])}
    for reservation in active(reservations):
        if "MAINT" in reservation["flags"]:
            found.update(name for name in hostlist.expand(reservation["nodes"]) if name in nodes)
    return found


def expect_within(
    limit: Limit, leaving: Iterable[str], nodes: Mapping[str, Mapping[str, Any]], out: Iterable[str]
) -> None:
    """Refuse a change that would leave too few nodes in a partition.

    :param leaving: the nodes that the change takes out of service.
    :param nodes: every node with its C(state) and C(partitions).
    :param out: the nodes that are unavailable already: they are not counted again.
    :raises SlurmError: with the figures of each partition over the limit.
    """
    already = set(out)
    new = set(leaving) - already
    over = {}
    for partition in sorted({name for node in new for name in nodes[node]["partitions"]}):
        members = {name for name, node in nodes.items() if partition in node["partitions"]}
        figures = {
            "nodes": len(members),
            "unavailable": len(members & already),
            "would_be_unavailable": len(members & (already | new)),
            "allowed": limit(len(members)),
        }
        if figures["would_be_unavailable"] > figures["allowed"]:
            over[partition] = figures
    if over:
        figures_text = "; ".join(
            f"partition {name}: {it['unavailable']} of {it['nodes']} nodes are unavailable, with these it would be "
            f"{it['would_be_unavailable']}, allowed are {it['allowed']}"
            for name, it in over.items()
        )
        raise NoRoomError(f"max_unavailable: {figures_text}; nothing was changed", details={"partitions": over})
