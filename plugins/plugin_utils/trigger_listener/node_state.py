# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events C(node_state), the same whoever makes them: the listener, or the filter expand_hostlist."""

from __future__ import annotations

import uuid
from typing import Any

# What strigger(1) knows of nodes' states.
STATES = ("up", "down", "drained", "draining", "fail", "idle", "resume")


def node_event(notification: uuid.UUID, received_at: str, node: str, state: str, **keys: Any) -> dict[str, Any]:
    """Return the event of one node of a notification, with the same uuid each time.

    :param keys: C(cluster), C(origin), and what else is known of the node.
    """
    return _event(notification, received_at, [node], node, node=node, state=state, **keys)


def batch_event(
    notification: uuid.UUID, received_at: str, nodes: list[str], hostlist: str, state: str, **keys: Any
) -> dict[str, Any]:
    """Return the one event of all nodes of a notification, as L(node_event)."""
    return _event(notification, received_at, nodes, hostlist, nodes=nodes, hostlist=hostlist, state=state, **keys)


def meta(notification: uuid.UUID, received_at: str, name: str, hosts: list[str]) -> dict[str, Any]:
    """Return what tells an event of a notification from all others."""
    return {"uuid": str(uuid.uuid5(notification, name)), "hosts": hosts, "received_at": received_at}


def _event(
    notification: uuid.UUID, received_at: str, hosts: list[str], who: str, state: str, **keys: Any
) -> dict[str, Any]:
    told = meta(notification, received_at, f"node_state {state} {who}", hosts)
    return {"type": "node_state", "state": state, **keys, "notification": str(notification), "meta": told}
