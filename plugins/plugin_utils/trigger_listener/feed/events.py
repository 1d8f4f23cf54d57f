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
    """What all events have of the listener; C(run) is new at each start."""

    id: str
    url: str
    run: str
    permanent: bool
    cluster: Optional[str] = None

    def keys(self) -> dict[str, Any]:
        """Return the keys C(cluster) and C(listener) of an event."""
        listener = self._asdict()
        return {"cluster": listener.pop("cluster"), "listener": listener}


def listener_event(type_: str, listener: Listener, **keys: Any) -> dict[str, Any]:
    """Return an event of the listener itself, such as C(listener_up). It limits no playbook to hosts."""
    return {"type": type_, **listener.keys(), **keys, "meta": {"uuid": str(uuid.uuid4()), "hosts": []}}


class EventBuilder:
    """Builds the events of entries.

    :param granularity: C(batch) for one event per notification and state, C(node) for one per node.
    :param trigger_fired: whether notifications of permanent triggers have the event C(trigger_fired), too.
    """

    def __init__(self, granularity: str, listener: Listener, trigger_fired: bool = False) -> None:
        self._is_batch, self._listener = granularity == "batch", listener
        self._has_fired = trigger_fired or not listener.permanent

    def events_of(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """Yield the events of a resolved entry, always the same ones; C(trigger_fired) is the first."""
        if entry.kind == "event":
            yield entry.content
            return
        number, received = uuid.UUID(entry.uuid), datetime.fromtimestamp(entry.received, timezone.utc).isoformat()
        if self._fires(entry):
            keys = {"trigger": entry.content["trigger"], **self._listener.keys()}
            meta = event_meta(number, received, "trigger_fired", [])
            yield {"type": "trigger_fired", **keys, "notification": entry.uuid, "meta": meta}
        origin = "trigger" if entry.kind == "notification" else "snapshot"
        reports = entry.content["reports"]
        for report in _merged(reports) if self._is_batch else reports:
            nodes, keys = report["nodes"], {"flaps": report["flaps"], **report["details"]}
            keys |= {"state": report["state"], "origin": origin, **self._listener.keys()}
            if self._is_batch:
                yield batch_event(number, received, nodes, report.get("hostlist") or hostlist.fold(nodes), **keys)
            else:
                yield from (node_event(number, received, node, **keys) for node in nodes)

    def delivered_count(self, entry: Entry) -> int:
        """Return how many of an entry's events need not be delivered again.

        A previous run may have counted one event per node, with another granularity: then a batch is delivered again.
        """
        fired = int(entry.kind == "notification")
        if self._is_batch:
            return min(entry.delivered, int(self._fires(entry)))
        return entry.delivered if self._fires(entry) else max(entry.delivered - fired, 0)

    def progress(self, entry: Entry, count: int) -> int:
        """Return what to note after so many of an entry's events: C(trigger_fired) counts even where there is none.

        So the next run may have another setting, and no node is passed over.
        """
        return count if self._fires(entry) or entry.kind != "notification" else count + 1

    def _fires(self, entry: Entry) -> bool:
        """Tell whether an entry has the event C(trigger_fired): the only one of what is not about nodes."""
        return entry.kind == "notification" and (self._has_fired or not entry.is_node_state)

    def count(self, entry: Entry) -> int:
        """Return how many events an entry has."""
        return sum(1 for _event in self.events_of(entry))


def _merged(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one report per state and number of flaps. Details that differ between its nodes become None."""
    merged: dict[tuple[str, int], dict[str, Any]] = {}
    for report in reports:
        first = merged.setdefault((report["state"], report["flaps"]), report)
        if first is report:
            continue
        details = {
            name: value if report["details"].get(name) == value else None for name, value in first["details"].items()
        }
        keys = {name: value for name, value in first.items() if name != "hostlist"}
        keys |= {"details": details, "nodes": [*first["nodes"], *report["nodes"]]}
        merged[(report["state"], report["flaps"])] = keys
    return list(merged.values())
