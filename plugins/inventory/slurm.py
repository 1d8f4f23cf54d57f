# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: slurm
short_description: Nodes of a Slurm cluster as hosts
version_added: 0.1.0
author:
  - hpc.slurm developers (!UNKNOWN)
description:
  - Makes a host of each node of a Slurm cluster, under its name in Slurm, with C(ansible_host) from its C(NodeAddr).
  - The file's name ends in C(slurm.yml) or C(slurm.yaml).
  - What comes from the cluster, such as comments, is never a template.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [hpc.slurm.slurm]
  command:
    description:
      - A command, as a list of words, that prints what C(scontrol show nodes --json) prints, for a machine without
        Slurm.
      - By default the nodes are read with pyslurm, in the Python that runs Ansible.
    type: list
    elements: str
  slurm_conf:
    description: Path of the cluster's C(slurm.conf). The default is that of Slurm.
    type: path
  cluster:
    description:
      - The name of the cluster, where one inventory has several whose nodes have the same names. The hosts are then
        named C(NODE.CLUSTER), have C(hpc_slurm_node_name) and C(hpc_slurm_node_cluster), which the playbooks read, and
        are in the group C(cluster_CLUSTER).
      - The groups of O(groups_by) have nodes of all clusters. C(partition_main:&cluster_alpha) are those of one.
    type: str
  nodes:
    description: Only these nodes, as names or hostlists. An unknown node is an error.
    type: list
    elements: str
  partitions:
    description: Only nodes of one of these partitions. An unknown partition is an error.
    type: list
    elements: str
  states:
    description: Only nodes with one of these base states or flags, such as V(IDLE) or V(DRAIN).
    type: list
    elements: str
  groups_by:
    description:
      - Which groups to make. Their names begin with the kind, such as C(partition_main), C(state_idle), C(feature_ib),
        C(reservation_repair) and C(gres_gpu). A node with C(gpu:tesla) is in C(gres_gpu) and in C(gres_gpu_tesla).
    type: list
    elements: str
    choices: [partition, state, feature, reservation, gres]
    default: [partition, state, feature, reservation, gres]
  prefix:
    description:
      - What the names of the variables begin with. They are C(state), C(partitions), C(available_features),
        C(active_features), C(configured_gres), C(address), C(hostname), C(total_cpus), C(real_memory), C(weight),
        C(reason), C(comment) and C(extra) as M(hpc.slurm.slurm_node_info) returns them, and C(reservation), the name of
        an active reservation or null.
    type: str
    default: slurm_
requirements:
  - pyslurm of the machine's Slurm release X.Y, unless O(command) is set
"""

EXAMPLES = r"""
# slurm.yml, on a machine with Slurm and pyslurm
plugin: hpc.slurm.slurm

---
# second.slurm.yml, for another cluster in the same inventory
plugin: hpc.slurm.slurm
slurm_conf: /etc/slurm-second/slurm.conf
cluster: second

---
# slurm.yml, on a machine without Slurm
plugin: hpc.slurm.slurm
command: [ssh, ctl1.example.org, scontrol, show, nodes, --json]
partitions: [gpu]
# hosts whose nodes are drained because of a ticket
groups:
  tickets: slurm_reason is search('ticket')
keyed_groups:
  - key: slurm_weight | string
    prefix: weight
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /var/tmp/hpc-slurm
cache_timeout: 300
"""

import gc
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils.adapter.errors import SlurmError
from ..plugin_utils.inventory_nodes import Nodes, groups_of, read_from_json, read_with_pyslurm, select


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect no garbage meanwhile: with ten thousand new hosts that takes a quarter of the time, and there is none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Unsafe:
    """Marks values as no templates; an equal value of many nodes only once."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def __call__(self, value: Any) -> Any:
        if value is None or value.__class__ is int:
            return value
        key = tuple(value.items()) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value
        known = self._known.get((type(value), key))
        if known is None:
            known = self._known[(type(value), key)] = wrap_var(value)
        return known


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """Hosts of nodes."""

    NAME = "hpc.slurm.slurm"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("slurm.yml", "slurm.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the hosts.

        :raises AnsibleParserError: with what is wrong, and what to do.
        """
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            nodes = self._cached(path, cache)
            with no_garbage_collection():
                self._add(select(nodes, *(self.get_option(name) for name in ("nodes", "partitions", "states"))))
        except SlurmError as error:
            raise AnsibleParserError(f"{path}: {error.message}") from error

    def _cached(self, path: str, cache: bool) -> Nodes:
        """Return the nodes from the cache, or read them and keep them there."""
        is_cached = self.get_option("cache")
        key = self.get_cache_key(path)
        if cache and is_cached:
            try:
                return dict(self._cache[key])
            except KeyError:
                pass  # not yet, or too old
        nodes = self._read()
        if is_cached:
            self._cache[key] = nodes
        return nodes

    def _read(self) -> Nodes:
        command = self.get_option("command")
        if not command:
            return read_with_pyslurm(self.get_option("slurm_conf"))
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except OSError as error:
            raise SlurmError(f"the command {command[0]} cannot be run: {error}") from error
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip()
            raise SlurmError(f"the command {' '.join(command)} failed with status {done.returncode}: {words}")
        return read_from_json(done.stdout.decode(errors="replace"))

    def _add(self, nodes: Nodes) -> None:
        prefix, kinds, strict = (self.get_option(name) for name in ("prefix", "groups_by", "strict"))
        composed = [self.get_option(name) for name in ("compose", "groups", "keyed_groups")]
        made, unsafe = dict[tuple[str, ...], list[str]](), Unsafe()
        cluster = self.get_option("cluster")
        of_cluster = [f"cluster_{cluster}"] if cluster else []
        for node_name, node in nodes.items():
            name = f"{node_name}.{cluster}" if cluster else node_name
            self.inventory.add_host(name)
            variables = {f"{prefix}{key}": unsafe(value) for key, value in node.items()}
            variables["ansible_host"] = unsafe(node["address"] or node_name)
            if cluster:
                variables |= {"hpc_slurm_node_name": unsafe(node_name), "hpc_slurm_node_cluster": cluster}
            # As set_variable() does, which checks each name anew.
            self.inventory.hosts[name].vars.update(variables)
            # Many nodes are in the same groups.
            groups = (*groups_of(node, kinds), *of_cluster)
            if groups not in made:
                made[groups] = [self.inventory.add_group(self._sanitize_group_name(group)) for group in groups]
            for group in made[groups]:
                self.inventory.add_child(group, name)
            if any(composed):
                self._set_composite_vars(composed[0], variables, name, strict=strict)
                self._add_host_to_composed_groups(composed[1], variables, name, strict=strict)
                self._add_host_to_keyed_groups(composed[2], variables, name, strict=strict)
