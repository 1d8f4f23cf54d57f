# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the inbox, before and after they are stored."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any, NamedTuple

from ....module_utils.adapter.errors import SlurmError
from ....module_utils.common import hostlist
from ....module_utils.common.trigger_events import is_node_state

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

    @property
    def is_node_state(self) -> bool:
        """Whether it is a notification about the state of nodes."""
        class_, _blank, type_ = self.summary.partition(" ")
        return is_node_state(class_, type_)


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

        :param text: what slurmctld appends to the program of a trigger: a hostlist, the id of a job, or the event kind.
        :raises SlurmError: when the text is something else.
        """
        trigger = {"class": class_, "type": type_}
        summary, number, now = f"{class_} {type_}", str(uuid.uuid4()), time.time()
        if is_node_state(class_, type_):
            content = {**trigger, "hostlist": text}
            return cls("notification", summary, content, number, now, text, len(hostlist.expand(text)))
        if class_ == "job":
            trigger["job_id"] = _job_id(text)
        elif text != type_:
            raise SlurmError(f"the body is not {type_}, which a trigger of this event kind sends")
        return cls("notification", summary, {"trigger": trigger, "reports": []}, number, now)

    @property
    def is_resolved(self) -> bool:
        """Whether there is nothing to compare with the ledger, which has the states of nodes."""
        return "hostlist" not in self.content

    @classmethod
    def event(cls, event: dict[str, Any]) -> NewEntry:
        return cls("event", event["type"], event, event["meta"]["uuid"], time.time())


def _job_id(text: str) -> str:
    if not re.fullmatch("[0-9]{1,10}", text):
        raise SlurmError(f"the body is not the id of a job: {text[:MOST_SHOWN]!r}")
    return text


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
