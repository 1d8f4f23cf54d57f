#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_trigger_info
short_description: Read the triggers of a Slurm cluster
version_added: 0.1.0
description:
  - Returns the triggers of all users that match all given options.
  - Slurm does not list triggers that have fired, unless they are permanent.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.info
options:
  event:
    description: Only triggers for this event kind, as in strigger(1).
    type: str
  user:
    description: Only triggers of this user.
    type: str
  job_id:
    description: Only triggers of this job.
    type: str
  program:
    description: Only triggers whose program matches this regular expression anywhere.
    type: str
seealso:
  - module: hpc.slurm.slurm_trigger
"""

EXAMPLES = r"""
- name: Read all triggers
  hpc.slurm.slurm_trigger_info:
  register: all

- name: Fail if no trigger notifies the listener of nodes that go down
  hpc.slurm.slurm_trigger_info:
    event: down
    program: "/node/down "
  register: down
  failed_when: not down.triggers
"""

RETURN = r"""
triggers:
  description: The triggers, in the order of their ids.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The trigger's id.
      type: int
    event:
      description: The event kind; V(unknown) for a trigger with several kinds.
      type: str
    resource:
      description: The kind of resource, such as V(node), V(job) or V(slurmctld).
      type: str
    resource_id:
      description: The hostlist or the job's id; V(*) for all nodes.
      type: str
    offset:
      description: Seconds from the event to the start of the program.
      type: int
    permanent:
      description: Whether it stays set after it fires.
      type: bool
    program:
      description: The program that slurmctld runs.
      type: str
    user:
      description: The user who set it and who runs the program.
      type: str
  sample:
    - id: 17
      event: down
      resource: node
      resource_id: "*"
      offset: 0
      permanent: true
      program: /usr/local/sbin/node-down
      user: slurm
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.info import plan_info


def main() -> None:
    text = {"type": "str"}
    run_module(plan_info, {"event": text, "user": text, "job_id": text, "program": text})


if __name__ == "__main__":
    main()
