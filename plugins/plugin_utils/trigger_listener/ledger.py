# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: what was last reported of each node, so that a state is reported once and a change never missed.

Triggers and snapshots both go through it. A node has conditions (down, drained, draining, fail), which come and go by
themselves; a node without any is well. The rules are pure functions of a record and what was told or seen.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from ...module_utils.common.node_states import BUSY, planned_absence
from .snapshot import Group

# In the order in which they are reported when a snapshot shows several.
CONDITIONS = ("fail", "draining", "drained", "down")
# What a trigger's type ends (strigger(1), and tried). RESUME ends everything; a node that came up may still be drained,
# and the trigger for idle nodes fires for a drained one too.
ENDS = {"up": {"down"}, "idle": {"down"}, "resume": set(CONDITIONS)}
# What a snapshot says of a node that is well again.
BACK = "up"

# Seconds for which a node's leaving service counts among its flaps.
FLAP_WINDOW = 3600.0
# More of them are not counted.
MOST_FLAPS = 100
# Seconds without a snapshot in which anything may have happened, as on a machine that has long stood by.
UNWATCHED = 900.0
# Seconds by which a reason's time may be off, which Slurm gives in whole ones and by another clock. A node that comes
# back and falls again so soon after a report, and whose triggers are lost, is not reported a second time.
CLOCKS = 2.0


class Record(NamedTuple):
    """What is known of a node; C(changed) is 0 for one of which nothing was ever reported."""

    node: str
    conditions: frozenset[str] = frozenset()
    changed: float = 0.0
    fell: tuple[float, ...] = ()
    details: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it

    def flaps(self, now: float) -> int:
        """How often the node left service within the last hour."""
        return sum(when > now - FLAP_WINDOW for when in self.fell)

    def is_planned(self) -> bool:
        """Tell whether the last snapshot showed a node that was meant to be as it was."""
        return planned_absence(self.details.get("flags", ()), self.details.get("reason"))

    def is_newer(self, read: float, now: float) -> bool:
        """Tell whether it was written after Slurm was read; one of the future, of a clock put back since, was not."""
        return read < self.changed <= now

    def reported(self, conditions: frozenset[str], now: float, details: dict[str, Any], anew: bool) -> Record:
        """Return the record after a report.

        :param anew: whether the node left service with it.
        """
        fell = tuple(when for when in self.fell if when > now - FLAP_WINDOW)[-MOST_FLAPS:]
        return Record(self.node, conditions, now, (*fell, now) if anew else fell, details)


def told(record: Record, state: str, now: float) -> tuple[Record, bool]:
    """Take what a trigger tells: return the new record, and whether that is news.

    :param state: the trigger's type.
    """
    if state in ENDS:
        conditions = record.conditions - ENDS[state]
        news = conditions != record.conditions or not record.changed
        return (record.reported(conditions, now, {}, anew=False) if news else record), news
    # Slurm fires draining and drained together for an idle node, in any order.
    if state in record.conditions or (state == "draining" and "drained" in record.conditions):
        return record, False
    conditions = (record.conditions | {state}) - ({"draining"} if state == "drained" else set())
    return record.reported(conditions, now, {}, anew=not record.conditions), True


def seen(
    record: Record, group: Group, read: float, now: float, unwatched: float = math.inf
) -> tuple[Record, list[str]]:
    """Take what a snapshot shows of a node that is not well: return the new record, and the states that are news.

    :param read: when Slurm was read, by the listener's clock. What was told since is newer.
    :param unwatched: since when nobody watched, where that is long ago: what happened since has not been told.
    """
    if record.is_newer(read, now):
        return record, []
    conditions = conditions_of(group)
    if conditions is None:
        return (record._replace(details=group.details) if record.conditions else record), []
    if not conditions:
        return absent(record, read, now)
    if record.changed <= unwatched < group.since - CLOCKS:
        again, fresh = True, conditions
    else:
        again = _fell_again(record, group, conditions)
        fresh = conditions - record.conditions | ({"down"} if again else set())
    news = [name for name in CONDITIONS if name in fresh]
    if not news:
        return record._replace(conditions=conditions, details=group.details), []
    return record.reported(conditions, now, group.details, anew=again or not record.conditions), news


def absent(record: Record, read: float, now: float) -> tuple[Record, list[str]]:
    """Take that a snapshot does not name a node: it is well."""
    if not record.conditions or record.is_newer(read, now):
        return record, []
    return record.reported(frozenset(), now, {}, anew=False), [BACK]


def conditions_of(group: Group) -> frozenset[str] | None:
    """Return what is wrong with a node, or None when it is meant to be as it is."""
    if planned_absence(group.flags, group.reason):
        return None
    found = set()
    if "DOWN" in group.flags:
        found.add("down")
    if "FAIL" in group.flags:
        found.add("fail")
    if "DRAIN" in group.flags:
        found.add("draining" if BUSY & group.flags else "drained")
    return frozenset(found)


def _fell_again(record: Record, group: Group, conditions: frozenset[str]) -> bool:
    """Tell whether a node that was reported down came back since, unseen, and went down again, or is still down after
    a maintenance, in which nobody acted on the report.

    slurmctld gives its own reason only to a node that was up until then. People and playbooks also give new reasons to
    nodes that stay down, which must not be news: a reaction that sets a reason would run for ever.
    """
    return (
        "down" in conditions & record.conditions
        and "DRAIN" not in group.flags
        and group.by_slurmctld
        and (group.since > record.changed + CLOCKS or record.is_planned())
    )


Row = tuple[str, str, float, str, str]


def rows_of(records: Iterable[Record]) -> list[Row]:
    """Return records as they are stored: made beforehand, so that the database waits for nobody."""
    return [
        (it.node, ",".join(sorted(it.conditions)), it.changed, json.dumps(it.fell), json.dumps(it.details))
        for it in records
    ]


class Ledger:
    """The ledger's rows, within a transaction of the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, nodes: Iterable[str]) -> dict[str, Record]:
        """Return a record for every node, also for those never heard of."""
        names = list(nodes)
        query = "SELECT * FROM ledger WHERE node IN (SELECT value FROM json_each(?))"
        known = {row[0]: _record(row) for row in self._connection.execute(query, (json.dumps(names),))}
        return {name: known.get(name) or Record(name) for name in names}

    def unwell(self) -> dict[str, Record]:
        """Return the nodes with conditions."""
        rows = self._connection.execute("SELECT * FROM ledger WHERE conditions != ''")
        return {row[0]: _record(row) for row in rows}

    def write(self, rows: list[Row]) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?)", rows)

    def forget(self, nodes: Iterable[str]) -> None:
        """Take back what was reported: the next snapshot reports it again."""
        query = "DELETE FROM ledger WHERE node IN (SELECT value FROM json_each(?))"
        self._connection.execute(query, (json.dumps(list(nodes)),))

    def prune(self, now: float) -> None:
        """Drop nodes that are well and do not flap."""
        self._connection.execute("DELETE FROM ledger WHERE conditions = '' AND changed < ?", (now - FLAP_WINDOW,))


def _record(row: Row) -> Record:
    node, conditions, changed, fell, details = row
    names = frozenset(conditions.split(",")) if conditions else frozenset()
    return Record(node, names, changed, tuple(json.loads(fell)), json.loads(details))
