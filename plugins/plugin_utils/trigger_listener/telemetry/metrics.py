# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics for Prometheus. Each is defined here and nowhere else."""

from __future__ import annotations

from typing import Any

from ....module_utils.common.trigger_events import CLASSES


class Metrics:
    """The metrics of one listener, in a registry of its own.

    Counters are incremented where the thing happens; show/exposition.py sets the gauges when Prometheus asks.
    """

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge

        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Any:
            return Counter(f"hpc_slurm_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Any:
            return Gauge(f"hpc_slurm_{name}", text, labels, registry=self.registry)

        self.notifications = counter("notifications", "Notifications from triggers", "class", "type", "result")
        self.snapshots = counter("snapshots", "Snapshots posted by syncs", "result")
        self.refusals = counter("refusals", "Requests refused, by reason", "reason")
        self.delivered = counter("events_delivered", "Events that the engine has", "type")
        self.undeliverable = counter("events_undeliverable", "Events that the engine failed with at each attempt")
        self.duplicates = counter("duplicates", "Node states that were already reported, by notification type", "type")
        self.flaps = counter("flaps", "Nodes that left service again within the hour")

        self.inbox_depth = gauge("inbox_depth", "Pending entries")
        self.inbox_oldest = gauge("inbox_oldest_seconds", "Age of the oldest pending entry")
        self.last_sync = gauge("last_sync_timestamp_seconds", "When the last snapshot was received, 0 for never")
        self.sync_interval = gauge("sync_interval_seconds", "Seconds between two syncs, 0 for none")
        self.triggers_set = gauge("triggers_set", "Triggers set for this listener, in the last snapshot")
        self.nodes = gauge("nodes", "Nodes of the cluster, in the last snapshot")
        self.out_of_service = gauge("nodes_out_of_service", "Nodes last reported in this state", "state")
        self.unhandled = gauge(
            "nodes_unhandled", "Nodes that are down and not drained by a reaction, and nodes to retry"
        )
        self.healthy = gauge("healthy", "Whether a health check passes", "check")
        self.start = gauge("start_timestamp_seconds", "When the listener started")
        self._initialize()

    def _initialize(self) -> None:
        """Create the counters of requests at 0: Prometheus sees no increase in a series that begins at 1."""
        for result in ("stored", "refused", "unwritable"):
            self.snapshots.labels(result)
            for class_, events in CLASSES.items():
                for event in events:
                    self.notifications.labels(class_, event, result)
        for reason in ("address", "token", "path", "body", "size", "inbox", "other"):
            self.refusals.labels(reason)
