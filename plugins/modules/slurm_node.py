#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_node
short_description: Take nodes of a Slurm cluster out of service and back
version_added: 0.1.0
description:
  - Brings nodes into a state, such as drained with a reason, however many there are with one request.
  - Nodes that are in that state already are left alone, whatever reason they have. Nothing is sent to the controller
    when none needs a change.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  nodes:
    description:
      - The nodes, as names or hostlists such as V(node[1-3],gpu07).
      - A name that the cluster does not have is an error, and nothing is changed.
    type: list
    elements: str
    required: true
  state:
    description:
      - The state that the nodes should be in.
      - V(down) ends their jobs at once and takes no new ones.
      - V(drained) lets their jobs end and takes no new ones. The module does not wait for the jobs.
      - V(failed) is as V(drained), for nodes that are expected to fail soon.
      - V(resumed) gives nodes that are down, drained or failing back to service. Only those are in the request,
        so a mix of nodes is fine.
      - V(undrained) takes back a drain and leaves a node that is down as it is.
    type: str
    choices: [down, drained, failed, resumed, undrained]
    required: true
  reason:
    description:
      - Why, for whoever finds the nodes so. For O(state=down), O(state=drained) and O(state=failed) only.
      - The default names this module.
      - A node that is in the state already keeps the reason it has, unless O(update_reason=true).
    type: str
  update_reason:
    description: Whether nodes that are in the state already get this O(reason) too.
    type: bool
    default: false
  only_reason:
    description:
      - A regular expression. Only nodes whose present reason matches it somewhere are changed, the others are named in
        RV(skipped_nodes).
      - With it, a task that resumes nodes undoes only the drains of its own kind, and nobody else's.
    type: str
seealso:
  - module: hpc.slurm.slurm_node_info
  - name: scontrol(1)
    description: The states of a node and what they do, under "update nodename".
    link: https://slurm.schedmd.com/scontrol.html
"""

EXAMPLES = r"""
- name: Drain two nodes and a rack before the cooling is serviced
  hpc.slurm.slurm_node:
    nodes: gpu07,gpu08,rack4-[01-36]
    state: drained
    reason: "cooling of rack 4, ticket 1234"

- name: Give back the nodes that were drained for it, and no others
  hpc.slurm.slurm_node:
    nodes: gpu07,gpu08,rack4-[01-36]
    state: resumed
    only_reason: "ticket 1234"

- name: A burnt board takes no more jobs, and those on it end now
  hpc.slurm.slurm_node:
    nodes: node17
    state: down
    reason: "smoke"

- name: Give the drained nodes of a rack a better reason than they have
  hpc.slurm.slurm_node:
    nodes: rack4-[01-36]
    state: drained
    reason: "cooling of rack 4, parts arrive on Friday"
    update_reason: true
"""

RETURN = r"""
nodes:
  description:
    - Every node that the task names, as it is afterwards, or in check mode as it would be.
    - The flags NOT_RESPONDING and COMPLETING come and go by themselves, so a prediction leaves them as they are.
  returned: success
  type: dict
  contains:
    state:
      description: The base state and the flags.
      type: list
      elements: str
    reason:
      description: Why the node is in this state, or null.
      type: str
    reason_user:
      description: Who gave the reason, or null.
      type: str
  sample:
    gpu07:
      state: [IDLE, DRAIN]
      reason: "cooling of rack 4, ticket 1234"
      reason_user: root
changed_nodes:
  description: The nodes that were in the request, sorted.
  returned: success
  type: list
  elements: str
  sample: [gpu07, gpu08]
skipped_nodes:
  description: The nodes that O(only_reason) kept out, with why.
  returned: success
  type: dict
  sample:
    node3: its reason 'memory errors' does not match only_reason
"""

from ansible_collections.hpc.slurm.plugins.module_utils.core import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.node import TARGETS, plan_nodes


def main() -> None:
    run_module(
        plan_nodes,
        {
            "nodes": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": list(TARGETS), "required": True},
            "reason": {"type": "str"},
            "update_reason": {"type": "bool", "default": False},
            "only_reason": {"type": "str"},
        },
    )


if __name__ == "__main__":
    main()
