# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observer: reads the overview of a listener, and makes the health checks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

from ..configure.settings import Settings
from ..store.database import Database
from ..store.ledger import Ledger
from ..store.node_record import STATES, NodeRecord
from ..store.records import Records
from .overview import Overview, Sync

# The most entries on the status page.
MOST_ENTRIES = 50
# Sync intervals without a snapshot until the check fails.
MISSED_SYNCS = 3


class Stored(NamedTuple):
    """What the database has for an overview."""

    last_sync: dict[str, Any]
    pending: int
    oldest: Optional[float]
    undeliverable: int
    records: list[NodeRecord]
    entries: list[dict[str, Any]]


class Observer:
    """Reads the state of a listener.

    :param delivery_problem: returns what stops delivery, empty when nothing does.
    """

    def __init__(self, database: Database, settings: Settings, delivery_problem: Callable[[], str]) -> None:
        self._database, self._settings, self._delivery_problem = database, settings, delivery_problem
        self._start, self._monotonic_start = time.time(), time.monotonic()

    def read(self) -> Overview:
        """Return the present state.

        :raises sqlite3.Error: when the database cannot be read.
        """
        now, stored = time.time(), self._read_database()
        sync = Sync.from_stored(stored.last_sync)
        is_writable = self._database.writable()
        problems = {
            "inbox": "" if is_writable else "the inbox cannot be written: check the disk of state_dir",
            "feeder": self._delivery_problem(),
            "sync": self._sync_problem(sync, now),
        }
        return Overview(
            start=self._start,
            sync_interval=self._settings.sync_interval,
            checks={name: not problem for name, problem in problems.items()},
            problems=[problem for problem in problems.values() if problem],
            pending=stored.pending,
            oldest_seconds=round(max(0.0, now - stored.oldest), 3) if stored.oldest else 0.0,
            undeliverable=stored.undeliverable,
            sync=sync,
            total=stored.last_sync.get("nodes"),
            triggers=stored.last_sync.get("triggers", []),
            settings=stored.last_sync.get("settings", []),
            out_of_service={name: sum(name in record.states for record in stored.records) for name in STATES},
            unhandled=sum(map(_is_unhandled, stored.records)),
            nodes=[_node(record, now) for record in stored.records],
            entries=stored.entries,
        )

    def _sync_problem(self, sync: Sync, now: float) -> str:
        if not self._settings.sync_interval:
            return ""
        error = f": {sync.failure['error']}" if sync.failure else ""
        if sync.last is None:
            return f"no sync has succeeded yet{error or ', the first one may still run'}"
        age = time.monotonic() - self._monotonic_start
        # A time in the future was written before the clock was set back, and proves nothing.
        if sync.last <= now:
            age = min(age, now - sync.last)
        if age <= MISSED_SYNCS * self._settings.sync_interval:
            return ""
        return f"no sync has succeeded for {age:.0f} s{error or ': find out why playbooks/sync.yml fails'}"

    def _read_database(self) -> Stored:
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, value FROM last_sync")
            last_sync = {name: json.loads(value) for name, value in rows}
            query = "SELECT count(*), min(received) FROM inbox WHERE outcome IS NULL"
            pending, oldest = connection.execute(query).fetchone()
            undeliverable = connection.execute("SELECT count(*) FROM undeliverable").fetchone()[0]
            records = list(Ledger(connection).out_of_service().values())
            query = (
                "SELECT uuid, received, summary, hostlist, nodes, coalesce(outcome, 'pending'),"
                " CASE WHEN outcome IS NULL AND delivered THEN delivered || ' events delivered' ELSE detail END"
                " FROM inbox ORDER BY number DESC LIMIT ?"
            )
            names = ("id", "received", "summary", "hostlist", "nodes", "outcome", "detail")
            entries = [dict(zip(names, row)) for row in connection.execute(query, (MOST_ENTRIES,))]
            reactions = Records(connection).of_entries(entry["id"] for entry in entries)
        for entry in entries:
            entry["reactions"] = [group._asdict() for it in reactions.get(entry["id"], []) for group in it.shown()]
        return Stored(last_sync, pending, oldest, undeliverable, records, entries)


def _is_unhandled(record: NodeRecord) -> bool:
    """Tell whether a node is down and no reaction has drained it, or one has and it is to be retried."""
    if record.details.get("retry"):
        return True
    drained = record.states & {"drained", "draining"}
    return "down" in record.states and not drained and not record.is_planned()


def _node(record: NodeRecord, now: float) -> dict[str, Any]:
    details = record.details
    return {
        "name": record.node,
        "states": sorted(record.states),
        "since": details.get("reason_time") or (record.left_service[-1] if record.left_service else record.reported),
        "reason": details.get("reason"),
        "reason_user": details.get("reason_user"),
        "flaps": record.flaps(now),
    }
