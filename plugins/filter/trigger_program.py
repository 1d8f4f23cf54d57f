# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trigger_program
short_description: Make the program of a trigger that notifies the listener
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Returns the O(ignore:program) for M(hpc.slurm.slurm_trigger) with which slurmctld notifies the event source
    C(hpc.slurm.trigger_listener) of an event kind.
positional: _input, address, curl_config
options:
  _input:
    description: The event kind, as in strigger(1).
    type: str
    required: true
  address:
    description: The URL of the listener, and its id after a slash.
    type: str
    required: true
  curl_config:
    description: The path of curl's configuration that the playbook C(hpc.slurm.sync) deploys.
    type: str
    default: /var/lib/hpc-slurm/listener.conf
  job:
    description: Whether the trigger is about a job. Nodes and jobs have V(up), V(down) and V(fail).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Notify the listener when a job ends
  hpc.slurm.slurm_trigger:
    event: fini
    job_id: "4711"
    program: "{{ 'fini' | hpc.slurm.trigger_program('https://eda.example.com:32000/cluster-one-listener') }}"
  become: true
  become_user: slurm
"""

RETURN = r"""
_value:
  description: The program.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.module_utils.common.names import suggest
from ansible_collections.hpc.slurm.plugins.module_utils.common.trigger_events import CLASSES, class_of, program

CURL_CONFIG = "/var/lib/hpc-slurm/listener.conf"


def trigger_program(event: str, address: str, curl_config: str = CURL_CONFIG, job: bool = False) -> str:
    """Return the program of a trigger.

    :raises AnsibleFilterError: for an unknown event kind, with those that look like it.
    """
    choices = CLASSES["job"] if job else sorted(kind for kinds in CLASSES.values() for kind in kinds)
    if event not in choices:
        about = "jobs" if job else "triggers"
        raise AnsibleFilterError(f"there is no event kind {event} of {about}: {suggest(str(event), choices)}")
    return program(event, "job" if job else class_of(event), address, curl_config)


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"trigger_program": trigger_program}
