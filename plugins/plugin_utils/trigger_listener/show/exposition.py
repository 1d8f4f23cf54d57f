# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answer of /metrics, in Prometheus' text format."""

from __future__ import annotations

from typing import Optional

from ..telemetry.metrics import Metrics
from .overview import Overview


def expose(metrics: Metrics, overview: Optional[Overview]) -> bytes:
    """Set the gauges from an overview, and return all metrics as text.

    :param overview: None when the database cannot be read.
    """
    from prometheus_client import generate_latest

    if overview is None:
        metrics.healthy.labels("inbox").set(0)
    else:
        _set_gauges(metrics, overview)
    return generate_latest(metrics.registry)


def _set_gauges(metrics: Metrics, overview: Overview) -> None:
    metrics.inbox_depth.set(overview.pending)
    metrics.inbox_oldest.set(overview.oldest_seconds)
    metrics.last_sync.set(overview.sync.last or 0)
    metrics.sync_interval.set(overview.sync_interval)
    metrics.triggers_set.set(len(overview.triggers))
    metrics.nodes.set(overview.total or 0)
    metrics.start.set(overview.start)
    metrics.unhandled.set(overview.unhandled)
    for state, count in overview.out_of_service.items():
        metrics.out_of_service.labels(state).set(count)
    for check, passes in overview.checks.items():
        metrics.healthy.labels(check).set(passes)
