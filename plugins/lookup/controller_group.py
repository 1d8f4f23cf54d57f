# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: controller_group
short_description: Find the group with the controllers of a run's cluster
version_added: 0.1.0
author:
  - hpc.slurm developers (!UNKNOWN)
description:
  - Returns C(slurm_controller_CLUSTER) if the inventory has such a group, with characters that a group cannot have as
    underscores, and otherwise C(slurm_controller). The cluster is that of the event that ran the playbook, or
    C(hpc_slurm_cluster).
  - Fails when the inventory has groups of other clusters only, and when it has several and no cluster is given.
options: {}
"""

EXAMPLES = r"""
- name: Read the names of a cluster's nodes
  hosts: "{{ lookup('hpc.slurm.controller_group') }}"
  gather_facts: false
  tasks:
    - name: Read them
      hpc.slurm.slurm_node_info:
        attributes: [state]
      run_once: true
"""

RETURN = r"""
_raw:
  description: The name of the group.
  type: list
  elements: str
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

GROUP = "slurm_controller"


def controller_group(groups: Iterable[str], cluster: str) -> str:
    """Return the name of the group with the controllers of a cluster, which is empty if none is given.

    :raises AnsibleLookupError: when the inventory has groups of other clusters only, or no cluster is given.
    """
    own = {name for name in groups if name.startswith(f"{GROUP}_")}
    if not own:
        return GROUP
    wanted = f"{GROUP}_{cluster}"
    for name in (wanted, re.sub(r"\W", "_", wanted)):
        if cluster and name in own:
            return name
    there = f"The inventory has {', '.join(sorted(own))}"
    if cluster:
        raise AnsibleLookupError(
            f"No controllers of the cluster {cluster}: add the group {wanted} with them, or correct its name. {there}"
        )
    if len(own) > 1:
        raise AnsibleLookupError(f"Which cluster? Set hpc_slurm_cluster as an extra variable. {there}")
    return own.pop()


class LookupModule(LookupBase):  # type: ignore[misc]
    """The lookup plugin."""

    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[str]:
        given: Mapping[str, Any] = variables or {}
        event = (given.get("ansible_eda") or {}).get("event") or {}
        cluster = event.get("cluster") or self._templar.template(given.get("hpc_slurm_cluster") or "")
        return [controller_group(given.get("groups") or {}, str(cluster))]
