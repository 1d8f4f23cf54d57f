# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of a posted record: what a run of a playbook did. It is accepted whole or refused.

{"event": "5f0c0e5c-...",           the uuid of the event that ran the playbook
 "notification": "0d3c2a41-...",    the event's key notification
 "playbook": "hpc.slurm.node_down",
 "groups": [{"nodes": "node[1-3]", "decision": "resumed", "why": "slurmctld set it down: Not responding"}]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ....module_utils.adapter.errors import SlurmError
from ....module_utils.common import hostlist
from ..store.records import Group, Record

FIELDS = {"event": str, "notification": str, "playbook": str, "groups": list}
# Characters of a text other than a hostlist.
MOST_TEXT = 2000


def parse_record(text: str, now: float) -> Record:
    """Return the record of a body.

    :param now: when it was received.
    :raises SlurmError: with what is wrong, and where.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SlurmError(f"not JSON: {error}") from None
    given = _fields(content, "the record", FIELDS)
    groups = [_group(group, f"groups[{index}]") for index, group in enumerate(given["groups"])]
    return Record(given["event"], given["notification"], given["playbook"], now, groups)


def _group(content: Any, where: str) -> Group:
    given = _fields(content, where, dict.fromkeys(Group._fields, str))
    try:
        hostlist.expand(given["nodes"])
    except SlurmError as error:
        raise SlurmError(f"{where}: {error.message}") from None
    return Group(given["nodes"], given["decision"][:MOST_TEXT], given["why"][:MOST_TEXT])


def _fields(content: Any, where: str, types: Mapping[str, type]) -> dict[str, Any]:
    """Return an object that has exactly these fields, of these types."""
    if not isinstance(content, dict) or set(content) != set(types):
        raise SlurmError(f"{where} must be an object with {', '.join(types)}")
    for name, type_ in types.items():
        if not isinstance(content[name], type_):
            raise SlurmError(f"{where}: {name} has another type than documented")
    return content
