# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reaction_settings
short_description: Tell how the reactions are set for nodes
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Tells which variables of the playbooks C(hpc.slurm.node_down) and C(hpc.slurm.node_drained) are set, for how many
    nodes, and which nodes have no host in the inventory.
  - It tells what a playbook sees. ansible-rulebook copies an inventory file elsewhere, so C(group_vars) beside it do
    not count, while those in an inventory directory do.
positional: _input, hostvars, controller, specs, cluster
options:
  _input:
    description: The names of all nodes.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  controller:
    description: A host of the group C(slurm_controller), whose variables are the limits.
    type: str
    required: true
  specs:
    description: The file C(meta/argument_specs.yml) of the role C(hpc.slurm.common), which has all variables.
    type: dict
    required: true
  cluster:
    description: As for P(hpc.slurm.inventory_hosts#filter).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Read all nodes
  hpc.slurm.slurm_node_info:
    attributes: [state]
  register: slurm

- name: Show how the reactions are set
  ansible.builtin.debug:
    msg: "{{ slurm.names | hpc.slurm.reaction_settings(hostvars, inventory_hostname, specs) }}"
  vars:
    specs: "{{ lookup('ansible.builtin.file', 'argument_specs.yml') | from_yaml }}"
"""

RETURN = r"""
_value:
  description: The settings, each with C(name) and C(value).
  type: list
  elements: dict
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.adapter.errors import SlurmError
from ..module_utils.common.hostlist import fold
from .inventory_hosts import inventory_hosts
from .unknown_variables import unknown_variables

# What the playbooks read for each node, and what they read for the controllers.
OF_NODES = {
    "repair tasks": "hpc_slurm_repair_tasks",
    "check tasks": "hpc_slurm_check_tasks",
    "tasks for drained nodes": "hpc_slurm_drained_tasks",
    "tasks that test repaired nodes": "hpc_slurm_quarantine_tasks",
    "seconds to respond after a repair": "hpc_slurm_answer_limit",
}
OF_CONTROLLERS = {
    "tasks for notifications": "hpc_slurm_notify_tasks",
    "most unavailable nodes of a partition": "hpc_slurm_max_unavailable",
    "circuit breaker, nodes": "hpc_slurm_breaker_nodes",
    "circuit breaker, of a partition": "hpc_slurm_breaker_partition",
    "pause": "hpc_slurm_pause",
}
# Of more different values the rest is left out.
MOST_VALUES = 3
LONGEST = 500


def reaction_settings(
    names: list[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    controller: str,
    specs: Mapping[str, Any],
    cluster: str = "",
) -> list[dict[str, str]]:
    """Return how the reactions are set, each setting with C(name) and C(value).

    :raises AnsibleFilterError: for names that are not those of nodes.
    """
    try:
        hosts = inventory_hosts(names, hostvars, cluster=cluster)
        unknown = fold(set(names) - set(hosts))
    except (SlurmError, TypeError) as error:
        raise AnsibleFilterError(f"reaction_settings needs the names of nodes: {error!r}") from error
    # Once a host: Ansible gathers its variables anew each time.
    variables, limits = [hostvars[host] for host in hosts.values()], hostvars[controller]
    misspelled = unknown_variables({name for given in variables for name in given}, specs)
    found = {name: _of_nodes([given.get(it) for given in variables]) for name, it in OF_NODES.items()}
    found |= {name: str(limits.get(it) or "not set") for name, it in OF_CONTROLLERS.items()}
    found["nodes without a host in the inventory"] = unknown or "none"
    found["unknown variables of nodes"] = "; ".join(misspelled) or "none"
    return [{"name": name, "value": value[:LONGEST]} for name, value in found.items()]


def _of_nodes(values: list[Any]) -> str:
    counts = Counter(str(value) for value in values if value)
    shown = [f"{value} for {many} of {len(values)} nodes" for value, many in counts.most_common(MOST_VALUES)]
    return "; ".join([*shown, *(["..."] if len(counts) > MOST_VALUES else [])]) or "not set"


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reaction_settings": reaction_settings}
