# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: variables_of
short_description: Return the variables of a host, without those of the run
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Returns the variables that the inventory has of a host, for tasks that run in its place. What Ansible itself sets,
    such as C(inventory_hostname), is left out, and what the other host has as well.
positional: _input, host, other
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  host:
    description: The name of the host.
    type: str
    required: true
  other:
    description: The name of the host that runs the tasks.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Have the variables of another host
  ansible.builtin.set_fact:
    "{{ item.key }}": "{{ item.value }}"
  loop: "{{ hostvars | hpc.slurm.variables_of('node1', inventory_hostname) | dict2items }}"
  loop_control:
    label: "{{ item.key }}"
"""

RETURN = r"""
_value:
  description: The variables.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

# Variables of Ansible itself; those of the connection are the inventory's.
MAGIC = frozenset(
    (
        *("environment", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname"),
        *("inventory_hostname_short", "module_setup", "omit", "play_hosts", "playbook_dir", "role_name", "role_names"),
        *("role_path", "role_uuid", "vars", "ansible_check_mode", "ansible_collection_name", "ansible_config_file"),
        *("ansible_dependent_role_names", "ansible_diff_mode", "ansible_facts", "ansible_forks", "ansible_index_var"),
        *("ansible_inventory_sources", "ansible_limit", "ansible_local", "ansible_loop", "ansible_loop_var"),
        *("ansible_parent_role_names", "ansible_parent_role_paths", "ansible_play_batch", "ansible_play_hosts"),
        *("ansible_play_hosts_all", "ansible_play_name", "ansible_play_role_names", "ansible_playbook_python"),
        *("ansible_role_name", "ansible_role_names", "ansible_run_tags", "ansible_search_path", "ansible_skip_tags"),
        *("ansible_verbosity", "ansible_version"),
    )
)


def variables_of(hostvars: Mapping[str, Mapping[str, Any]], host: str, other: str) -> dict[str, Any]:
    """Return the variables of a host that another one has not, or with another value."""
    found, there = hostvars[host], hostvars[other]
    return {name: found[name] for name in found if name not in MAGIC and there.get(name) != found[name]}


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"variables_of": variables_of}
