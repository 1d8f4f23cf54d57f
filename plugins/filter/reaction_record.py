# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reaction_record
short_description: Say what a reaction did with nodes, and why
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Makes the record that the playbooks C(hpc.slurm.node_down) and C(hpc.slurm.node_drained) post to the listener, from
    the decisions and from what became of the nodes.
positional: _input
options:
  _input:
    description: The nodes of the event.
    type: list
    elements: str
    required: true
  decisions:
    description: What P(hpc.slurm.reaction_decisions#filter) returned.
    type: list
    elements: dict
    default: []
  kept:
    description: What P(hpc.slurm.reaction_repairs#filter) returned.
    type: list
    elements: dict
    default: []
  hosts:
    description: The names of the nodes on whose hosts tasks ran, by host.
    type: dict
    default: {}
  hostvars:
    description:
      - The variable C(hostvars). A host on which all tasks succeeded has an empty C(common_outcome), one on which a
        task failed says there which one and why.
    type: dict
    default: {}
  error:
    description: Why the whole run failed.
    type: str
  retries_left:
    description: How often the listener still reports the nodes again today. Not set where that is not known.
    type: int
  breaker:
    description: What M(hpc.slurm.slurm_breaker) returned.
    type: dict
"""

EXAMPLES = r"""
- name: Read the nodes that are out of service
  hpc.slurm.slurm_node_info:
    states: [DOWN, DRAIN, FAIL]
    attributes: [state, reason, reason_user]
  register: slurm

- name: Show the record of a reaction that drained no node
  ansible.builtin.debug:
    msg: "{{ slurm.names | hpc.slurm.reaction_record(decisions=decided) }}"
  vars:
    decided: "{{ slurm.nodes | hpc.slurm.reaction_decisions('node_down', slurm.names, 'slurm') }}"
"""

RETURN = r"""
_value:
  description:
    - The groups of the record, each with the hostlist C(nodes), the C(decision) and C(why).
    - The decision is C(resumed), C(held) for nodes that stay drained until a person acts, C(postponed) for those
      that the next sync reports again, C(failed), C(tasks run), or C(nothing). C(circuit breaker opened) has the nodes
      for which it opened.
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.adapter.errors import SlurmError
from ..plugin_utils import reactions


def reaction_record(names: list[str], **given: Any) -> list[dict[str, str]]:
    """Return the groups of a reaction's record.

    :raises AnsibleFilterError: when something is given that is not as documented.
    """
    try:
        return reactions.record(names, **given)
    except (AttributeError, KeyError, TypeError, SlurmError) as error:
        raise AnsibleFilterError(
            f"reaction_record needs names of nodes, and decisions of reaction_decisions: {error!r}"
        ) from error


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reaction_record": reaction_record}
