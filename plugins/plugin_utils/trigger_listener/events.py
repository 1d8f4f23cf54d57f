# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events that the rules see, made from what the inbox holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple, Optional

from ...module_utils.common import hostlist
from .inbox import Entry
from .node_state import STATES, batch_event, meta, node_event

# The classes and types of notifications.
TYPES = {"node": STATES}


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
        """Yield the events of a settled entry, always the same: for a notification first C(trigger_fired)."""
        if entry.kind == "event":
            yield entry.content
            return
        number, received = uuid.UUID(entry.uuid), datetime.fromtimestamp(entry.received, timezone.utc).isoformat()
        if entry.kind == "notification":
            told = {"trigger": entry.content["trigger"], "listener": self._listener._asdict()}
            about = meta(number, received, "trigger_fired", [])
            yield {"type": "trigger_fired", **told, "notification": entry.uuid, "meta": about}
        origin = "trigger" if entry.kind == "notification" else "snapshot"
        for report in entry.content["reports"]:
            nodes, keys = report["nodes"], {"flaps": report["flaps"], **report["details"]}
            keys |= {"state": report["state"], "cluster": self._cluster, "origin": origin}
            if self._batch:
                yield batch_event(number, received, nodes, report.get("hostlist") or hostlist.fold(nodes), **keys)
            else:
                yield from (node_event(number, received, node, **keys) for node in nodes)

    def resume(self, entry: Entry) -> int:
        """Return how many events of an entry need not be put again.

        Those noted may be an event a node, of a run before the granularity was changed: a batch is then put again.
        """
        return min(entry.done, int(entry.kind == "notification")) if self._batch else entry.done

    def count(self, entry: Entry) -> int:
        """Return how many events an entry makes."""
        return sum(1 for _event in self.events_of(entry))
