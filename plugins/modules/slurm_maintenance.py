#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_maintenance
short_description: Plan a maintenance of nodes of a Slurm cluster, and take its nodes one by one
version_added: 0.1.0
description:
  - Takes nodes out of service for maintenance as they become free, never more than O(max_unavailable) of a partition,
    without ending a job. The playbook C(hpc.slurm.maintenance) is made of this module.
  - What is going on is read from Slurm, by the comments of reservations and the reasons of drains. What is done is in a
    journal on the host. So a run that was killed goes on when it is started again.
  - Nodes that others have drained, set down or reserved are left alone.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  name:
    description:
      - The name of the maintenance, such as V(kernel-2027-01). The same name is the same maintenance - nodes that are
        done are not done again.
    type: str
    required: true
  state:
    description:
      - V(planned) tells what would be done, and writes nothing.
      - V(begun) begins a run, or takes the maintenance over from one that was killed. With O(strategy=window) it makes
        the reservation.
      - V(claimed) waits for a node that can be worked on and takes it, or tells that there is none any more. Any number
        of hosts may ask at the same time.
      - V(done) returns a node to service. V(failed) drains it, with O(why) as its reason.
      - V(ended) ends the run - nodes that were taken and not returned have failed, reservations for later are deleted.
    type: str
    choices: [planned, begun, claimed, done, failed, ended]
    default: planned
  nodes:
    description:
      - The nodes of the maintenance, as names or hostlists, or V(ALL).
      - Either O(nodes) or O(partitions) is required.
    type: list
    elements: str
  partitions:
    description: Partitions, in the place of O(nodes).
    type: list
    elements: str
  strategy:
    description:
      - V(rolling) reserves each node from the end of its last job on, by the time limit of the job, so that short jobs
        use it until then. The nodes that are free first are first.
      - V(drain) drains nodes, as many as may be away, and works on each when its last job has ended.
      - V(window) reserves all nodes from O(start_time) for O(duration). What is not done at its end stays reserved.
    type: str
    choices: [rolling, drain, window]
    default: rolling
  max_unavailable:
    description:
      - The most nodes of a partition that may be away at the same time, as a number or a percentage. Nodes that are
        down, drained or reserved by others count. Not for O(strategy=window).
    type: str
    default: 10%
  slots:
    description: How many nodes can be worked on at the same time.
    type: int
    default: 5
  deadline:
    description:
      - When the last node may be begun, in the forms of O(start_time). Nodes whose jobs have not ended by then are left
        alone. By default there is none.
    type: str
  expected_duration:
    description:
      - How long the work on a node takes, at most, in the forms of O(duration). A node that others have reserved within
        that time is left alone.
    type: str
    default: "2:00:00"
  max_failures:
    description:
      - How many nodes in a row may fail until no other one is begun. Until the first is done, no more than that are
        worked on at the same time.
    type: int
    default: 3
  start_time:
    description: When the window begins, in the forms of M(hpc.slurm.slurm_reservation).
    type: str
  duration:
    description: How long the window is, in the forms of M(hpc.slurm.slurm_reservation).
    type: raw
  comment:
    description: More of the comment of the reservations, for users.
    type: str
  wait:
    description: With O(state=begun), whether to give out turns before the window begins.
    type: bool
    default: false
  run:
    description:
      - What O(state=begun) returned. All states but O(state=planned) and O(state=begun) require it.
    type: str
  unneeded:
    description: With O(state=begun), nodes on which there is nothing to do, as names or hostlists.
    type: list
    elements: str
  node:
    description: With O(state=done) and O(state=failed), the node.
    type: str
  why:
    description: With O(state=failed), what failed.
    type: str
  journal:
    description:
      - The file in which is kept what is done. Its folder is made. The default is in C(/var/lib/hpc-slurm).
    type: path
attributes:
  idempotent:
    description: A second run with the same options changes nothing and sends no request.
    support: partial
    details: Each O(state=claimed) takes another node.
seealso:
  - module: hpc.slurm.slurm_node
  - module: hpc.slurm.slurm_reservation
"""

EXAMPLES = r"""
- name: Show what a maintenance of all nodes would do
  hpc.slurm.slurm_maintenance:
    name: kernel-2027-01
    nodes: ALL
    max_unavailable: 5%
  register: maintenance

- name: Show it
  ansible.builtin.debug:
    msg: "{{ maintenance.table }}"
"""

RETURN = r"""
todo:
  description: The nodes that are to be done.
  returned: with O(state=planned) and O(state=begun)
  type: list
  elements: str
hostlist:
  description: All nodes of the maintenance.
  returned: with O(state=planned) and O(state=begun)
  type: str
deadline:
  description: The deadline in seconds since the epoch, null without one.
  returned: with O(state=planned) and O(state=begun)
  type: int
journal:
  description: The path of the journal.
  returned: with O(state=planned) and O(state=begun)
  type: str
run:
  description: The uuid of the run.
  returned: with O(state=begun)
  type: str
turns:
  description: How many times it is worth asking for a node; 0 before a window begins.
  returned: with O(state=begun)
  type: int
plan:
  description:
    - For each node what others hold it with (RV(ignore:obstacle)), the jobs on it (RV(ignore:jobs)), when it is free
      (RV(ignore:free_at), 0 for now, null with a job that has no time limit), and when its work starts
      (RV(ignore:starts_at), null if that is not known yet).
  returned: with O(state=planned) and O(state=begun)
  type: list
  elements: dict
table:
  description: The same as lines of text.
  returned: with O(state=planned) and O(state=begun)
  type: list
  elements: str
window:
  description: Begin and end of the window, in seconds since the epoch.
  returned: with O(state=planned) and O(state=begun)
  type: list
  elements: int
node:
  description: The node that was taken, null if none is left; or the node that was returned.
  returned: with O(state=claimed), O(state=done) and O(state=failed)
  type: str
address:
  description: Its address.
  returned: with O(state=claimed), when there is a node
  type: str
why:
  description: Why there is no node, or why it failed.
  returned: with O(state=claimed), O(state=done) and O(state=failed)
  type: str
line:
  description: A line for a log.
  returned: with O(state=claimed), O(state=done) and O(state=failed)
  type: str
  sample: "03:12:44 node5: free, the work begins (3 done, 2 away, 11 to come, end about 05:20:00)"
report:
  description: The outcome of each node, why, and how many seconds its work took.
  returned: with O(state=ended)
  type: dict
groups:
  description: The same in groups of nodes.
  returned: with O(state=ended)
  type: list
  elements: dict
summary:
  description: The same as lines of text.
  returned: with O(state=ended)
  type: list
  elements: str
stopped:
  description: Why no other node was begun; empty if nothing stopped the run.
  returned: with O(state=done), O(state=failed) and O(state=ended)
  type: str
failed_nodes:
  description: The nodes that have failed in this run, as a hostlist.
  returned: with O(state=ended)
  type: str
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.maintenance.task import plan_maintenance


def main() -> None:
    text, names = {"type": "str"}, {"type": "list", "elements": "str"}
    run_module(
        plan_maintenance,
        {
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["planned", "begun", "claimed", "done", "failed", "ended"],
                "default": "planned",
            },
            "nodes": names,
            "partitions": names,
            "strategy": {"type": "str", "choices": ["rolling", "drain", "window"], "default": "rolling"},
            "max_unavailable": {"type": "str", "default": "10%"},
            "slots": {"type": "int", "default": 5},
            "deadline": text,
            "expected_duration": {"type": "str", "default": "2:00:00"},
            "max_failures": {"type": "int", "default": 3},
            "start_time": text,
            "duration": {"type": "raw"},
            "comment": text,
            "wait": {"type": "bool", "default": False},
            "run": text,
            "unneeded": names,
            "node": text,
            "why": text,
            "journal": {"type": "path"},
        },
        mutually_exclusive=[("nodes", "partitions")],
        required_one_of=[("nodes", "partitions")],
        required_if=[
            *(("state", state, ("run",)) for state in ("claimed", "ended")),
            *(("state", state, ("run", "node")) for state in ("done", "failed")),
        ],
    )


if __name__ == "__main__":
    main()
