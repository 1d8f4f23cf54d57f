# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes in state FUTURE, through scontrol: pyslurm does not ask slurmctld for them, which hides them otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .connection import Connection
from .gres import parse_gres

_FUTURE = re.compile(r"^NodeName=(\S+) .* State=FUTURE\b", re.MULTILINE)
# More names than this are not given as an argument: it has a limit.
_MANY = 1000
# The attributes of a node that has never registered, by their keys in the JSON of scontrol. It has no others.
_KEYS = {
    **{name: name for name in ("active_features", "address", "boards", "comment", "effective_cpus", "extra")},
    **{name: name for name in ("hostname", "name", "partitions", "real_memory", "reason", "sockets", "weight")},
    "available_features": "features",
    "cores_per_socket": "cores",
    "cores_reserved_for_system": "specialized_cores",
    "idle_cpus": "effective_cpus",
    "idle_memory": "real_memory",
    "memory_reserved_for_system": "specialized_memory",
    "reason_user": "reason_set_by_user",
    "slurmd_port": "port",
    "temporary_disk": "temporary_disk",
    "threads_per_core": "threads",
    "total_cpus": "cpus",
}
_CONVERTED: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "allocated_cpus": lambda _node: 0,
    "allocated_gres": lambda _node: {},
    "allocated_gres_indexes": lambda _node: {},
    "allocated_memory": lambda _node: 0,
    "allocated_tres": lambda _node: {},
    "configured_gres": lambda node: parse_gres(node["gres"]),
    "state": lambda node: [node["state"][0], *sorted(node["state"][1:])],
}


class FutureNodeRequests(Connection):
    """Requests about nodes in state FUTURE."""

    def _future_nodes(self, attributes: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the nodes in state FUTURE by name, each with its attributes."""
        names = _FUTURE.findall(self._run("scontrol", "show", "nodes", "--all", "--future", "--oneliner"))
        if not names:
            return {}
        hostlist = [",".join(names)] if len(names) <= _MANY else []
        output = self._run("scontrol", "show", "nodes", *hostlist, "--all", "--future", "--json")
        return {
            node["name"]: {name: node_value(node, name) for name in attributes}
            for node in json.loads(output)["nodes"]
            if node["state"][0] == "FUTURE"
        }


def node_value(node: Mapping[str, Any], attribute: str) -> Any:
    """Return an attribute of a node, under pyslurm's name, from what C(scontrol show nodes --json) prints of it."""
    if attribute in _CONVERTED:
        return _CONVERTED[attribute](node)
    value = node[_KEYS[attribute]] if attribute in _KEYS else None
    return None if value == "" else value
