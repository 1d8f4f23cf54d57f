# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of a cluster as the inventory plugin has them: read with pyslurm, or from the JSON of scontrol."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

from ..module_utils.adapter.errors import SlurmError
from ..module_utils.adapter.future_nodes import node_value
from ..module_utils.adapter.isolation import isolated
from ..module_utils.adapter.slurm import Slurm
from ..module_utils.common import hostlist
from ..module_utils.common.availability import active
from ..module_utils.common.names import expect_known

# The attributes of a node that become variables, by pyslurm's names.
ATTRIBUTES = (
    *("state", "partitions", "available_features", "active_features", "configured_gres", "address", "hostname"),
    *("total_cpus", "real_memory", "weight", "reason", "comment", "extra"),
)

Nodes = dict[str, dict[str, Any]]


def read_with_pyslurm(slurm_conf: Optional[str]) -> Nodes:
    """Return the nodes, each with its attributes and its C(reservation).

    :raises SlurmError: with what to do.
    """

    def work() -> dict[str, Any]:
        slurm = Slurm(slurm_conf)
        nodes = slurm.nodes(ATTRIBUTES)
        names = _reserved(slurm.reservations())
        return {name: {**node, "reservation": names.get(name)} for name, node in nodes.items()}

    return isolated(work)


def read_from_json(text: str) -> Nodes:
    """Return the same from what C(scontrol show nodes --json) prints.

    :raises SlurmError: when it is something else.
    """
    try:
        return {
            node["name"]: {
                **{name: node_value(node, name) for name in ATTRIBUTES},
                "reservation": node["reservation"] or None,
            }
            for node in json.loads(text)["nodes"]
            if "FUTURE" not in node["state"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise SlurmError(f"this is not what scontrol show nodes --json prints: {error!r}: {text[:80]!r}") from None


def _reserved(reservations: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the active reservation of each node that is in one."""
    return {name: it["name"] for it in active(reservations) for name in hostlist.expand(it["nodes"])}


def select(
    nodes: Nodes,
    names: Optional[list[str]] = None,
    partitions: Optional[list[str]] = None,
    states: Optional[list[str]] = None,
) -> Nodes:
    """Return the nodes that match all given options.

    :raises SlurmError: for nodes and partitions that the cluster does not have.
    """
    wanted = None if names is None else hostlist.from_option(names)
    if wanted is not None and (unknown := [name for name in wanted if name not in nodes]):
        raise SlurmError(f"the cluster has no node {hostlist.fold(unknown)}")
    found = nodes if wanted is None else {name: nodes[name] for name in wanted}
    if partitions is not None:
        known = {name for node in nodes.values() for name in node["partitions"]}
        expect_known("the cluster", "partition", partitions, known)
        found = {name: node for name, node in found.items() if not set(partitions).isdisjoint(node["partitions"])}
    if states is not None:
        flags = {state.upper() for state in states}
        found = {name: node for name, node in found.items() if not flags.isdisjoint(node["state"])}
    return found


def groups_of(node: Mapping[str, Any], kinds: Iterable[str]) -> Iterator[str]:
    """Yield the names of a node's groups, such as C(partition_main)."""
    for kind in kinds:
        for value in _values(node, kind):
            yield f"{kind}_{value}"


def _values(node: Mapping[str, Any], kind: str) -> Iterable[str]:
    if kind == "partition":
        return node["partitions"]  # type: ignore[no-any-return]
    if kind == "state":
        return [flag.lower() for flag in node["state"]]
    if kind == "feature":
        return node["available_features"] or ()
    if kind == "reservation":
        return [node["reservation"]] if node["reservation"] else []
    # gpu:tesla is in the groups of gpu and of gpu:tesla.
    names = [name.removesuffix(":no_consume") for name in node["configured_gres"] or {}]
    return sorted({part for name in names for part in (name, name.partition(":")[0])})
