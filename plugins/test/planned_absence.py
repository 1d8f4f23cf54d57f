# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: planned_absence
short_description: Tell whether a node is out of service by plan
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Tells whether a node, as M(hpc.slurm.slurm_node_info) returns it, is in maintenance, rebooting, powered down, or on
    the way there, because somebody wants it so.
  - A node that was to come back from a reboot or from power saving, and did not, is none of these.
  - The event source C(hpc.slurm.trigger_listener) goes by the same rule when it reads a snapshot.
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

- name: Name those that nobody wants to be
  ansible.builtin.debug:
    msg: "{{ down.nodes.values() | reject('hpc.slurm.planned_absence') }}"
"""

RETURN = r"""
_value:
  description: Whether it is.
  type: bool
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.common.node_states import planned_absence


def is_planned_absence(node: Any) -> bool:
    """Tell whether a node is out of service by plan.

    :raises AnsibleFilterError: when it is not as M(hpc.slurm.slurm_node_info) returns it.
    """
    try:
        return planned_absence(node["state"], node["reason"])
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"planned_absence wants a node of slurm_node_info with state and reason: {error!r}"
        ) from error


class TestModule:
    """The test by its name."""

    def tests(self) -> dict[str, Callable[..., Any]]:
        return {"planned_absence": is_planned_absence}
