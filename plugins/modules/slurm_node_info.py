#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_node_info
short_description: Read the nodes of a Slurm cluster
version_added: 0.1.0
description:
  - Returns the nodes that match all given options, with their attributes.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.info
options:
  nodes:
    description:
      - The nodes to return, as names or hostlists such as V(node[1-3],gpu07), or V(ALL) for all nodes of the cluster.
      - An unknown node is an error.
    type: list
    elements: str
  partitions:
    description:
      - Only nodes of one of these partitions.
      - A partition without nodes is an error.
    type: list
    elements: str
  states:
    description:
      - Only nodes with one of these base states or flags, such as V(DOWN), V(DRAIN), V(IDLE) or V(NOT_RESPONDING).
        Case does not matter.
      - A state that Slurm does not have is an error. The C(maint) of sinfo(1) is V(MAINTENANCE).
      - V(FUTURE) implies O(future=true).
    type: list
    elements: str
  attributes:
    description:
      - The attributes to return of each node; all by default. With many nodes, name the attributes that you need.
      - V(free_at) is returned only if it is named. It is when the last job on the node ends by its time limit, in
        seconds since the epoch. It is 0 for a node without a job, and null with a job that has no time limit.
    type: list
    elements: str
  future:
    description:
      - Whether to return nodes in state FUTURE as well, as C(scontrol --future) does. Slurm hides them until slurmd
        registers there. Attributes that only a node that has registered has are null.
    type: bool
    default: false
seealso:
  - module: hpc.slurm.slurm_node
"""

EXAMPLES = r"""
- name: Read which nodes are out of service, and why
  hpc.slurm.slurm_node_info:
    states: [DOWN, DRAIN, FAIL]
    attributes: [state, reason, reason_user, reason_time]
  register: out_of_service

- name: Read everything about one node
  hpc.slurm.slurm_node_info:
    nodes: gpu07
  register: gpu07

- name: Read when the nodes of a rack are free
  hpc.slurm.slurm_node_info:
    nodes: rack4-[01-36]
    attributes: [free_at]
  register: rack

- name: Wait until the nodes of a rack respond
  hpc.slurm.slurm_node_info:
    nodes: rack4-[01-36]
    states: [NOT_RESPONDING]
    attributes: [state]
  register: not_responding
  until: not not_responding.names
  retries: 60
  delay: 5
"""

RETURN = r"""
nodes:
  description: The nodes, with their attributes by pyslurm's names. Times are in seconds since the epoch.
  returned: success
  type: dict
  sample:
    gpu07:
      state: [IDLE, DRAIN]
      reason: "cooling of rack 4, ticket 1234"
names:
  description: The names of these nodes, sorted with numbers in order.
  returned: success
  type: list
  elements: str
  sample: [gpu07, gpu08]
hostlist:
  description: The names as a hostlist.
  returned: success
  type: str
  sample: gpu[07-08]
total:
  description: The number of all nodes of the cluster.
  returned: success
  type: int
  sample: 10008
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.info import plan_info


def main() -> None:
    names = {"type": "list", "elements": "str"}
    options = {"nodes": names, "partitions": names, "states": names, "attributes": names}
    run_module(plan_info, {**options, "future": {"type": "bool", "default": False}})


if __name__ == "__main__":
    main()
