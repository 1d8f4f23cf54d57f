# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes: read and updated with pyslurm, their attributes and reboots with scontrol."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Optional

from .connection import Connection
from .error_numbers import translated
from .errors import SlurmError
from .values import attribute, properties, record


class NodeRequests(Connection):
    """Requests about nodes. Those that write take a hostlist, which slurmctld expands."""

    def nodes(self, attributes: Optional[Iterable[str]] = None) -> dict[str, dict[str, Any]]:
        """Return every node of the cluster: its name with its attributes.

        C(state) is a list: the base state, then the flags, sorted.

        :param attributes: which attributes to evaluate; all by default.
        """
        pyslurm = self._pyslurm()
        with translated(pyslurm, "REQUEST_NODE_INFO"):
            loaded = pyslurm.Nodes.load()
        names = properties(pyslurm.Node) if attributes is None else list(attributes)
        return {name: _node(node, names) for name, node in loaded.items()}

    def node_attributes(self) -> list[str]:
        """Return the names of the attributes that a node has, sorted."""
        return properties(self._pyslurm().Node)

    def update_nodes(self, nodes: str, **fields: Any) -> None:
        """Change fields of nodes with one request.

        It is not all or nothing: slurmctld goes through the nodes in order, skips those that cannot make the
        transition, stops at one that it does not know, and answers with an error in both cases.

        :param nodes: a hostlist.
        :param fields: as C(scontrol update nodename) has them, C(state) in its words (DOWN, DRAIN, RESUME, ...).
        :raises SlurmError: also for a field that a node does not have or that cannot be set; nothing is sent then.
        """
        pyslurm = self._pyslurm()
        call = "REQUEST_UPDATE_NODE"
        try:
            change = pyslurm.Node(**fields)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SlurmError(f"{call}: a node cannot be given {fields}: {error}", call=call) from error
        with translated(pyslurm, call):
            pyslurm.Node(nodes).modify(change)

    def update_attributes(self, nodes: str, fields: Mapping[str, str]) -> None:
        """Change attributes of nodes with one request, through scontrol: pyslurm cannot clear an attribute.

        :param nodes: a hostlist.
        :param fields: by their names in C(scontrol update nodename); empty to clear.
        """
        self._run("scontrol", "update", f"nodename={nodes}", *(f"{name}={value}" for name, value in fields.items()))

    def reboot_nodes(self, nodes: str, reason: str, next_state: str) -> None:
        """Reboot nodes as soon as their jobs have ended; scontrol skips those with a reboot pending.

        :param nodes: a hostlist.
        :param next_state: RESUME or DOWN, the state after the reboot.
        """
        self._run("scontrol", "reboot", "ASAP", f"nextstate={next_state}", f"reason={reason}", nodes)


def _node(node: Any, attributes: Collection[str]) -> dict[str, Any]:
    found = record(node, attributes)
    if "state" in found:
        base, *flags = found["state"].split("+")
        found["state"] = [base, *sorted(flags)]
    if "reason_user" in found and not attribute(node, "reason"):
        found["reason_user"] = None  # an unset user reads as uid 0
    if "weight" in found and found["weight"] is None:
        found["weight"] = 0  # pyslurm reads 0 as not set
    return found
