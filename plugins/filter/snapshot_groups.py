# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: snapshot_groups
short_description: Group nodes with the same state and reason
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Converts nodes of M(hpc.slurm.slurm_node_info) to the groups of a snapshot for the event source
    C(hpc.slurm.trigger_listener), so that the snapshot stays small when thousands of nodes fail together.
positional: _input
options:
  _input:
    description: Nodes by name, with their C(state), C(reason), C(reason_user) and C(reason_time).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the nodes that are out of service
  hpc.slurm.slurm_node_info:
    states: [DOWN, DRAIN, FAIL]
    attributes: [state, reason, reason_user, reason_time]
  register: slurm

- name: Show them in groups
  ansible.builtin.debug:
    msg: "{{ slurm.nodes | hpc.slurm.snapshot_groups }}"
"""

RETURN = r"""
_value:
  description: The groups, with the names of each joined by commas in C(nodes).
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

FIELDS = ("state", "reason", "reason_user", "reason_time")


def snapshot_groups(nodes: Any) -> list[dict[str, Any]]:
    """Return nodes in groups of the same state and reason.

    :raises AnsibleFilterError: unless they are nodes as M(hpc.slurm.slurm_node_info) returns them.
    """
    groups: dict[tuple[Any, ...], list[str]] = {}
    try:
        for name, node in nodes.items():
            groups.setdefault((tuple(node["state"]), *(node[field] for field in FIELDS[1:])), []).append(name)
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"snapshot_groups needs nodes of slurm_node_info with {', '.join(FIELDS)}: {error!r}"
        ) from error
    return [{"nodes": ",".join(names), **dict(zip(FIELDS, (list(key[0]), *key[1:])))} for key, names in groups.items()]


class FilterModule:
    """The filters of this file by their names."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"snapshot_groups": snapshot_groups}
