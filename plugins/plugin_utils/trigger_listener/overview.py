# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the listener is: what /healthz, /metrics and the status page show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

from .database import Database
from .ledger import CONDITIONS, Ledger, Record
from .settings import Settings

# The most that the status page shows.
MOST_NODES = 500
MOST_EVENTS = 50
# Syncs that may fail before the listener says that it is not well.
MISSED_SYNCS = 3


class Overview(NamedTuple):
    """The state of a listener at one moment."""

    started: float
    interval: int
    checks: dict[str, bool]
    reasons: list[str]
    waiting: int
    oldest_seconds: float
    set_aside: int
    synced: Optional[float]
    total: Optional[int]
    triggers: list[dict[str, Any]]
    unwell: dict[str, int]
    unanswered: int
    nodes: list[dict[str, Any]]
    events: list[dict[str, Any]]

    def status(self, cluster: Optional[str], now: float) -> dict[str, Any]:
        """Return it as the status page wants it."""
        return {
            "cluster": cluster,
            "now": now,
            "up_since": self.started,
            "health": self.health(),
            "inbox": {
                "waiting": self.waiting,
                "oldest_seconds": self.oldest_seconds,
                "set_aside": self.set_aside,
            },
            "sync": {"last": self.synced, "interval": self.interval, "nodes": self.total},
            "triggers": self.triggers,
            "nodes": self.nodes[:MOST_NODES],
            "nodes_not_well": len(self.nodes),
            "events": self.events,
        }

    def health(self) -> dict[str, Any]:
        return {"status": "failing" if self.reasons else "ok", "reasons": self.reasons}


class Observer:
    """Looks at a listener.

    :param feeding: tells what is wrong with the way to the engine, empty when nothing is.
    """

    def __init__(self, database: Database, settings: Settings, feeding: Callable[[], str]) -> None:
        self._database, self._settings, self._feeding = database, settings, feeding
        self._started, self._begun = time.time(), time.monotonic()

    def look(self) -> Overview:
        """Return how it is now.

        :raises sqlite3.Error: when the database cannot be read.
        """
        now = time.time()
        facts, waiting, oldest, aside, records, events = self._read()
        wrong = {
            "inbox": "" if self._database.writable() else "the inbox cannot be written: see to the disk of state_dir",
            "feeder": self._feeding(),
            "sync": self._sync_trouble(facts.get("sync"), now),
        }
        return Overview(
            started=self._started,
            interval=self._settings.sync_interval,
            checks={name: not trouble for name, trouble in wrong.items()},
            reasons=[trouble for trouble in wrong.values() if trouble],
            waiting=waiting,
            oldest_seconds=round(max(0.0, now - oldest), 3) if oldest else 0.0,
            set_aside=aside,
            synced=facts.get("sync"),
            total=facts.get("nodes"),
            triggers=facts.get("triggers", []),
            unwell={name: sum(name in record.conditions for record in records) for name in CONDITIONS},
            unanswered=sum(map(_unanswered, records)),
            nodes=[_node(record, now) for record in records],
            events=events,
        )

    def _sync_trouble(self, synced: Optional[float], now: float) -> str:
        if not self._settings.sync_interval:
            return ""
        late = time.monotonic() - self._begun
        # One that is still to come is of a clock that has been put back since, and says nothing.
        if synced is not None and synced <= now:
            late = min(late, now - synced)
        if late <= MISSED_SYNCS * self._settings.sync_interval:
            return ""
        return f"no snapshot came for {late:.0f} s: see why playbooks/sync.yml fails"

    def _read(self) -> tuple[dict[str, Any], int, Optional[float], int, list[Record], list[dict[str, Any]]]:
        with self._database.reading() as connection:
            facts = {name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM facts")}
            query = "SELECT count(*), min(received) FROM inbox WHERE outcome IS NULL"
            waiting, oldest = connection.execute(query).fetchone()
            aside = connection.execute("SELECT count(*) FROM aside").fetchone()[0]
            records = list(Ledger(connection).unwell().values())
            query = (
                "SELECT uuid, received, what, hostlist, nodes, coalesce(outcome, 'waiting'),"
                " CASE WHEN outcome IS NULL AND done THEN done || ' events taken' ELSE detail END"
                " FROM inbox ORDER BY number DESC LIMIT ?"
            )
            names = ("id", "received", "what", "hostlist", "nodes", "outcome", "detail")
            events = [dict(zip(names, row)) for row in connection.execute(query, (MOST_EVENTS,))]
        return facts, waiting, oldest, aside, records, events


def _unanswered(record: Record) -> bool:
    """Tell whether a node is down as if no reaction had met it: one that did has drained it."""
    drained = record.conditions & {"drained", "draining"}
    return "down" in record.conditions and not drained and not record.is_planned()


def _node(record: Record, now: float) -> dict[str, Any]:
    details = record.details
    return {
        "name": record.node,
        "states": sorted(record.conditions),
        "since": details.get("reason_time") or (record.fell[-1] if record.fell else record.changed),
        "reason": details.get("reason"),
        "reason_user": details.get("reason_user"),
        "flaps": record.flaps(now),
    }
