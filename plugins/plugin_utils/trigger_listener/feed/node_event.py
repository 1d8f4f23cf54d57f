# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events of the type C(node_state): the listener and the filter expand_hostlist make the same."""

from __future__ import annotations

import uuid
from typing import Any


def node_event(notification: uuid.UUID, received_at: str, node: str, state: str, **keys: Any) -> dict[str, Any]:
    """Return the event of one node of a notification, each time with the same uuid.

    :param keys: C(cluster), C(origin), and more about the node.
    """
    return _event(notification, received_at, [node], node, node=node, state=state, **keys)


def batch_event(
    notification: uuid.UUID, received_at: str, nodes: list[str], hostlist: str, state: str, **keys: Any
) -> dict[str, Any]:
    """Return one event of all nodes of a notification, otherwise as L(node_event)."""
    return _event(notification, received_at, nodes, hostlist, nodes=nodes, hostlist=hostlist, state=state, **keys)


def event_meta(notification: uuid.UUID, received_at: str, name: str, hosts: list[str]) -> dict[str, Any]:
    """Return the C(meta) of an event.

    :param name: differs between the events of a notification.
    """
    return {"uuid": str(uuid.uuid5(notification, name)), "hosts": hosts, "received_at": received_at}


def _event(
    notification: uuid.UUID, received_at: str, hosts: list[str], subject: str, state: str, **keys: Any
) -> dict[str, Any]:
    meta = event_meta(notification, received_at, f"node_state {state} {subject}", hosts)
    return {"type": "node_state", "state": state, **keys, "notification": str(notification), "meta": meta}
