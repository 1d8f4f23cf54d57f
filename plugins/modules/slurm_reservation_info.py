#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_reservation_info
short_description: Read the reservations of a Slurm cluster
version_added: 0.1.0
description:
  - Returns the reservations that match all given options.
  - Flags have Slurm's names, also those that pyslurm does not know.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.info
options:
  names:
    description: Only reservations with these names. An unknown name is not an error.
    type: list
    elements: str
  nodes:
    description: Only reservations of one of these nodes, as names or hostlists.
    type: list
    elements: str
seealso:
  - module: hpc.slurm.slurm_reservation
"""

EXAMPLES = r"""
- name: Read all reservations
  hpc.slurm.slurm_reservation_info:
  register: reserved

- name: Fail if a node is reserved
  hpc.slurm.slurm_reservation_info:
    nodes: gpu07
  register: reserved
  failed_when: reserved.reservations
"""

RETURN = r"""
reservations:
  description:
    - The reservations by their names. Times are in seconds since the epoch, RV(ignore:duration) is in minutes,
      RV(ignore:max_start_delay) in seconds.
  returned: success
  type: dict
  sample:
    repair:
      name: repair
      state: ACTIVE
      nodes: [node4, node5]
      node_count: 2
      core_count: 128
      start_time: 1801378800
      end_time: 1832914800
      duration: 525600
      flags: [IGNORE_JOBS, MAINT, OVERLAP, SPEC_NODES]
      users: [root]
      accounts: []
      groups: []
      qos: []
      allowed_partitions: []
      licenses: []
      tres: {cpu: "128"}
      partition: null
      features: null
      burst_buffer: null
      comment: null
      max_start_delay: null
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.info import plan_info


def main() -> None:
    names = {"type": "list", "elements": "str"}
    run_module(plan_info, {"names": names, "nodes": names})


if __name__ == "__main__":
    main()
