# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reaction_decisions
short_description: Decide what a reaction does with nodes, and why
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Decides what the playbooks C(hpc.slurm.node_down), C(hpc.slurm.node_drained) and C(hpc.slurm.node_back) do with
    the nodes of an event.
  - A node that a person took out of service is left as it is, and so is one of which that is not known. Neither the
    user of a reason nor a part of it tells who that was, since slurmctld appends its own texts to any reason and then
    names itself. The state and the whole reason tell it, by the texts that slurmctld is known to write.
  - Nodes that are opted out are left as they are, too, and all nodes while reactions are paused.
positional: _input, reaction, names, slurm_user
options:
  _input:
    description:
      - The nodes that are out of service by name, as M(hpc.slurm.slurm_node_info) returns them with C(state),
        C(reason) and C(reason_user).
    type: dict
    required: true
  reaction:
    description: Which reaction.
    type: str
    choices: [node_down, node_drained, node_back]
    required: true
  names:
    description: The nodes of the event.
    type: list
    elements: str
    required: true
  slurm_user:
    description: The parameter C(SlurmUser) of C(slurm.conf).
    type: str
    required: true
  word:
    description: A word in a node's C(comment) or C(extra) with which the node is opted out.
    type: str
    default: ""
  opted_out:
    description: The nodes that are opted out in the inventory.
    type: list
    elements: str
    default: []
  paused:
    description: Why reactions are paused. Not set while they are not.
    type: str
"""

EXAMPLES = r"""
- name: Read the nodes that are out of service
  hpc.slurm.slurm_node_info:
    states: [DOWN, DRAIN, FAIL]
    attributes: [state, reason, reason_user]
  register: slurm

- name: Show what hpc.slurm.node_down would do with them
  ansible.builtin.debug:
    msg: "{{ slurm.nodes | hpc.slurm.reaction_decisions('node_down', slurm.names, 'slurm') }}"
"""

RETURN = r"""
_value:
  description:
    - The decisions, each with the hostlist C(nodes), the C(decision) C(drain), C(drain again), C(run tasks),
      C(back), C(postponed) or C(nothing),
      C(why), the C(names) of the nodes, and the C(reasons) that they have.
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.adapter.errors import SlurmError
from ..plugin_utils import reactions


def reaction_decisions(
    nodes: Any, reaction: str, names: list[str], slurm_user: str, **given: Any
) -> list[dict[str, Any]]:
    """Return the decisions of a reaction.

    :raises AnsibleFilterError: unless they are nodes as M(hpc.slurm.slurm_node_info) returns them.
    """
    try:
        return reactions.decide(reaction, names, nodes, slurm_user, **given)
    except (KeyError, TypeError, SlurmError) as error:
        raise AnsibleFilterError(
            "reaction_decisions needs nodes of slurm_node_info with state, reason and reason_user, the name of a "
            f"reaction, the names of nodes and SlurmUser: {error!r}"
        ) from error


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reaction_decisions": reaction_decisions}
