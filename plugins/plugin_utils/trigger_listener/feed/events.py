# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events that the rules receive, built from the entries of the inbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple, Optional

from ....module_utils.common import hostlist
from ..store.entries import Entry
from .node_event import batch_event, event_meta, node_event


class Listener(NamedTuple):
    """The key C(listener) of events; C(run) is new at each start."""

    id: str
    url: str
    run: str
    permanent: bool


def listener_event(type_: str, listener: Listener, **keys: Any) -> dict[str, Any]:
    """Return an event of the listener itself, such as C(listener_up). It limits no playbook to hosts."""
    return {"type": type_, "listener": listener._asdict(), **keys, "meta": {"uuid": str(uuid.uuid4()), "hosts": []}}


class EventBuilder:
    """Builds the events of entries.

    :param granularity: C(node) for one event per node, C(batch) for one per notification.
    """

    def __init__(self, granularity: str, cluster: Optional[str], listener: Listener) -> None:
        self._is_batch, self._cluster, self._listener = granularity == "batch", cluster, listener

    def events_of(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """Yield the events of a resolved entry, always the same ones: for a notification, first C(trigger_fired)."""
        if entry.kind == "event":
            yield entry.content
            return
        number, received = uuid.UUID(entry.uuid), datetime.fromtimestamp(entry.received, timezone.utc).isoformat()
        if entry.kind == "notification":
            keys = {"trigger": entry.content["trigger"], "listener": self._listener._asdict()}
            meta = event_meta(number, received, "trigger_fired", [])
            yield {"type": "trigger_fired", **keys, "notification": entry.uuid, "meta": meta}
        origin = "trigger" if entry.kind == "notification" else "snapshot"
        for report in entry.content["reports"]:
            nodes, keys = report["nodes"], {"flaps": report["flaps"], **report["details"]}
            keys |= {"state": report["state"], "cluster": self._cluster, "origin": origin}
            if self._is_batch:
                yield batch_event(number, received, nodes, report.get("hostlist") or hostlist.fold(nodes), **keys)
            else:
                yield from (node_event(number, received, node, **keys) for node in nodes)

    def delivered_count(self, entry: Entry) -> int:
        """Return how many of an entry's events need not be delivered again.

        A previous run may have counted one event per node, with another granularity: then a batch is delivered again.
        """
        return min(entry.delivered, int(entry.kind == "notification")) if self._is_batch else entry.delivered

    def count(self, entry: Entry) -> int:
        """Return how many events an entry has."""
        return sum(1 for _event in self.events_of(entry))
