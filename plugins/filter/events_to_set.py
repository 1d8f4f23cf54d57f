# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: events_to_set
short_description: List the event kinds for which the listener needs triggers
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Returns the event kinds, as in strigger(1), for which the playbook C(hpc.slurm.sync) sets triggers.
  - An unknown one in O(chosen) is an error that suggests similar names.
positional: _input, controllers, chosen
options:
  _input:
    description:
      - The parameters C(AccountingStorageType) and C(BurstBufferType), as M(hpc.slurm.slurm_config_info) returns them.
    type: dict
    required: true
  controllers:
    description: How many controllers the cluster has. The events of a backup controller apply if it is more than one.
    type: int
    required: true
  chosen:
    description: The event kinds that the site wants. By default all that apply to the cluster.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Read what decides which triggers are set
  hpc.slurm.slurm_config_info:
    item: [AccountingStorageType, BurstBufferType]
  register: slurm

- name: Show the event kinds that apply to a cluster with a backup controller
  ansible.builtin.debug:
    msg: "{{ slurm.config | hpc.slurm.events_to_set(2) }}"
"""

RETURN = r"""
_value:
  description: The event kinds.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any, Optional

from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import trigger_events


def events_to_set(config: dict[str, Any], controllers: Any, chosen: Optional[list[str]] = None) -> list[str]:
    """Return the event kinds.

    :raises AnsibleFilterError: for an unknown one, and unless the parameters are those of slurm_config_info.
    """
    if chosen is not None and (isinstance(chosen, str) or not isinstance(chosen, (list, tuple))):
        raise AnsibleFilterError(f"hpc_slurm_events is not a list of event kinds: {chosen!r}")
    try:
        found = trigger_events.events_to_set(
            chosen,
            backup=int(controllers) > 1,
            accounting=is_set(config["AccountingStorageType"]),
            burst_buffer=is_set(config["BurstBufferType"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"events_to_set needs parameters of slurm_config_info: {error!r}") from error
    except SlurmError as error:
        raise AnsibleFilterError(f"hpc_slurm_events: {error.message}") from None
    return list(found)


def is_set(plugin: Optional[str]) -> bool:
    """Tell whether a plugin is configured: accounting_storage/none is none."""
    return bool(plugin) and not str(plugin).endswith("/none")


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"events_to_set": events_to_set}
