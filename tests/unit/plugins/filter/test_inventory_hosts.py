# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter inventory_hosts: nodes of Slurm, hosts of the inventory."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.inventory_hosts import FilterModule

FILTER = FilterModule().filters()["inventory_hosts"]
HOSTS = {
    "node1": {},
    "node2.cluster.local": {"repair": "/repair.yml"},
    "rack7-slot3": {"hpc_slurm_node_name": "node3", "repair": ""},
    "node4.here": {},
    "node4.there": {},
    "node5.cluster.local": {},
    "node5": {},
    # This one is not node6.
    "node6": {"hpc_slurm_node_name": "node7"},
}


@pytest.mark.parametrize(
    ("node", "host"),
    [
        ("node1", "node1"),
        ("node2", "node2.cluster.local"),
        ("node3", "rack7-slot3"),
        ("node4", None),
        ("node5", "node5"),
        ("node6", None),
        ("node7", "node6"),
        ("node8", None),
    ],
)
def test_the_host_of_a_node(node, host):
    assert FILTER([node], HOSTS) == ({node: host} if host else {})


def test_hosts_with_a_variable():
    assert FILTER(["node1", "node2", "node3"], HOSTS, "repair") == {"node2": "node2.cluster.local"}


@pytest.mark.parametrize(
    ("value", "is_set"),
    [
        (True, True),
        ("yes", True),
        ("true", True),
        (False, False),
        ("false", False),
        ("No", False),
        ("", False),
        (None, False),
    ],
)
def test_a_variable_that_says_no_is_not_set(value, is_set):
    assert bool(FILTER(["n1"], {"n1": {"hpc_slurm_opt_out": value}}, "hpc_slurm_opt_out")) == is_set


def test_nodes_of_two_clusters_with_the_same_name():
    hosts = {
        "node1.a": {"hpc_slurm_node_cluster": "a"},
        "node1.b": {"hpc_slurm_node_cluster": "b"},
        "b-node2": {"hpc_slurm_node_cluster": "b", "hpc_slurm_node_name": "node2"},
        "node2": {"hpc_slurm_node_cluster": "a"},
        "node3": {},
    }
    names = ["node1", "node2", "node3"]
    assert FILTER(names, hosts, cluster="a") == {"node1": "node1.a", "node2": "node2", "node3": "node3"}
    assert FILTER(names, hosts, None, "b") == {"node1": "node1.b", "node2": "b-node2", "node3": "node3"}


def test_two_hosts_of_the_same_node():
    hosts = {"a": {"hpc_slurm_node_name": "node1"}, "b": {"hpc_slurm_node_name": "node1"}}
    with pytest.raises(AnsibleFilterError, match="hpc_slurm_node_name is node1 for the hosts a and b"):
        FILTER(["node2"], hosts)
