# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The overview: the state of a listener at one moment, as /status and /healthz answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

# The most nodes on the status page.
MOST_NODES = 500


class Sync(NamedTuple):
    """The syncs of a listener, in seconds since the epoch by its clock.

    :param last: when the last snapshot was received, or None.
    :param read_at: when Slurm was read for it, or None.
    :param failure: C(time) and C(error) of a sync that failed after that, or None.
    """

    last: Optional[float]
    read_at: Optional[float]
    failure: Optional[dict[str, Any]]

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Sync:
        """Return the syncs by what the database has of them."""
        last, failure = stored.get("received"), stored.get("failure")
        is_over = failure is None or (last is not None and failure["time"] <= last)
        return cls(last, stored.get("read_at"), None if is_over else failure)


class Overview(NamedTuple):
    """The state of a listener at one moment.

    :param checks: the health checks, and whether they pass.
    :param problems: why checks fail, and what to do.
    :param settings: how the reactions are set, each with C(name) and C(value).
    :param out_of_service: how many nodes have each state.
    """

    start: float
    sync_interval: int
    checks: dict[str, bool]
    problems: list[str]
    pending: int
    oldest_seconds: float
    undeliverable: int
    sync: Sync
    total: Optional[int]
    triggers: list[dict[str, Any]]
    settings: list[dict[str, Any]]
    out_of_service: dict[str, int]
    unhandled: int
    nodes: list[dict[str, Any]]
    entries: list[dict[str, Any]]

    def status(self, listener_id: str, cluster: Optional[str], now: float) -> dict[str, Any]:
        """Return the answer of /status."""
        return {
            "id": listener_id,
            "cluster": cluster,
            "now": now,
            "up_since": self.start,
            "health": self.health(),
            "inbox": {
                "pending": self.pending,
                "oldest_seconds": self.oldest_seconds,
                "undeliverable": self.undeliverable,
            },
            "sync": {**self.sync._asdict(), "interval": self.sync_interval, "nodes": self.total},
            "triggers": self.triggers,
            "settings": self.settings,
            "nodes": self.nodes[:MOST_NODES],
            "nodes_out_of_service": len(self.nodes),
            "entries": self.entries,
        }

    def health(self) -> dict[str, Any]:
        return {"status": "failing" if self.problems else "ok", "reasons": self.problems}
