# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes a task is about: those that it names, those of partitions, or all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.names import expect_known
from .records import Node, select_nodes

ALL = "ALL"


class Selection(NamedTuple):
    """The options C(nodes) and C(partitions).

    :param names: the nodes; None for all.
    :param partitions: the partitions whose nodes they are; None for any.
    """

    names: Optional[list[str]]
    partitions: Optional[list[str]]

    @classmethod
    def of(cls, params: dict[str, Any]) -> Selection:
        """Return the selection of a module's options.

        :raises SlurmError: for what is not a hostlist.
        """
        nodes = params["nodes"]
        everything = nodes is None or [item.strip().upper() for item in nodes] == [ALL]
        return cls(None if everything else hostlist.from_option(nodes), params["partitions"])

    def nodes(self, slurm: Slurm, loaded: dict[str, Node]) -> dict[str, Node]:
        """Return the selected nodes, in their natural order.

        :param loaded: all nodes of the cluster.
        :raises SlurmError: for nodes and partitions that the cluster does not have.
        """
        names = hostlist.sort_and_fold(loaded)[0] if self.names is None else self.names
        _expect_registered(slurm, loaded, names)
        nodes = select_nodes(loaded, names)
        if self.partitions is None:
            return nodes
        known = {partition for node in loaded.values() for partition in node["partitions"]}
        return having("partitions", "partition", self.partitions, known, nodes)


def having(
    attribute: str, kind: str, wanted: list[str], known: Iterable[str], nodes: dict[str, Node]
) -> dict[str, Node]:
    """Return the nodes that have one of the wanted values in an attribute that is a list."""
    expect_known("a node", kind, wanted, known)
    return {name: node for name, node in nodes.items() if not set(wanted).isdisjoint(node[attribute])}


def _expect_registered(slurm: Slurm, loaded: dict[str, Node], names: list[str]) -> None:
    """Refuse nodes in state FUTURE with an error that says so: Slurm hides them."""
    unknown = [name for name in names if name not in loaded]
    found = slurm.nodes(("state",), future=True) if unknown else {}
    future = [name for name in unknown if name in found]
    if future:
        raise SlurmError(
            f"{hostlist.fold(future)} is in state FUTURE until slurmd registers there, and Slurm hides it; nothing was "
            "changed; slurm_node_info shows such nodes with future=true",
            2018,
            "ESLURM_INVALID_NODE_NAME",
            "REQUEST_NODE_INFO",
        )
