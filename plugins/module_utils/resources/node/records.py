# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes as a task reads, compares and returns them."""

from __future__ import annotations

from typing import Any

from ...adapter.errors import SlurmError
from ...common import hostlist

Node = dict[str, Any]

# Attributes that a task on nodes reads and returns.
DETAILS = ("state", "reason", "reason_user")


def select_nodes(nodes: dict[str, Node], names: list[str]) -> dict[str, Node]:
    """Return the named nodes.

    :raises SlurmError: with the names that the cluster does not have.
    """
    unknown = [name for name in names if name not in nodes]
    if unknown:
        raise SlurmError(
            f"the cluster has no node {hostlist.fold(unknown)}; nothing was changed",
            2018,
            "ESLURM_INVALID_NODE_NAME",
            "REQUEST_NODE_INFO",
        )
    return {name: nodes[name] for name in names}


def select_again(nodes: dict[str, Node], names: list[str]) -> dict[str, Node]:
    """Return nodes that the cluster had when the task began.

    :raises SlurmError: with those that were deleted since, as with C(scontrol delete nodename).
    """
    deleted = [name for name in names if name not in nodes]
    if deleted:
        raise SlurmError(
            f"{hostlist.fold(deleted)} was deleted from the cluster while the task ran: run it again without these "
            "nodes",
            2018,
            "ESLURM_INVALID_NODE_NAME",
            "REQUEST_NODE_INFO",
        )
    return {name: nodes[name] for name in names}
