#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_config_info
short_description: Read the configuration of a Slurm cluster
version_added: 0.1.0
description:
  - Returns the parameters of C(slurm.conf) as the controller has them in force, all or the ones asked for.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.info
options:
  item:
    description:
      - The parameters to return, by their names in C(slurm.conf) (V(TopologyPlugin)) or in snake case
        (V(topology_plugin)). An unknown name is an error that names those that look like it.
      - Without it all are returned.
    type: list
    elements: str
    aliases: [items]
seealso:
  - module: hpc.slurm.slurm_node_info
"""

EXAMPLES = r"""
- name: See who may set triggers, and how soon a silent node is down
  hpc.slurm.slurm_config_info:
    item:
      - SlurmUser
      - SlurmdTimeout
  register: slurm

- name: Stop when the cluster is not the one that this play is for
  hpc.slurm.slurm_config_info:
    item: cluster_name
  register: here
  failed_when: here.config.cluster_name != "mycluster"

- name: Read the whole configuration
  hpc.slurm.slurm_config_info:
  register: everything

- name: Keep it beside the backups
  ansible.builtin.copy:
    content: "{{ everything.config | to_nice_json }}"
    dest: "/var/backups/slurm-{{ everything.config.cluster_name }}.json"
    mode: "0640"
"""

RETURN = r"""
config:
  description:
    - The parameters, each under its name as it was asked for; when all are returned, under pyslurm's name, which is
      the words of the C(slurm.conf) name in full and in snake case.
    - Times are in seconds, sizes as in C(slurm.conf). A parameter that is not set is null.
  returned: success
  type: dict
  sample:
    SlurmUser: slurm
    SlurmdTimeout: 300
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.configuration import plan_info


def main() -> None:
    run_module(plan_info, {"item": {"type": "list", "elements": "str", "aliases": ["items"]}})


if __name__ == "__main__":
    main()
