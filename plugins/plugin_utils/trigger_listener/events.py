# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events that the rules see, made from what the inbox holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, Optional

from ...module_utils import hostlist
from .inbox import Entry
from .node_state import STATES, batch_event, node_event

# The classes and types of notifications.
TYPES = {"node": STATES}


def listener_event(kind: str, listener: dict[str, str]) -> dict[str, Any]:
    """Return an event about the listener itself, such as C(listener_up). Its C(meta.hosts) limits no playbook."""
    return {"type": kind, "listener": listener, "meta": {"uuid": str(uuid.uuid4()), "hosts": []}}


def notification(class_: str, type_: str, text: str) -> dict[str, Any]:
    """Return a notification as the inbox keeps it: the nodes folded, and how many there are.

    :raises SlurmError: when the text is not a hostlist.
    """
    nodes = hostlist.expand(text)
    return {"class": class_, "type": type_, "hostlist": hostlist.fold(nodes), "count": len(nodes)}


def events_of(entry: Entry, granularity: str, cluster: Optional[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of an entry, always the same ones: for a notification C(trigger_fired), then the nodes'."""
    if entry.kind == "event":
        yield entry.content
        return
    content, origin = entry.content, uuid.UUID(entry.uuid)
    received = datetime.fromtimestamp(entry.received, timezone.utc).isoformat()

    trigger = {"class": content["class"], "type": content["type"]}
    meta = {"uuid": str(uuid.uuid5(origin, "trigger_fired")), "hosts": [], "received_at": received}
    yield {"type": "trigger_fired", "trigger": trigger, "notification": entry.uuid, "meta": meta}
    nodes = hostlist.expand(content["hostlist"])
    state = {"state": content["type"], "cluster": cluster, "origin": "trigger"}
    if granularity == "batch":
        yield batch_event(origin, received, nodes, content["hostlist"], **state)
        return
    for node in nodes:
        yield node_event(origin, received, node, **state)
