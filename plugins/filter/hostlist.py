# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hostlist
short_description: Fold names of nodes into a hostlist
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Returns names of nodes in Slurm's notation for many of them, such as C(node[1-3],gpu07).
positional: _input
options:
  _input:
    description: Names of nodes.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Read the nodes that are down
  hpc.slurm.slurm_node_info:
    states: [DOWN]
  register: down

- name: Show them
  ansible.builtin.debug:
    msg: "{{ down.names | hpc.slurm.hostlist }}"
"""

RETURN = r"""
_value:
  description: The hostlist, empty for no names.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.adapter.errors import SlurmError
from ..module_utils.common.hostlist import fold


def hostlist(names: list[str]) -> str:
    """Return names as a hostlist.

    :raises AnsibleFilterError: for what are no names.
    """
    try:
        return fold(names)
    except (SlurmError, TypeError) as error:
        raise AnsibleFilterError(f"hostlist needs the names of nodes: {error!r}") from error


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hostlist": hostlist}
