#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_trigger
short_description: Set and remove triggers of a Slurm cluster
version_added: 0.1.0
description:
  - A trigger makes slurmctld run a program when something happens, such as a node that goes down (see strigger(1)).
  - Slurm looks at triggers about every 16 seconds, and lets only SlurmUser set them.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  state:
    description:
      - V(present) sets the trigger unless the same one is there.
      - V(absent) removes every trigger that has all that the other options name; at least one must be given.
    type: str
    choices: [present, absent]
    default: present
  event:
    description:
      - What fires the trigger, in the words of strigger(1). Needed for O(state=present).
      - V(up), V(down), V(drained), V(draining), V(fail), V(idle), V(resume) and V(reconfig) are about nodes, and
        V(time), V(fini), V(up), V(down) and V(fail) with O(job_id) about a job.
    type: str
    choices:
      - backup_slurmctld_assumed_control
      - backup_slurmctld_failure
      - backup_slurmctld_resumed_operation
      - burst_buffer
      - down
      - drained
      - draining
      - fail
      - fini
      - idle
      - primary_database_failure
      - primary_database_resumed_operation
      - primary_slurmctld_acct_buffer_full
      - primary_slurmctld_failure
      - primary_slurmctld_resumed_control
      - primary_slurmctld_resumed_operation
      - primary_slurmdbd_failure
      - primary_slurmdbd_resumed_operation
      - reconfig
      - resume
      - time
      - up
  nodes:
    description:
      - The nodes that the trigger is about, as names or hostlists; all nodes when it is not given.
      - Better all nodes. A slurmctld does not start when a trigger names a node that is no longer in C(slurm.conf).
    type: list
    elements: str
  job_id:
    description: The job that the trigger is about.
    type: str
  offset:
    description: Seconds from the event to the program; negative before the end of a job. 0 when it is not given.
    type: int
  program:
    description:
      - The absolute path of the program and its arguments, at most 62 words. Needed for O(state=present).
      - Slurm splits it at blanks, knows no quoting, and appends the hostlist of the nodes as the last argument.
      - Every user can read it with C(strigger --get), so nothing secret belongs into it.
    type: str
  permanent:
    description:
      - Whether the trigger stays when it has fired. One that does not loses what happens before it is set again.
      - By default triggers about nodes stay and others do not.
    type: bool
  trigger_ids:
    description: Ids of triggers to remove, with O(state=absent).
    type: list
    elements: int
  user:
    description: The owner of triggers to remove, with O(state=absent).
    type: str
  purge_matching:
    description:
      - A regular expression that programs are searched for.
      - With O(state=present), other triggers of this user for the same O(event) whose program matches are removed, so
        that one with an outdated address does not stay beside the new one.
      - With O(state=absent), only triggers whose program matches are removed.
    type: str
notes:
  - Run it on a controller, as SlurmUser (C(become_user) V(slurm) on most clusters), with strigger on E(PATH).
seealso:
  - module: hpc.slurm.slurm_trigger_info
  - name: strigger(1)
    description: The events and what they mean.
    link: https://slurm.schedmd.com/strigger.html
"""

EXAMPLES = r"""
- name: Tell the listener of every node that goes down
  hpc.slurm.slurm_trigger:
    event: down
    program: >-
      /usr/bin/curl --config /etc/slurm/hpc-slurm-listener.conf
      http://127.0.0.1:32000/3f1c/node/down --data-raw
    purge_matching: "--config /etc/slurm/hpc-slurm-listener.conf "
  become: true
  become_user: slurm

- name: Ten minutes before the end of a job, save what it has
  hpc.slurm.slurm_trigger:
    event: time
    job_id: "4711"
    offset: -600
    program: /usr/local/sbin/save-job
  become: true
  become_user: slurm

- name: Remove all triggers that call the listener
  hpc.slurm.slurm_trigger:
    state: absent
    purge_matching: "--config /etc/slurm/hpc-slurm-listener.conf "
  become: true
  become_user: slurm
"""

RETURN = r"""
trigger_ids:
  description: The ids of the triggers that are as described; empty in check mode for one that is not set yet.
  returned: success
  type: list
  elements: int
  sample: [17]
triggers:
  description: The triggers that are as described, see M(hpc.slurm.slurm_trigger_info).
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.common.trigger_events import EVENTS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.plan import plan_trigger

# What says which triggers to remove: one of them must be given.
DESCRIPTION = ("trigger_ids", "event", "nodes", "job_id", "program", "user", "purge_matching")


def main() -> None:
    run_module(
        plan_trigger,
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "event": {"type": "str", "choices": EVENTS},
            "nodes": {"type": "list", "elements": "str"},
            "job_id": {"type": "str"},
            "offset": {"type": "int"},
            "program": {"type": "str"},
            "permanent": {"type": "bool"},
            "trigger_ids": {"type": "list", "elements": "int"},
            "user": {"type": "str"},
            "purge_matching": {"type": "str"},
        },
        required_if=[("state", "present", ("event", "program")), ("state", "absent", DESCRIPTION, True)],
    )


if __name__ == "__main__":
    main()
