# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: snapshot_groups
short_description: Group nodes that are not well in the same way
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Turns nodes as M(hpc.slurm.slurm_node_info) returns them into the groups of a snapshot, which the event source
    C(hpc.slurm.trigger_listener) wants. So ten thousand nodes that failed together stay one short text.
positional: _input
options:
  _input:
    description: Nodes by name, with their C(state), C(reason), C(reason_user) and C(reason_time).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the nodes that are not well
  hpc.slurm.slurm_node_info:
    states: [DOWN, DRAIN, FAIL]
    attributes: [state, reason, reason_user, reason_time]
  register: unwell

- name: Show them in groups
  ansible.builtin.debug:
    msg: "{{ unwell.nodes | hpc.slurm.snapshot_groups }}"
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

    :raises AnsibleFilterError: when they are not as M(hpc.slurm.slurm_node_info) returns them.
    """
    groups: dict[tuple[Any, ...], list[str]] = {}
    try:
        for name, node in nodes.items():
            groups.setdefault((tuple(node["state"]), *(node[field] for field in FIELDS[1:])), []).append(name)
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"snapshot_groups wants nodes of slurm_node_info with {', '.join(FIELDS)}: {error!r}"
        ) from error
    return [{"nodes": ",".join(names), **dict(zip(FIELDS, (list(key[0]), *key[1:])))} for key, names in groups.items()]


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"snapshot_groups": snapshot_groups}
