#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_reservation
short_description: Create, update and delete reservations of a Slurm cluster
version_added: 0.1.0
description:
  - Creates, updates and deletes a reservation, and adds nodes to it or removes them.
  - slurmctld itself adds and removes nodes, so two tasks can do so at the same time.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  name:
    description: The reservation's name. It may hold any characters, also blanks.
    type: str
    required: true
  state:
    description:
      - V(present) creates the reservation or updates what the options name.
      - V(absent) deletes the reservation. With O(nodes) it only removes these nodes, and deletes the reservation when
        none would be left.
    type: str
    choices: [present, absent]
    default: present
  nodes:
    description:
      - The nodes, as names or hostlists such as V(node[1-3],gpu07).
      - V(ALL) is all nodes of O(partition), or of the partition that the reservation has, and without a partition all
        nodes of the cluster. Slurm then follows the partition when its nodes change.
      - They are added to the nodes of an existing reservation, unless O(purge_nodes=true).
      - A new reservation requires O(nodes), O(node_count), O(core_count), O(tres), O(licenses) or O(burst_buffer). One
        of O(licenses) or O(burst_buffer) alone has no nodes and the flag ANY_NODES.
    type: list
    elements: str
  node_count:
    description:
      - How many nodes to reserve. Slurm chooses them in O(partition), or in the default partition, by O(features), and
        may replace them later, see the flags V(REPLACE) and V(REPLACE_DOWN).
      - Which nodes these are is not known in check mode.
    type: int
  core_count:
    description:
      - How many cores to reserve, of O(nodes) or of nodes that Slurm chooses. O(node_count) sets on how many nodes.
      - Slurm cannot change it, nor the nodes of such a reservation.
    type: int
  tres:
    description:
      - Generic resources (GRES) to reserve, as a dictionary of their names as TRES, such as V(gres/gpu), and numbers.
        Slurm knows those that AccountingStorageTRES of slurm.conf(5) names.
      - Slurm cannot change them, and reserves whole nodes with them.
    type: dict
  purge_nodes:
    description: Whether to remove nodes of the reservation that are not in O(nodes).
    type: bool
    default: false
  start_time:
    description:
      - The start, in seconds since the epoch, in ISO 8601 such as V(2027-01-31T08:00:00+01:00), or in a form of
        scontrol(1), such as V(now), V(now+1hour) or V(tomorrow). Without a time zone, that of the host where
        the module runs applies.
      - Put times of day in quotes. YAML reads V(10:00:00) without quotes as the number 36000, which is refused.
      - Relative forms apply when the reservation is created. V(now) matches every reservation that has started.
      - Slurm cannot change the start of a reservation that has started; this is an error. Slurm moves the start of a
        recurring reservation; the times of past occurrences are accepted as unchanged.
      - The default for a new reservation is now. Changing the start keeps the duration.
    type: str
  end_time:
    description: The end, in the forms of O(start_time).
    type: str
  duration:
    description:
      - The duration, in minutes or in a form of scontrol(1), such as V(1-12:00:00), or V(infinite), which Slurm stores
        as 365 days.
      - Put durations with colons in quotes. YAML reads V(10:00:00) without quotes as the number 36000, which as minutes
        is 25 days. Since the number may have been meant, the module only warns, of numbers from 3600 on (2.5 days);
        a number in quotes gives no warning.
      - The default for a new reservation is infinite.
    type: raw
  skip_until:
    description:
      - Skips the occurrences of a recurring reservation that begin before this time, also the present one. A date and a
        time in the forms of O(start_time), but no relative one.
      - The times of the next occurrence are null in check mode.
    type: str
  users:
    description:
      - The users who may use it. The list replaces the present one; an empty list clears it, if O(accounts),
        O(groups), O(qos) or O(allowed_partitions) is set.
      - A list of names with a minus sign, such as V(-alice), denies these users instead. Slurm can replace a list of
        denied names by one of allowed names, but not the other way round; this is an error.
      - The default for a new reservation is root, unless one of these is given.
    type: list
    elements: str
  accounts:
    description: The accounts that may use it, as in O(users).
    type: list
    elements: str
  groups:
    description: The groups whose members may use it, as in O(users). Slurm cannot deny groups, and
      cannot replace users by groups.
    type: list
    elements: str
  qos:
    description:
      - The QOS that may use it, as in O(users). Slurm cannot clear the list, and can deny only in a new reservation, or
        where others are denied.
    type: list
    elements: str
  allowed_partitions:
    description: The partitions whose jobs may use it, as in O(qos).
    type: list
    elements: str
  flags:
    description:
      - The flags, as in scontrol(1). The list replaces the present one. V(PURGE_COMP=00:05:00) has a time, by default 5
        minutes.
      - V(HOURLY), V(DAILY), V(WEEKLY), V(WEEKDAY) and V(WEEKEND) make it recur.
      - Flags that Slurm sets by itself (SPEC_NODES, ALL_NODES, PART_NODES) are ignored.
      - Slurm cannot remove V(OVERLAP), V(TIME_FLOAT), V(REPLACE), V(REPLACE_DOWN), V(NO_HOLD_JOBS_AFTER_END), V(SKIP)
        and V(FORCE_START); this is an error.
      - V(REPLACE) and V(REPLACE_DOWN) require O(node_count), and exclude V(MAINT) and V(STATIC).
      - The default for a new reservation of whole nodes that O(nodes) names is MAINT, IGNORE_JOBS and OVERLAP. Others
        have no flags by default, because with MAINT or OVERLAP Slurm chooses nodes that are reserved already.
    type: list
    elements: str
  partition:
    description: The partition of its nodes. Slurm cannot clear it.
    type: str
  licenses:
    description: The licenses to reserve, such as V(matlab:5). The list replaces the present one.
    type: list
    elements: str
  features:
    description: The features that nodes of O(node_count) must have, as in scontrol(1).
    type: str
  burst_buffer:
    description: The burst buffer resources to reserve.
    type: str
  comment:
    description: A comment. An empty text clears it.
    type: str
  max_start_delay:
    description:
      - How long other jobs may delay the start, in the forms of O(duration), with quotes as there. An empty text clears
        it.
    type: raw
seealso:
  - module: hpc.slurm.slurm_reservation_info
  - name: scontrol(1)
    description: Reservations and their flags, under "reservations".
    link: https://slurm.schedmd.com/scontrol.html
"""

EXAMPLES = r"""
- name: Reserve two nodes for root from now on, also if jobs run on them
  hpc.slurm.slurm_reservation:
    name: repair
    nodes: node[4-5]

- name: Add a node
  hpc.slurm.slurm_reservation:
    name: repair
    nodes: node17

- name: Remove the first two nodes
  hpc.slurm.slurm_reservation:
    name: repair
    nodes: node[4-5]
    state: absent

- name: Reserve a rack for maintenance
  hpc.slurm.slurm_reservation:
    name: rack4
    nodes: rack4-[01-36]
    purge_nodes: true
    start_time: "2027-01-31T08:00:00+01:00"
    duration: "12:00:00"
    flags: [MAINT, IGNORE_JOBS]
    comment: cooling of rack 4, ticket 1234

- name: Reserve a whole partition
  hpc.slurm.slurm_reservation:
    name: upgrade
    nodes: ALL
    partition: gpu
    start_time: "2027-03-01T06:00:00"
    duration: "1-00:00:00"

- name: Reserve any ten nodes of a partition for a course, and replace those that go down
  hpc.slurm.slurm_reservation:
    name: course
    node_count: 10
    partition: main
    users: [alice, bob]
    start_time: "2027-02-01T09:00:00"
    duration: "3:00:00"
    flags: [REPLACE_DOWN]

- name: Keep licenses for maintenance of the license server
  hpc.slurm.slurm_reservation:
    name: matlab
    licenses: [matlab:50]

- name: Reserve four nodes for an account on working days
  hpc.slurm.slurm_reservation:
    name: course
    nodes: node[60-63]
    users: []
    accounts: [course2027]
    start_time: "2027-02-01T09:00:00"
    duration: 180
    flags: [WEEKDAY]

- name: Have no course between the years
  hpc.slurm.slurm_reservation:
    name: course
    skip_until: "2028-01-08T00:00:00"

- name: Delete the reservation
  hpc.slurm.slurm_reservation:
    name: rack4
    state: absent
"""

RETURN = r"""
reservation:
  description:
    - The reservation after the change, or in check mode as predicted; null if there is none.
    - In check mode the times of a reservation that starts now are those of the prediction. What Slurm chooses is not
      known then, RV(ignore:nodes), RV(ignore:node_count) and RV(ignore:partition) are null or as they are before.
    - With O(core_count) or O(tres) it has RV(ignore:core_count) or RV(ignore:tres) too.
  returned: success
  type: dict
  sample:
    name: repair
    nodes: [node4, node5]
    node_count: 2
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
            "skip_until": text,
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
        mutually_exclusive=[("duration", "end_time"), ("nodes", "node_count"), ("core_count", "tres")],
    )


if __name__ == "__main__":
    main()
