# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resolver: compares notifications and snapshots with the ledger, so that only changes are reported."""

from __future__ import annotations

import itertools
import json
import math
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Optional

from ....module_utils.common import hostlist
from ..telemetry.log import log_decision
from ..telemetry.metrics import Metrics
from . import changes, inbox
from .changes import DEFAULT_RETRIES, Changes, Retries
from .database import Database
from .entries import MOST_SHOWN, UNREADABLE, Entry, NewEntry, Row, from_row, is_resolved, to_row
from .inbox import Inbox
from .ledger import Ledger, rows_of
from .node_record import SNAPSHOT_GAP, NodeRecord
from .records import HELD, Group, Record, Records
from .snapshot import Snapshot

# Nodes of the notifications that are examined for a merge: the engine takes no other event while it reads one.
MOST_NODES = 10_000


class Resolver:
    """Resolves the entries of an inbox.

    :param merges: whether notifications of the same kind that wait become one entry: the oldest one, with all changes.
    :param retries: when nodes are reported again that are still out of service after their reaction.
    :raises sqlite3.Error: from every method when the disk is full or cannot be written; then nothing is stored.
    """

    def __init__(
        self, database: Database, box: Inbox, metrics: Metrics, merges: bool = False, retries: Retries = DEFAULT_RETRIES
    ) -> None:
        self.merges, self._retries = merges, retries
        self._database, self._inbox, self._metrics = database, box, metrics
        # Held from reading the ledger until writing it. The comparison of ten thousand nodes in between takes time, but
        # notifications can be stored meanwhile.
        self._lock = threading.RLock()

    def next_entry(self) -> Optional[Entry]:
        """Return the oldest pending entry, resolved, or None. Entries that cannot be read become undeliverable."""
        with self._lock:
            while row := self._inbox.oldest():
                if not is_resolved(row):
                    self._resolve(row)
                    continue
                try:
                    return from_row(row)
                except UNREADABLE as error:
                    self._complete_unreadable(row, error)
        return None

    def apply_snapshot(self, snapshot: Snapshot, count: Callable[[Entry], int]) -> tuple[str, int]:
        """Compare a snapshot with the ledger, and append it to the inbox.

        :param count: returns how many events an entry has.
        :returns: the entry's uuid and its number of events.
        :raises InboxFullError: when too many entries are pending.
        """
        number = str(uuid.uuid4())
        with self._lock:
            # Notifications that were received before are older than the snapshot.
            while row := self._inbox.oldest(unresolved=True):
                self._resolve(row)
            now = time.time()  # later than all of these
            found = self._compare_snapshot(snapshot, now)
            reports = changes.reports_of(found.changed, now)
            folded = hostlist.fold(record.node for record, _state in found.changed) if found.changed else ""
            nodes = sum(len(report["nodes"]) for report in reports)
            new = NewEntry("snapshot", "snapshot", {"reports": reports}, number, now, folded, nodes)
            events = count(Entry(0, number, now, new.kind, new.summary, new.content, 0))
            self._store_snapshot(new, snapshot, found, has_events=bool(events))
            if found.given_up:
                self.add_record(_held(found.given_up, number, now))
        self._metrics.flaps.inc(found.flaps)
        log_decision("snapshot compared", id=number, nodes=snapshot.total, events=events, hostlist=folded[:MOST_SHOWN])
        return number, events

    def add_record(self, record: Record) -> None:
        """Store what a reaction did."""
        with self._lock, self._database.transaction(durable=False) as connection:
            Records(connection).add(record)
            Ledger(connection).note(record)
        facts: dict[str, Any] = {"event": record.event, "playbook": record.playbook}
        for group in record.groups:
            log_decision("reaction recorded", **facts, nodes=group.nodes, outcome=group.decision, why=group.why)

    def add_sync_failure(self, error: str) -> None:
        """Store why a sync failed."""
        value = json.dumps({"time": time.time(), "error": error})
        with self._lock, self._database.transaction(durable=False) as connection:
            connection.execute("INSERT OR REPLACE INTO last_sync VALUES ('failure', ?)", (value,))
        log_decision("sync failed", error=error, failing=True)

    def mark_undeliverable(self, entry: Entry, event: dict[str, Any], error: str) -> None:
        """Note that the engine failed with an event. The next snapshot reports its nodes again."""
        with self._lock, self._database.transaction() as connection:
            inbox.add_undeliverable(connection, entry.uuid, event, error)
            Ledger(connection).remove(event.get("meta", {}).get("hosts", []))
        self._count_undeliverable(entry.uuid, event, error)

    def _compare_snapshot(self, snapshot: Snapshot, now: float) -> Changes:
        names = [name for group in snapshot.groups for name in group.nodes]
        with self._database.reading() as connection:
            known = {**Ledger(connection).out_of_service(), **Ledger(connection).read(names)}
            gap_start = _gap_start(connection, snapshot.read_at)
            records = Records(connection).of_events({group.reaction for group in snapshot.groups if group.reaction})
        ended = {event: record.time for event, record in records.items()}
        held = {name for group in snapshot.groups if group.reaction in records for name in group.nodes}
        held &= set[str]().union(*(record.held() for record in records.values()))
        retries = self._retries._replace(ended=ended, held=frozenset(held))
        return changes.of_snapshot(known, snapshot, now, gap_start, retries)

    def _store_snapshot(self, new: NewEntry, snapshot: Snapshot, found: Changes, has_events: bool) -> None:
        facts: dict[str, Any] = {"received": new.received, "read_at": snapshot.read_at, "nodes": snapshot.total}
        facts["triggers"] = snapshot.triggers
        if snapshot.settings is not None:
            facts["settings"] = snapshot.settings
        row, records = to_row(new, resolved=True), rows_of(found.records)
        with self._database.transaction() as connection:
            if has_events:
                self._inbox.expect_room(connection, [row])
            number = inbox.insert(connection, row)
            if not has_events:
                inbox.complete(connection, number, "unchanged", "")
            Ledger(connection).write(records)
            Ledger(connection).prune(new.received)
            values = [(name, json.dumps(value)) for name, value in facts.items()]
            connection.executemany("INSERT OR REPLACE INTO last_sync VALUES (?, ?)", values)

    def _resolve(self, row: Row) -> None:
        """Compare a notification with the ledger. When it cannot be read, it becomes undeliverable."""
        try:
            entry = from_row(row)
            merged = self._mergeable(entry) if self.merges else []
            found, duplicates = self._compare_notifications([entry, *merged])
            content = _resolved_content(entry, found, has_all=not duplicates and not merged)
        except UNREADABLE as error:
            self._complete_unreadable(row, error)
            return
        text, records = json.dumps(content), rows_of(found.records)
        with self._database.transaction(durable=False) as connection:
            Ledger(connection).write(records)
            inbox.set_content(connection, entry.number, text)
            for other in merged:
                inbox.complete(connection, other.number, "merged", f"with {entry.uuid}")
        self._metrics.flaps.inc(found.flaps)
        self._metrics.duplicates.labels(content["trigger"]["type"]).inc(duplicates)
        log_decision(
            "notification resolved",
            id=entry.uuid,
            trigger=entry.summary,
            changes=len(found.changed),
            duplicates=duplicates,
            merged=[other.uuid for other in merged],
        )

    def _mergeable(self, first: Entry) -> list[Entry]:
        """Return the later notifications of the same kind, except those that would overtake a change of their nodes."""
        found, passed, left = [], set[str](), MOST_NODES - hostlist.count(first.content["hostlist"])
        for row in self._inbox.unresolved_after(first.number):
            try:
                entry = from_row(row)
                left -= hostlist.count(entry.content["hostlist"])
                names = set(hostlist.expand(entry.content["hostlist"])) if left >= 0 else set()
            except UNREADABLE:
                continue  # it becomes undeliverable in its turn
            if left < 0:
                break
            if entry.summary == first.summary and passed.isdisjoint(names):
                found.append(entry)
            else:
                passed |= names
        return found

    def _compare_notifications(self, entries: list[Entry]) -> tuple[Changes, int]:
        """Return the changes of notifications of the same kind, and how many of their nodes are duplicates."""
        names = [hostlist.expand(entry.content["hostlist"]) for entry in entries]
        with self._database.reading() as connection:
            known = Ledger(connection).read(itertools.chain.from_iterable(names))
        changed, flaps = list[tuple[NodeRecord, str]](), 0
        for entry, given in zip(entries, names):
            found = changes.of_notification([known[name] for name in given], entry.content["type"], entry.received)
            known |= {record.node: record for record in found.records}
            changed, flaps = [*changed, *found.changed], flaps + found.flaps
        records = [record for record, _state in changed]
        return Changes(changed, records, flaps), sum(map(len, names)) - len(changed)

    def _complete_unreadable(self, row: Row, error: Exception) -> None:
        number, uuid_, *_rest = row
        message = f"the entry cannot be read: {type(error).__name__}: {error}"
        with self._database.transaction() as connection:
            inbox.complete(connection, number, "undeliverable", message)
            inbox.add_undeliverable(connection, uuid_, {}, message)
        self._count_undeliverable(uuid_, {}, message)

    def _count_undeliverable(self, entry: str, event: dict[str, Any], error: str) -> None:
        self._metrics.undeliverable.inc()
        uuid_ = event.get("meta", {}).get("uuid")
        log_decision("event undeliverable", id=entry, event=uuid_, error=error, failing=True)


def _held(nodes: Iterable[str], number: str, now: float) -> Record:
    """Return the record of nodes that are not reported again, whose reaction may have left none.

    :param number: the uuid of the snapshot's entry.
    """
    why = "no reaction brought it back, and no retries are left today (hpc_slurm_retries_per_day)"
    return Record(number, number, "hpc.slurm.node_down", now, [Group(hostlist.fold(nodes), HELD, why)])


def _gap_start(connection: sqlite3.Connection, read_at: float) -> float:
    """Return when the last snapshot was received, if that is long before Slurm was read for this one; else infinity."""
    row = connection.execute("SELECT value FROM last_sync WHERE name = 'received'").fetchone()
    last = float(json.loads(row[0])) if row else math.inf
    return last if read_at - last > SNAPSHOT_GAP else math.inf


def _resolved_content(entry: Entry, found: Changes, has_all: bool) -> dict[str, Any]:
    """Return the content of a notification after the comparison.

    :param has_all: whether the changes are exactly the nodes of its hostlist.
    """
    reports = changes.reports_of(found.changed, entry.received)
    if has_all and len(reports) == 1:
        reports[0]["hostlist"] = entry.content["hostlist"]
    return {"trigger": {"class": entry.content["class"], "type": entry.content["type"]}, "reports": reports}
