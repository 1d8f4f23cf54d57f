# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inbox: what has been accepted and not yet been taken by the engine, on disk, in order.

A notification is one row, however many nodes it names. It is stored as it came, in a fraction of a millisecond, and
settled later: the ledger says which of its nodes are news. Its events are made when it is fed (events.py), with the
same uuids each time, and C(done) says how many of them the engine has taken.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from ...module_utils.adapter.errors import SlurmError
from ...module_utils.common import hostlist
from . import ledger
from .database import Database
from .ledger import Ledger, Record
from .log import decided
from .metrics import Metrics
from .snapshot import Snapshot

# What may wait: far more than an engine that works ever leaves, and far less than a disk.
MOST_WAITING = 10_000
MOST_BYTES = 256 * 1024 * 1024
# Rows that are kept for people when they have been dealt with.
KEPT = 1000
# Characters of a hostlist that are kept for people.
SHOWN = 1000

# What reading a row may raise when its content is not what this release writes.
UNREADABLE = (ValueError, KeyError, TypeError, SlurmError)


class InboxFullError(Exception):
    """Too much waits for the engine."""


class Entry(NamedTuple):
    """A row: a notification, a snapshot, or an event as it is (kind C(event))."""

    number: int
    uuid: str
    received: float
    kind: str
    what: str
    content: dict[str, Any]
    done: int


class New(NamedTuple):
    """What is to be stored."""

    kind: str
    what: str
    content: dict[str, Any]
    uuid: str
    received: float
    hostlist: str = ""
    nodes: int = 0

    @classmethod
    def notification(cls, class_: str, type_: str, text: str) -> New:
        """Return a notification.

        :param text: a hostlist.
        :raises SlurmError: when it is none.
        """
        content = {"class": class_, "type": type_, "hostlist": text}
        count = len(hostlist.expand(text))
        return cls("notification", f"{class_} {type_}", content, str(uuid.uuid4()), time.time(), text, count)

    @classmethod
    def event(cls, event: dict[str, Any]) -> New:
        return cls("event", event["type"], event, event["meta"]["uuid"], time.time())


class Inbox:
    """The queue of a listener.

    :raises sqlite3.Error: from every method when the disk is full or cannot be written; nothing is stored then.
    """

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database, self._metrics = database, metrics
        # Held from the reading of the ledger to the writing: what is worked out between takes its time with ten
        # thousand nodes, and nobody who stores a notification waits for it.
        self._settling = threading.RLock()

    def store(self, entries: Iterable[New]) -> None:
        """Put entries at the end, all or none; they are on disk when this returns.

        :raises InboxFullError: when too much waits already.
        """
        rows = [_row(entry, settled=entry.kind == "event") for entry in entries]
        with self._database.transaction() as connection:
            _expect_room(connection, rows)
            connection.executemany(_INSERT, rows)

    def next(self) -> Optional[Entry]:
        """Return the entry that has waited longest, settled, or None. What cannot be read is set aside."""
        query = f"{_SELECT} WHERE outcome IS NULL ORDER BY number LIMIT 1"
        with self._settling:
            while row := self._row(query):
                if not row[-1]:
                    self._settle(row)
                    continue
                try:
                    return _entry(row)
                except UNREADABLE as error:
                    self._end_unreadable(row, error)
        return None

    def _row(self, query: str, *values: Any) -> Any:
        with self._database.reading() as connection:
            return connection.execute(query, values).fetchone()

    def snapshot(self, snapshot: Snapshot, count: Callable[[Entry], int]) -> tuple[str, int]:
        """Compare a snapshot with the ledger, and put what is news at the end.

        :param count: says how many events an entry makes.
        :returns: the entry's uuid and its number of events.
        :raises InboxFullError: when too much waits already.
        """
        number = str(uuid.uuid4())
        with self._settling:
            # What was told before is older than the snapshot.
            while row := self._row(f"{_SELECT} WHERE outcome IS NULL AND NOT settled ORDER BY number LIMIT 1"):
                self._settle(row)
            now = time.time()  # later than all that was told
            news, rows, flaps = self._compare(snapshot, now)
            reports = _reports(news, now)
            folded = hostlist.fold(record.node for record, _state in news) if news else ""
            nodes = sum(len(report["nodes"]) for report in reports)
            new = New("snapshot", "snapshot", {"reports": reports}, number, now, folded, nodes)
            events = count(Entry(0, number, now, new.kind, new.what, new.content, 0))
            self._keep(new, snapshot, rows, bool(events))
        self._metrics.flaps.inc(flaps)
        decided("compared", id=number, nodes=snapshot.total, events=events, hostlist=folded[:SHOWN])
        return number, events

    def _keep(self, new: New, snapshot: Snapshot, rows: list[ledger.Row], is_news: bool) -> None:
        facts = {"sync": new.received, "nodes": snapshot.total, "triggers": snapshot.triggers}
        row = _row(new, settled=True)
        with self._database.transaction() as connection:
            if is_news:
                _expect_room(connection, [row])
            number = connection.execute(_INSERT, row).lastrowid or 0
            if not is_news:
                self._end(connection, number, "nothing new", "")
            Ledger(connection).write(rows)
            Ledger(connection).prune(new.received)
            connection.executemany(
                "INSERT OR REPLACE INTO facts VALUES (?, ?)", [(name, json.dumps(it)) for name, it in facts.items()]
            )

    def _compare(self, snapshot: Snapshot, now: float) -> tuple[list[tuple[Record, str]], list[ledger.Row], int]:
        """Return what is news in a snapshot, the ledger's rows to write, and how many nodes flapped."""
        named = {name: group for group in snapshot.groups for name in group.nodes}
        with self._database.reading() as connection:
            known = {**Ledger(connection).unwell(), **Ledger(connection).read(named)}
            unwatched = _unwatched(connection, snapshot.read)
        news, records, flaps = [], [], 0
        for name, record in known.items():
            if name in named:
                after, states = ledger.seen(record, named[name], snapshot.read, now, unwatched)
            else:
                after, states = ledger.absent(record, snapshot.read, now)
            if after != record:
                records.append(after)
            news += [(after, state) for state in states]
            flaps += _flapped(record, after, now)
        return news, ledger.rows_of(records), flaps

    def _settle(self, row: tuple[Any, ...]) -> None:
        """Note what of a notification is news; set it aside when it cannot be read."""
        try:
            entry = _entry(row)
            news, duplicates, flaps = self._news(entry)
            content = _settled(entry, news, duplicates)
        except UNREADABLE as error:
            self._end_unreadable(row, error)
            return
        text, rows = json.dumps(content), ledger.rows_of(record for record, _state in news)
        with self._database.transaction(durable=False) as connection:
            Ledger(connection).write(rows)
            connection.execute("UPDATE inbox SET content = ?, settled = 1 WHERE number = ?", (text, entry.number))
        self._metrics.flaps.inc(flaps)
        self._metrics.duplicates.labels(content["trigger"]["type"]).inc(duplicates)
        decided("settled", id=entry.uuid, trigger=entry.what, news=len(news), duplicates=duplicates)

    def _news(self, entry: Entry) -> tuple[list[tuple[Record, str]], int, int]:
        """Return what is news of a notification, how many of its nodes are none, and how many flapped."""
        state, now = entry.content["type"], entry.received
        names = hostlist.expand(entry.content["hostlist"])
        with self._database.reading() as connection:
            known = Ledger(connection).read(names)
        news, flaps = [], 0
        for record in known.values():
            after, is_news = ledger.told(record, state, now)
            if is_news:
                news.append((after, state))
                flaps += _flapped(record, after, now)
        return news, len(names) - len(news), flaps

    def _end_unreadable(self, row: tuple[Any, ...], error: Exception) -> None:
        number, uuid_, *_rest = row
        told = f"it cannot be read: {type(error).__name__}: {error}"
        with self._database.transaction() as connection:
            self._end(connection, number, "set aside", told)
            _keep_aside(connection, uuid_, {}, told)
        self._note_aside(uuid_, {}, told)

    def advance(self, entry: Entry, done: int) -> None:
        """Note that the engine has taken so many of the entry's events."""
        with self._database.transaction(durable=False) as connection:
            connection.execute("UPDATE inbox SET done = ? WHERE number = ?", (done, entry.number))

    def set_aside(self, entry: Entry, event: dict[str, Any], error: str) -> None:
        """Note that the engine can never take an event. The next snapshot reports its nodes again."""
        with self._settling, self._database.transaction() as connection:
            _keep_aside(connection, entry.uuid, event, error)
            Ledger(connection).forget(event.get("meta", {}).get("hosts", []))
        self._note_aside(entry.uuid, event, error)

    def _note_aside(self, entry: str, event: dict[str, Any], error: str) -> None:
        self._metrics.aside.inc()
        decided("set aside", id=entry, event=event.get("meta", {}).get("uuid"), error=error, failing=True)

    def end(self, entry: Entry, outcome: str, detail: str = "") -> None:
        """Note what became of an entry, and drop the oldest of those that have ended."""
        with self._database.transaction(durable=False) as connection:
            self._end(connection, entry.number, outcome, detail)

    def _end(self, connection: Any, number: int, outcome: str, detail: str) -> None:
        connection.execute(_END, (outcome, detail[:SHOWN], number))
        connection.execute("DELETE FROM inbox WHERE outcome IS NOT NULL AND number <= ?", (number - KEPT,))
        connection.execute("DELETE FROM aside WHERE number <= (SELECT max(number) FROM aside) - ?", (KEPT,))

    def waits(self, what: str) -> bool:
        """Tell whether an event of this type waits already."""
        query = "SELECT 1 FROM inbox WHERE outcome IS NULL AND what = ? LIMIT 1"
        with self._database.reading() as connection:
            return connection.execute(query, (what,)).fetchone() is not None

    def drop(self, what: str) -> None:
        """Drop the events of this type that wait."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM inbox WHERE outcome IS NULL AND kind = 'event' AND what = ?", (what,))


_INSERT = (
    "INSERT INTO inbox (uuid, received, kind, what, hostlist, nodes, content, size, settled) VALUES"
    " (:uuid, :received, :kind, :what, :hostlist, :nodes, :content, :size, :settled)"
)
_SELECT = "SELECT number, uuid, received, kind, what, content, done, settled FROM inbox"
# The content is of no use any more, and may be a megabyte.
_END = "UPDATE inbox SET outcome = ?, detail = ?, content = '{}' WHERE number = ?"


def _expect_room(connection: sqlite3.Connection, rows: list[dict[str, Any]]) -> None:
    query = "SELECT count(*), coalesce(sum(size), 0) FROM inbox WHERE outcome IS NULL"
    waiting, size = connection.execute(query).fetchone()
    if waiting + len(rows) > MOST_WAITING or size + sum(row["size"] for row in rows) > MOST_BYTES:
        raise InboxFullError(f"{waiting} entries wait for the engine")


def _unwatched(connection: sqlite3.Connection, read: float) -> float:
    """Return when the last snapshot came, if that was long before Slurm was read for this one; else infinity."""
    row = connection.execute("SELECT value FROM facts WHERE name = 'sync'").fetchone()
    last = float(json.loads(row[0])) if row else math.inf
    return last if read - last > ledger.UNWATCHED else math.inf


def _keep_aside(connection: sqlite3.Connection, entry: str, event: dict[str, Any], error: str) -> None:
    values = (entry, json.dumps(event), error, time.time())
    connection.execute("INSERT INTO aside (entry, event, error, at) VALUES (?, ?, ?, ?)", values)


def _settled(entry: Entry, news: list[tuple[Record, str]], duplicates: int) -> dict[str, Any]:
    """Return the content of a notification when the ledger has said what of it is news."""
    reports = _reports(news, entry.received)
    if not duplicates and len(reports) == 1:
        reports[0]["hostlist"] = entry.content["hostlist"]
    return {"trigger": {"class": entry.content["class"], "type": entry.content["type"]}, "reports": reports}


def _row(new: New, settled: bool) -> dict[str, Any]:
    content = json.dumps(new.content)
    row = {**new._asdict(), "content": content, "size": len(content), "settled": settled}
    row["hostlist"] = new.hostlist if len(new.hostlist) <= SHOWN else new.hostlist[:SHOWN] + "..."
    return row


def _entry(row: tuple[Any, ...]) -> Entry:
    number, uuid_, received, kind, what, content, done, _settled = row
    return Entry(number, uuid_, received, kind, what, json.loads(content), done)


def _flapped(before: Record, after: Record, now: float) -> int:
    """Return 1 when a node left service, and not for the first time within the hour."""
    return int(after.fell[-1:] != before.fell[-1:] and after.flaps(now) > 1)


def _reports(news: Iterable[tuple[Record, str]], now: float) -> list[dict[str, Any]]:
    """Return what is news as groups of nodes with the same state, details and number of flaps."""
    groups: dict[str, dict[str, Any]] = {}
    for record, state in news:
        report = {"state": state, "flaps": record.flaps(now), "details": record.details}
        groups.setdefault(json.dumps(report), {**report, "nodes": []})["nodes"].append(record.node)
    return list(groups.values())
