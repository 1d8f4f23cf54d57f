# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events that the rules see, made from what the inbox holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple, Optional

from ...module_utils import hostlist
from .inbox import Entry

# The classes and types of notifications: what strigger(1) knows of nodes' states.
TYPES = {"node": ("up", "down", "drained", "draining", "fail", "idle", "resume")}


class Listener(NamedTuple):
    """What events tell of the listener; C(run) is new at each start."""

    id: str
    url: str
    run: str
    permanent: bool


def listener_event(kind: str, listener: Listener) -> dict[str, Any]:
    """Return an event about the listener itself, such as C(listener_up). Its C(meta.hosts) limits no playbook."""
    return {"type": kind, "listener": listener._asdict(), "meta": {"uuid": str(uuid.uuid4()), "hosts": []}}


class Maker:
    """Makes the events of entries.

    :param granularity: C(node) for an event a node, C(batch) for one a notification.
    """

    def __init__(self, granularity: str, cluster: Optional[str], listener: Listener) -> None:
        self._batch, self._cluster, self._listener = granularity == "batch", cluster, listener

    def events_of(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """Yield the events of a settled entry, always the same: for a notification C(trigger_fired), then the nodes'."""
        if entry.kind == "event":
            yield entry.content
            return
        if entry.kind == "notification":
            keys = {"trigger": entry.content["trigger"], "listener": self._listener._asdict()}
            yield {"type": "trigger_fired", **keys, **_origin(entry, "trigger_fired", [])}
        for report in entry.content["reports"]:
            yield from self._reported(entry, report)

    def _reported(self, entry: Entry, report: dict[str, Any]) -> Iterator[dict[str, Any]]:
        state, nodes = report["state"], report["nodes"]
        origin = "trigger" if entry.kind == "notification" else "snapshot"
        keys = {"type": "node_state", "state": state, "cluster": self._cluster, "origin": origin}
        keys |= {"flaps": report["flaps"], **report["details"]}
        if self._batch:
            folded = report.get("hostlist") or hostlist.fold(nodes)
            yield {**keys, "nodes": nodes, "hostlist": folded, **_origin(entry, f"node_state {state} {folded}", nodes)}
            return
        for node in nodes:
            yield {**keys, "node": node, **_origin(entry, f"node_state {state} {node}", [node])}

    def resume(self, entry: Entry) -> int:
        """Return how many events of an entry need not be put again.

        Those noted may be an event a node, of a run before the granularity was changed: a batch is then put again.
        """
        return min(entry.done, int(entry.kind == "notification")) if self._batch else entry.done

    def count(self, entry: Entry) -> int:
        """Return how many events an entry makes."""
        return sum(1 for _event in self.events_of(entry))


def _origin(entry: Entry, name: str, hosts: list[str]) -> dict[str, Any]:
    """Return what tells an event from all others, and where it comes from."""
    received = datetime.fromtimestamp(entry.received, timezone.utc).isoformat()
    meta = {"uuid": str(uuid.uuid5(uuid.UUID(entry.uuid), name)), "hosts": hosts, "received_at": received}
    return {"notification": entry.uuid, "meta": meta}
