# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reaction_repairs
short_description: Decide which drained nodes a reaction repairs, and why not the others
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Decides which of the nodes that the playbook C(hpc.slurm.node_down) has drained it also repairs.
positional: _input, hosts, hostvars
options:
  _input:
    description: The drained nodes by name, with their C(state) and C(reason).
    type: dict
    required: true
  hosts:
    description: What P(hpc.slurm.inventory_hosts#filter) returned for them.
    type: dict
    required: true
  hostvars:
    description: The variable C(hostvars). C(hpc_slurm_repair_tasks) of a host is what repairs it.
    type: dict
    required: true
  reason:
    description: The reason of the reaction.
    type: str
    required: true
  earlier:
    description: The reasons with which the reaction found the nodes. A node with another one is left as it is.
    type: list
    elements: str
    default: []
  skipped:
    description: Nodes that were not drained after all.
    type: list
    elements: str
    default: []
  breaker:
    description: Why the circuit breaker is open. Not set while it is closed.
    type: str
  is_flapping:
    description: Whether the nodes went down too often to be repaired.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read the nodes that are drained
  hpc.slurm.slurm_node_info:
    states: [DRAIN]
    attributes: [state, reason]
  register: slurm

- name: Show which of them would be repaired
  ansible.builtin.debug:
    msg: >-
      {{ slurm.nodes | hpc.slurm.reaction_repairs(slurm.names | hpc.slurm.inventory_hosts(hostvars), hostvars,
                                                  reason='hpc.slurm.node_down by hand') }}
"""

RETURN = r"""
_value:
  description:
    - The decisions, each with the hostlist C(nodes), the C(decision) C(repair), C(held) for nodes that stay drained
      until a person acts, C(postponed) for those that the next sync reports again, or C(nothing),
      C(why), and the C(names) of the nodes.
    - C(reason) is what the reason of these nodes should be, with few words why they are not repaired, and C(outdated)
      is the hostlist of those with another one.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.adapter.errors import SlurmError
from ..plugin_utils import reactions


def reaction_repairs(
    nodes: Any, hosts: Mapping[str, str], hostvars: Mapping[str, Mapping[str, Any]], **given: Any
) -> list[dict[str, Any]]:
    """Return the decisions about drained nodes.

    :raises AnsibleFilterError: unless they are nodes as M(hpc.slurm.slurm_node_info) returns them.
    """
    try:
        tasks = {host: hostvars[host].get("hpc_slurm_repair_tasks") for host in hosts.values()}
        return reactions.repairs(nodes, hosts, tasks, **given)
    except (AttributeError, KeyError, TypeError, SlurmError) as error:
        raise AnsibleFilterError(
            f"reaction_repairs needs nodes with their state and reason, and hosts of inventory_hosts: {error!r}"
        ) from error


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reaction_repairs": reaction_repairs}
