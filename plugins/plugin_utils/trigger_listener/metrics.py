# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is counted, for Prometheus; each metric is described here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from .node_state import STATES

if TYPE_CHECKING:
    from .overview import Overview


class Metrics:
    """The metrics of one listener, in a registry of its own."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge

        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Any:
            return Counter(f"hpc_slurm_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Any:
            return Gauge(f"hpc_slurm_{name}", text, labels, registry=self.registry)

        self.notifications = counter("notifications", "Notifications of Slurm's triggers", "class", "type", "result")
        self.snapshots = counter("snapshots", "Snapshots of the nodes that are not well", "result")
        self.refusals = counter("refusals", "Requests refused, by what was wrong with them", "reason")
        self._begin()
        self.events = counter("events_put", "Events that the engine has taken", "type")
        self.aside = counter("events_set_aside", "Events that the engine can never take")
        self.duplicates = counter("duplicates", "Node states told again, and not reported again", "type")
        self.flaps = counter("flaps", "Nodes that left service again within the hour")

        self._depth = gauge("inbox_depth", "Entries that wait for the engine")
        self._oldest = gauge("inbox_oldest_seconds", "Age of the entry that has waited longest")
        self._synced = gauge("last_sync_timestamp_seconds", "When the last snapshot came, 0 for never")
        self._interval = gauge("sync_interval_seconds", "Seconds between two syncs, 0 for none")
        self._triggers = gauge("triggers_armed", "Triggers for this listener, when the last snapshot was made")
        self._nodes = gauge("nodes", "Nodes of the cluster, when the last snapshot was made")
        self._unwell = gauge("nodes_not_well", "Nodes last reported in this state", "state")
        self._unanswered = gauge("nodes_unanswered", "Nodes that are down, and that no reaction has drained")
        self._healthy = gauge("healthy", "Whether a part of the listener works", "check")
        self._start = gauge("start_timestamp_seconds", "When the listener was started")

    def _begin(self) -> None:
        """Have the counters of refusals at 0 from the start: Prometheus sees no increase in what is new."""
        for result in ("stored", "refused", "unwritable"):
            self.snapshots.labels(result)
            for state in STATES:
                self.notifications.labels("node", state, result)
        for reason in ("address", "token", "path", "body", "size", "inbox", "other"):
            self.refusals.labels(reason)

    def exposition(self, overview: Optional[Overview]) -> bytes:
        """Return all of it in Prometheus' text format.

        :param overview: None when the database cannot be read.
        """
        from prometheus_client import generate_latest

        if overview is None:
            self._healthy.labels("inbox").set(0)
        else:
            self._show(overview)
        return generate_latest(self.registry)

    def _show(self, overview: Overview) -> None:
        self._depth.set(overview.waiting)
        self._oldest.set(overview.oldest_seconds)
        self._synced.set(overview.synced or 0)
        self._interval.set(overview.interval)
        self._triggers.set(len(overview.triggers))
        self._nodes.set(overview.total or 0)
        self._start.set(overview.started)
        self._unanswered.set(overview.unanswered)
        for state, count in overview.unwell.items():
            self._unwell.labels(state).set(count)
        for check, well in overview.checks.items():
            self._healthy.labels(check).set(well)
