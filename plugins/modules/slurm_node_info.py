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
  - Returns nodes with their attributes. Options that are given must all hold.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.info
options:
  nodes:
    description:
      - The nodes to return, as names or hostlists such as V(node[1-3],gpu07).
      - A name that the cluster does not have is an error.
    type: list
    elements: str
  partitions:
    description:
      - Only nodes of one of these partitions.
      - A partition of which no node is a part is an error.
    type: list
    elements: str
  states:
    description:
      - Only nodes that have one of these flags in their state, such as V(DOWN), V(DRAIN), V(IDLE) or
        V(NOT_RESPONDING). Case does not matter.
      - A flag that Slurm does not have is an error. What sinfo(1) calls C(maint) is V(MAINTENANCE).
    type: list
    elements: str
  attributes:
    description:
      - The attributes to return of each node; all by default. With ten thousand nodes, name the ones that you need.
    type: list
    elements: str
seealso:
  - module: hpc.slurm.slurm_node
"""

EXAMPLES = r"""
- name: See which nodes are out of service, and why
  hpc.slurm.slurm_node_info:
    states: [DOWN, DRAIN, FAIL]
    attributes: [state, reason, reason_user, reason_time]
  register: unwell

- name: Read everything about one node
  hpc.slurm.slurm_node_info:
    nodes: gpu07
  register: gpu07

- name: Wait until the nodes of a rack answer again
  hpc.slurm.slurm_node_info:
    nodes: rack4-[01-36]
    states: [NOT_RESPONDING]
    attributes: [state]
  register: silent
  until: not silent.names
  retries: 60
  delay: 5
"""

RETURN = r"""
nodes:
  description: The nodes, each with its attributes under pyslurm's names. Times are in seconds since the epoch.
  returned: success
  type: dict
  sample:
    gpu07:
      state: [IDLE, DRAIN]
      reason: "cooling of rack 4, ticket 1234"
names:
  description: The names of these nodes, in their natural order.
  returned: success
  type: list
  elements: str
  sample: [gpu07, gpu08]
hostlist:
  description: The same as one hostlist.
  returned: success
  type: str
  sample: gpu[07-08]
total:
  description: How many nodes the cluster has, those that are not returned included.
  returned: success
  type: int
  sample: 10008
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.info import plan_info


def main() -> None:
    names = {"type": "list", "elements": "str"}
    run_module(plan_info, {"nodes": names, "partitions": names, "states": names, "attributes": names})


if __name__ == "__main__":
    main()
