# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module slurm_node_info: which nodes to return, and which attributes."""

from __future__ import annotations

from typing import Any, Optional

from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.names import expect_known
from ...common.node_states import BASES, FLAGS
from ...common.plan import Plan
from .free import FREE_AT, free_times
from .records import Node
from .selection import Selection, having


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_node_info: nothing is written."""
    attributes = params["attributes"]
    if attributes is not None:
        expect_known("a node", "attribute", attributes, [*slurm.node_attributes(), FREE_AT])
    selection = Selection.of(params)
    states = None if params["states"] is None else [state.upper() for state in params["states"]]
    future = params["future"] or "FUTURE" in (states or ())
    read = None if attributes is None else {*attributes, "state", "partitions"} - {FREE_AT}
    every = slurm.nodes(read, future)
    nodes = selection.nodes(slurm, every)
    if states is not None:
        # With the flags that nodes have: a later release of Slurm may have more than are listed here.
        known = {flag for node in every.values() for flag in node["state"]}
        nodes = having("state", "state", states, BASES | FLAGS | known, nodes)
    if FREE_AT in (attributes or ()):
        times = free_times(slurm, nodes)
        nodes = {name: {**node, FREE_AT: times[name]} for name, node in nodes.items()}
    names, folded = hostlist.sort_and_fold(nodes)
    shown = {name: _pick(nodes[name], attributes) for name in names}
    return Plan({"nodes": shown, "names": names, "hostlist": folded, "total": len(every)})


def _pick(node: Node, attributes: Optional[list[str]]) -> Node:
    return node if attributes is None else {name: node[name] for name in attributes}
