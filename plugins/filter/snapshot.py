# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: snapshot
short_description: Make the snapshot that is posted to the listener
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Converts nodes of M(hpc.slurm.slurm_node_info) to the snapshot for the event source C(hpc.slurm.trigger_listener),
    with nodes of the same state and reason in one group, so that it stays small when thousands of nodes fail together.
  - It is the whole text, since templates of different ansible-core releases make numbers or texts of the same value.
    End the expression with C(| string), so that no release makes a dictionary of it again.
positional: _input
options:
  _input:
    description: Nodes by name, with their C(state), C(reason), C(reason_user) and C(reason_time).
    type: dict
    required: true
  time:
    description: When the nodes were read, by the controller's clock, in seconds since the epoch.
    type: float
    required: true
  started:
    description: The same by this machine's clock, for the age of the snapshot.
    type: float
    required: true
  slurm_user:
    description: The parameter C(SlurmUser) of C(slurm.conf).
    type: str
    required: true
  count:
    description: How many nodes the cluster has.
    type: int
    required: true
  triggers:
    description: The listener's triggers, as M(hpc.slurm.slurm_trigger_info) returns them.
    type: list
    elements: dict
    required: true
  settings:
    description: What P(hpc.slurm.reaction_settings#filter) returns, or nothing.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Read the nodes that are out of service
  hpc.slurm.slurm_node_info:
    states: [DOWN, DRAIN, FAIL]
    attributes: [state, reason, reason_user, reason_time]
  register: slurm

- name: Show a snapshot without triggers
  ansible.builtin.debug:
    msg: >-
      {{ slurm.nodes | hpc.slurm.snapshot(time=now().timestamp(), started=now().timestamp(), slurm_user='slurm',
                                          count=slurm.total, triggers=[]) | string }}
"""

RETURN = r"""
_value:
  description: The snapshot as JSON.
  type: str
"""

import json
import time as clock
from collections.abc import Callable
from typing import Any, Optional

from ansible.errors import AnsibleFilterError

FIELDS = ("state", "reason", "reason_user", "reason_time")


def snapshot(
    nodes: Any,
    *,
    time: Any,
    started: Any,
    slurm_user: str,
    count: Any,
    triggers: list[dict[str, Any]],
    settings: Optional[list[dict[str, str]]] = None,
) -> str:
    """Return a snapshot as JSON.

    :raises AnsibleFilterError: unless the nodes and triggers are as the modules return them.
    """
    try:
        content = {
            "time": float(time),
            "age": max(0.0, clock.time() - float(started)),
            "slurm_user": slurm_user,
            "count": int(count),
            "nodes": groups(nodes),
            "triggers": [{name: trigger[name] for name in ("id", "event", "permanent")} for trigger in triggers],
            "settings": settings,
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(
            f"snapshot needs nodes of slurm_node_info with {', '.join(FIELDS)}, triggers of slurm_trigger_info, and "
            f"numbers: {error!r}"
        ) from error
    return json.dumps(content)


def groups(nodes: Any) -> list[dict[str, Any]]:
    """Return nodes in groups of the same state and reason."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for name, node in nodes.items():
        found.setdefault((tuple(node["state"]), *(node[field] for field in FIELDS[1:])), []).append(name)
    return [{"nodes": ",".join(names), **dict(zip(FIELDS, (list(key[0]), *key[1:])))} for key, names in found.items()]


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"snapshot": snapshot}
