#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_breaker
short_description: Open a circuit breaker when too many nodes of a Slurm cluster go down
version_added: 0.1.0
description:
  - Counts nodes that went down within a sliding window, in a file on the host, and opens a circuit breaker when there
    are too many. It stays open until it is closed with O(state=closed).
  - Nothing in Slurm is changed. The playbook C(hpc.slurm.node_down) neither repairs nor resumes nodes while the breaker
    is open.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  state:
    description:
      - V(counted) counts O(nodes); without any, it only tells whether the breaker is open.
      - V(closed) closes the breaker and forgets the nodes that were counted.
    type: str
    choices: [counted, closed]
    default: counted
  nodes:
    description:
      - The nodes that went down now, as names or hostlists. A node that goes down again within the window counts once.
    type: list
    elements: str
  max_nodes:
    description: How many nodes may go down within the window. No limit by default.
    type: int
  max_partition:
    description:
      - How many nodes of a partition may go down within the window, as a number or a percentage.
      - A percentage is exceeded by five nodes at least, since partitions of one node are common. Empty for no limit.
    type: str
    default: 50%
  window:
    description: The window, in seconds.
    type: int
    default: 600
  path:
    description:
      - The file in which the breaker is kept. Its folder is made.
      - With several controllers, each has its own, unless this is on a file system that they share.
    type: path
    default: /var/lib/hpc-slurm/breaker.json
attributes:
  idempotent:
    description: A second run with the same options changes nothing and sends no request.
    support: partial
    details: With O(state=counted), each run counts its nodes.
seealso:
  - module: hpc.slurm.slurm_node
"""

EXAMPLES = r"""
- name: Count nodes that went down
  hpc.slurm.slurm_breaker:
    nodes: rack4-[01-36]
    max_partition: 25%
  register: breaker

- name: Repair nothing while a whole rack is down
  ansible.builtin.assert:
    that: not breaker.open
    fail_msg: "{{ breaker.why }}"

- name: Close the breaker when the cause is removed
  hpc.slurm.slurm_breaker:
    state: closed
"""

RETURN = r"""
open:
  description: Whether the breaker is open.
  returned: success
  type: bool
opened:
  description: Whether this task has opened it.
  returned: success
  type: bool
since:
  description: When it opened, in seconds since the epoch; null while it is closed.
  returned: success
  type: int
  sample: 1790000000
why:
  description: Why it opened; null while it is closed.
  returned: success
  type: str
  sample: 36 of 64 nodes of partition main went down, 32 are allowed within 600 s
nodes:
  description: The nodes that were counted, as a hostlist.
  returned: success
  type: str
  sample: rack4-[01-36]
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.breaker import plan_breaker


def main() -> None:
    run_module(
        plan_breaker,
        {
            "state": {"type": "str", "choices": ["counted", "closed"], "default": "counted"},
            "nodes": {"type": "list", "elements": "str"},
            "max_nodes": {"type": "int"},
            "max_partition": {"type": "str", "default": "50%"},
            "window": {"type": "int", "default": 600},
            "path": {"type": "path", "default": "/var/lib/hpc-slurm/breaker.json"},
        },
    )


if __name__ == "__main__":
    main()
