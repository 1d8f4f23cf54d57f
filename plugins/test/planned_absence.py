# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: planned_absence
short_description: Test whether a node is in a planned absence
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Tests whether a node of M(hpc.slurm.slurm_node_info) is in a maintenance reservation, rebooting, or powered down,
    powering down or powering up.
  - A node that did not come back from a reboot or from power saving is not in a planned absence.
  - The event source C(hpc.slurm.trigger_listener) uses the same rule for snapshots.
positional: _input
options:
  _input:
    description: The node, with its C(state) and C(reason).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the nodes that are down
  hpc.slurm.slurm_node_info:
    states: [DOWN]
    attributes: [state, reason]
  register: down

- name: Show those that are not down by plan
  ansible.builtin.debug:
    msg: "{{ down.nodes.values() | reject('hpc.slurm.planned_absence') }}"
"""

RETURN = r"""
_value:
  description: Whether the node is in a planned absence.
  type: bool
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.common.reasons import planned_absence


def is_planned_absence(node: Any) -> bool:
    """Return whether a node is in a planned absence.

    :raises AnsibleFilterError: unless it is a node as M(hpc.slurm.slurm_node_info) returns it.
    """
    try:
        return planned_absence(node["state"], node["reason"])
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"planned_absence needs a node of slurm_node_info with state and reason: {error!r}"
        ) from error


class TestModule:
    """The tests of this file by their names."""

    def tests(self) -> dict[str, Callable[..., Any]]:
        return {"planned_absence": is_planned_absence}
