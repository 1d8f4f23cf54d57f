# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_node_info: which nodes to return, and which attributes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.names import expect_known
from ...common.node_states import BASES, FLAGS
from ...common.plan import Plan
from .records import Node, select_nodes


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_node_info: nothing is written."""
    attributes = params["attributes"]
    if attributes is not None:
        expect_known("a node", "attribute", attributes, slurm.node_attributes())
    every = nodes = slurm.nodes(None if attributes is None else {*attributes, "state", "partitions"})
    if params["nodes"] is not None:
        nodes = select_nodes(nodes, hostlist.from_option(params["nodes"]))
    if params["partitions"] is not None:
        nodes = _having("partitions", "partition", params["partitions"], _values(every, "partitions"), nodes)
    if params["states"] is not None:
        # With the flags that nodes have: a later release of Slurm may have more than are listed here.
        known = BASES | FLAGS | _values(every, "state")
        nodes = _having("state", "state", [state.upper() for state in params["states"]], known, nodes)
    names, folded = hostlist.sort_and_fold(nodes)
    shown = {name: _pick(nodes[name], attributes) for name in names}
    return Plan({"nodes": shown, "names": names, "hostlist": folded, "total": len(every)})


def _values(nodes: dict[str, Node], attribute: str) -> set[str]:
    return {value for node in nodes.values() for value in node[attribute]}


def _having(
    attribute: str, kind: str, wanted: list[str], known: Iterable[str], nodes: dict[str, Node]
) -> dict[str, Node]:
    """Return the nodes that have one of the wanted values in an attribute that is a list."""
    expect_known("a node", kind, wanted, known)
    return {name: node for name, node in nodes.items() if not set(wanted).isdisjoint(node[attribute])}


def _pick(node: Node, attributes: Optional[list[str]]) -> Node:
    return node if attributes is None else {name: node[name] for name in attributes}
