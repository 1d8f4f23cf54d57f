# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the inbox, before and after they are stored."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any, NamedTuple

from ....module_utils.adapter.errors import SlurmError
from ....module_utils.common import hostlist

# Characters of a hostlist or a detail that are kept for the status page.
MOST_SHOWN = 1000

# What reading a row may raise when another release wrote its content.
UNREADABLE = (ValueError, KeyError, TypeError, SlurmError)

# number, uuid, received, kind, summary, content, delivered, resolved
Row = tuple[Any, ...]
# The index of the summary in a row.
SUMMARY = 4


class Entry(NamedTuple):
    """A stored entry: a notification, a snapshot, or an event of the listener itself (kind C(event)).

    C(delivered) is how many of its events the engine has.
    """

    number: int
    uuid: str
    received: float
    kind: str
    summary: str
    content: dict[str, Any]
    delivered: int


class NewEntry(NamedTuple):
    """An entry to store."""

    kind: str
    summary: str
    content: dict[str, Any]
    uuid: str
    received: float
    hostlist: str = ""
    nodes: int = 0

    @classmethod
    def notification(cls, class_: str, type_: str, text: str) -> NewEntry:
        """Return a notification.

        :param text: a hostlist.
        :raises SlurmError: when the text is not a hostlist.
        """
        content = {"class": class_, "type": type_, "hostlist": text}
        count = len(hostlist.expand(text))
        return cls("notification", f"{class_} {type_}", content, str(uuid.uuid4()), time.time(), text, count)

    @classmethod
    def event(cls, event: dict[str, Any]) -> NewEntry:
        return cls("event", event["type"], event, event["meta"]["uuid"], time.time())


def to_row(new: NewEntry, resolved: bool) -> dict[str, Any]:
    """Return the values of an entry's columns, by name."""
    content = json.dumps(new.content)
    row = {**new._asdict(), "content": content, "size": len(content), "resolved": resolved}
    row["hostlist"] = new.hostlist if len(new.hostlist) <= MOST_SHOWN else new.hostlist[:MOST_SHOWN] + "..."
    return row


def from_row(row: Row) -> Entry:
    """Return the entry of a row.

    :raises UNREADABLE: when its content is not JSON.
    """
    number, uuid_, received, kind, summary, content, delivered, _resolved = row
    return Entry(number, uuid_, received, kind, summary, json.loads(content), delivered)


def is_resolved(row: Row) -> bool:
    return bool(row[-1])
