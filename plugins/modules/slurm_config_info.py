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
  - Returns parameters of C(slurm.conf) with the values that slurmctld uses.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.info
options:
  item:
    description:
      - The parameters to return, by their names in C(slurm.conf) (V(TopologyPlugin)) or in snake case
        (V(topology_plugin)). All by default.
      - An unknown name is an error that suggests similar names.
    type: list
    elements: str
    aliases: [items]
seealso:
  - module: hpc.slurm.slurm_node_info
"""

EXAMPLES = r"""
- name: Read who may set triggers, and after how long a node that does not respond is down
  hpc.slurm.slurm_config_info:
    item:
      - SlurmUser
      - SlurmdTimeout
  register: slurm

- name: Fail if this is another cluster
  hpc.slurm.slurm_config_info:
    item: cluster_name
  register: slurm
  failed_when: slurm.config.cluster_name != "mycluster"

- name: Read the whole configuration
  hpc.slurm.slurm_config_info:
  register: slurm

- name: Save it
  ansible.builtin.copy:
    content: "{{ slurm.config | to_nice_json }}"
    dest: "/var/backups/slurm-{{ slurm.config.cluster_name }}.json"
    mode: "0640"
"""

RETURN = r"""
config:
  description:
    - The parameters, by the names given in O(item). Without O(item), by pyslurm's names, which are those of
      C(slurm.conf) in snake case, with abbreviations written in full.
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
