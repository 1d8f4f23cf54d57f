#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_reservation
short_description: Reserve nodes of a Slurm cluster, and give them back
version_added: 0.1.0
description:
  - Makes a reservation, changes it, puts nodes into it and takes them out.
  - Nodes are put in and taken out by the controller itself, so two tasks that do so at the same time both succeed.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  name:
    description: The reservation's name.
    type: str
    required: true
  state:
    description:
      - V(present) makes the reservation, or gives an existing one what the options say and leaves the rest as it is.
      - V(absent) with O(nodes) takes these nodes out, and deletes the reservation when it would be empty; without
        O(nodes) deletes it.
    type: str
    choices: [present, absent]
    default: present
  nodes:
    description:
      - The nodes, as names or hostlists such as V(node[1-3],gpu07). Needed to make a reservation.
      - An existing one gets them in addition to those it has, unless O(purge_nodes=true).
    type: list
    elements: str
  purge_nodes:
    description: Whether O(nodes) are exactly the nodes that the reservation should have.
    type: bool
    default: false
  start_time:
    description:
      - When it starts, in seconds since the epoch, in ISO 8601 with or without a zone, as V(2027-01-31T08:00:00+01:00),
        or in the forms of scontrol(1), V(now), V(now+1hour), V(tomorrow). Without a zone it is the time of the host
        where the module runs.
      - Forms that mean another moment on each run are for a new reservation. V(now) is true of any that has started.
      - Slurm does not move the start of a reservation that has started; that is an error. A recurring one moves on by
        itself, so times of its past occurrences count as the one it has.
      - A new one starts now by default. A new start moves the end with it.
    type: str
  end_time:
    description: When it ends, in the same forms as O(start_time).
    type: str
  duration:
    description:
      - How long it lasts, in minutes or in the forms of scontrol(1), such as V(1-12:00:00), or V(infinite), which Slurm
        keeps as 365 days.
      - A new one is infinite by default.
    type: str
  users:
    description:
      - Exactly the users who may use it. An empty list clears it, where O(accounts), O(groups) or the like are set.
      - A new one is for root by default, unless O(accounts), O(groups), O(qos) or O(allowed_partitions) is given.
    type: list
    elements: str
  accounts:
    description: Exactly the accounts that may use it.
    type: list
    elements: str
  groups:
    description: Exactly the groups whose members may use it.
    type: list
    elements: str
  qos:
    description: Exactly the QOS that may use it.
    type: list
    elements: str
  allowed_partitions:
    description: Exactly the partitions whose jobs may use it. Slurm cannot clear it.
    type: list
    elements: str
  flags:
    description:
      - Exactly the flags that it has, as scontrol(1) names them, V(PURGE_COMP=00:05:00) with its time, which is 5
        minutes by default.
      - Recurrence is a flag too, V(HOURLY), V(DAILY), V(WEEKLY), V(WEEKDAY) or V(WEEKEND).
      - Those that Slurm sets by itself (SPEC_NODES, ALL_NODES) neither need to be named nor count.
      - Slurm cannot take V(OVERLAP), V(TIME_FLOAT), V(REPLACE), V(REPLACE_DOWN), V(NO_HOLD_JOBS_AFTER_END), V(SKIP)
        and V(FORCE_START) from a reservation that has them; that is an error.
      - A new one has MAINT, IGNORE_JOBS and OVERLAP by default.
    type: list
    elements: str
  partition:
    description: The partition that it belongs to. Slurm cannot clear it.
    type: str
  licenses:
    description: Exactly the licenses that it holds, such as V(matlab:5).
    type: list
    elements: str
  features:
    description: The features of its nodes, as in scontrol(1).
    type: str
  burst_buffer:
    description: The burst buffer resources that it holds.
    type: str
  comment:
    description: A comment of one line. An empty one clears it.
    type: str
  max_start_delay:
    description:
      - How long before its start jobs may still start that it would delay, as O(duration). An empty one clears it.
    type: str
seealso:
  - module: hpc.slurm.slurm_reservation_info
  - name: scontrol(1)
    description: Reservations and their flags, under "reservations".
    link: https://slurm.schedmd.com/scontrol.html
"""

EXAMPLES = r"""
- name: Keep everybody off two nodes from now on, whatever runs there
  hpc.slurm.slurm_reservation:
    name: repair
    nodes: node[4-5]

- name: One more node has the same fault
  hpc.slurm.slurm_reservation:
    name: repair
    nodes: node17

- name: The first two are repaired
  hpc.slurm.slurm_reservation:
    name: repair
    nodes: node[4-5]
    state: absent

- name: Announce the maintenance of a rack
  hpc.slurm.slurm_reservation:
    name: rack4
    nodes: rack4-[01-36]
    purge_nodes: true
    start_time: "2027-01-31T08:00:00+01:00"
    duration: "12:00:00"
    flags: [MAINT, IGNORE_JOBS]
    comment: cooling of rack 4, ticket 1234

- name: A class has four nodes on working days
  hpc.slurm.slurm_reservation:
    name: course
    nodes: node[60-63]
    users: []
    accounts: [course2027]
    start_time: "2027-02-01T09:00:00"
    duration: 180
    flags: [WEEKDAY]

- name: The maintenance is over
  hpc.slurm.slurm_reservation:
    name: rack4
    state: absent
"""

RETURN = r"""
reservation:
  description:
    - The reservation as it is afterwards, or in check mode as it would be; null when there is none.
    - The times of one that starts now are those of the prediction in check mode, a second or two earlier.
  returned: success
  type: dict
  sample:
    name: repair
    nodes: [node4, node5]
    start_time: 1801378800
    end_time: 1832914800
    duration: 525600
    flags: [IGNORE_JOBS, MAINT, OVERLAP]
    users: [root]
    accounts: []
    groups: []
    qos: []
    allowed_partitions: []
    licenses: []
    partition: null
    features: null
    burst_buffer: null
    comment: null
    max_start_delay: null
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.plan import plan_reservation


def main() -> None:
    text, names = {"type": "str"}, {"type": "list", "elements": "str"}
    run_module(
        plan_reservation,
        {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "nodes": names,
            "purge_nodes": {"type": "bool", "default": False},
            "start_time": text,
            "end_time": text,
            "duration": {"type": "raw"},
            "node_count": {"type": "int"},
            "core_count": {"type": "int"},
            "tres": {"type": "dict"},
            "users": names,
            "accounts": names,
            "groups": names,
            "qos": names,
            "allowed_partitions": names,
            "flags": names,
            "partition": text,
            "licenses": names,
            "features": text,
            "burst_buffer": text,
            "comment": text,
            "max_start_delay": {"type": "raw"},
        },
        mutually_exclusive=[("duration", "end_time"), ("nodes", "node_count")],
    )


if __name__ == "__main__":
    main()
