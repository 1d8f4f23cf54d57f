# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: inventory_hosts
short_description: Find the inventory's hosts of Slurm's nodes
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Finds for each node the host of the inventory. That is the host whose variable C(hpc_slurm_node_name) is the node's
    name in Slurm, else the host with this name, else the only host whose name begins with it and a dot.
positional: _input, hostvars, having, cluster
options:
  _input:
    description: Names of nodes.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  having:
    description: The name of a variable. Only hosts are returned for which it is set, and neither empty nor false.
    type: str
  cluster:
    description:
      - The name of the nodes' cluster. Hosts with another one in C(hpc_slurm_node_cluster) are not theirs, whatever
        their names are.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Read all nodes
  hpc.slurm.slurm_node_info:
    attributes: [state]
  register: slurm

- name: Name those that the inventory does not have
  ansible.builtin.debug:
    msg: "{{ slurm.names | difference(slurm.names | hpc.slurm.inventory_hosts(hostvars)) }}"
"""

RETURN = r"""
_value:
  description: The name of the host, for each node that has one.
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from ansible.errors import AnsibleFilterError

BOOLEANS_FALSE = ("", "false", "no", "off", "0", "n", "f")
NODE_NAME = "hpc_slurm_node_name"
CLUSTER = "hpc_slurm_node_cluster"


def inventory_hosts(
    names: Iterable[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    having: Optional[str] = None,
    cluster: str = "",
) -> dict[str, str]:
    """Return the hosts of nodes.

    :raises AnsibleFilterError: when two hosts have the same C(hpc_slurm_node_name).
    """
    by_variable: dict[str, str] = {}
    short_names: dict[str, list[str]] = {}
    others = []
    for host in hostvars:
        # Once a host: Ansible gathers its variables anew each time.
        variables = hostvars[host]
        if cluster and variables.get(CLUSTER, cluster) != cluster:
            continue
        if name := variables.get(NODE_NAME):
            if by_variable.setdefault(str(name), host) != host:
                raise AnsibleFilterError(f"{NODE_NAME} is {name} for the hosts {by_variable[str(name)]} and {host}")
        else:
            others.append(host)
            short_names.setdefault(host.partition(".")[0], []).append(host)
    # A short name that two hosts have tells nothing.
    found = {name: hosts[0] for name, hosts in short_names.items() if len(hosts) == 1}
    found |= {host: host for host in others} | by_variable
    hosts = {name: found[name] for name in names if name in found}
    return {name: host for name, host in hosts.items() if having is None or _is_set(hostvars[host].get(having))}


def _is_set(value: Any) -> bool:
    """Tell whether a variable is set. Inventories in INI format have texts for false."""
    return value.lower() not in BOOLEANS_FALSE if isinstance(value, str) else bool(value)


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"inventory_hosts": inventory_hosts}
