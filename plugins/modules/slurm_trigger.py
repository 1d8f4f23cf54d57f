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
  - A trigger makes slurmctld run a program when an event occurs, such as a node going down (see strigger(1)).
  - slurmctld evaluates triggers about every 16 seconds. Only SlurmUser may set them.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  state:
    description:
      - V(present) sets the trigger, unless the same trigger is set already.
      - V(absent) removes every trigger that matches all given options; at least one is required.
    type: str
    choices: [present, absent]
    default: present
  event:
    description:
      - The event kind, as in strigger(1). Required for O(state=present).
      - V(up), V(down), V(drained), V(draining), V(fail), V(idle), V(resume) and V(reconfig) are events of nodes;
        V(time), V(fini), and with O(job_id) V(up), V(down) and V(fail) are events of a job.
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
      - The nodes of the trigger, as names or hostlists. All nodes by default.
      - Prefer all nodes. slurmctld does not start if a trigger names a node that is no longer in C(slurm.conf).
    type: list
    elements: str
  job_id:
    description:
      - The number of the job that the trigger is about. Of an array this means the whole array.
      - A task of an array that has started has a number of its own, C(squeue --format=%A) shows it. An id such as
        V(123_4) is refused when quoted, and means job 1234 when not, since YAML reads it as that number.
    type: str
  offset:
    description: Seconds from the event to the start of the program, negative before the end of a job. The default is 0.
    type: int
  program:
    description:
      - The absolute path of the program and its arguments, at most 62 words. Required for O(state=present).
      - Slurm splits it at blanks, without quoting, and appends the hostlist of the nodes as the last argument.
      - Every user can read it with C(strigger --get). Do not put secrets into it.
    type: str
  permanent:
    description:
      - Whether the trigger stays set after it fires. One that is not permanent misses events until it is set again.
      - The default is V(true) for triggers of nodes and V(false) for others.
    type: bool
  trigger_ids:
    description: The ids of triggers to remove, for O(state=absent).
    type: list
    elements: int
  user:
    description: The user of triggers to remove, for O(state=absent).
    type: str
  purge_matching:
    description:
      - A regular expression that matches anywhere in a program.
      - For O(state=present), also remove other triggers of this user for the same O(event) with a matching program,
        such as one with an outdated address.
      - For O(state=absent), only remove triggers with a matching program.
    type: str
notes:
  - Run it on a controller as SlurmUser (C(become_user) V(slurm) on most clusters). strigger must be on E(PATH).
seealso:
  - module: hpc.slurm.slurm_trigger_info
  - name: strigger(1)
    description: The event kinds.
    link: https://slurm.schedmd.com/strigger.html
"""

EXAMPLES = r"""
- name: Notify the listener of every node that goes down
  hpc.slurm.slurm_trigger:
    event: down
    program: >-
      /usr/bin/curl --config /var/lib/hpc-slurm/listener.conf
      http://127.0.0.1:32000/3f1c/node/down --data-raw
    purge_matching: "--config /var/lib/hpc-slurm/listener.conf "
  become: true
  become_user: slurm

- name: Run a program ten minutes before the end of a job
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
    purge_matching: "--config /var/lib/hpc-slurm/listener.conf "
  become: true
  become_user: slurm
"""

RETURN = r"""
trigger_ids:
  description: The ids of the matching triggers; empty in check mode for a trigger that is not set yet.
  returned: success
  type: list
  elements: int
  sample: [17]
triggers:
  description: The matching triggers, as in M(hpc.slurm.slurm_trigger_info).
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.common.trigger_events import EVENTS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.plan import plan_trigger

# The options that select triggers to remove: one is required.
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
