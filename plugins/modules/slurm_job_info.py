#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_job_info
short_description: Read the jobs of a Slurm cluster
version_added: 0.1.0
description:
  - Returns the jobs that match all given options; without options, every job that slurmctld still has.
  - Only attributes named in O(criteria) and O(attributes) are read. With many jobs, name the attributes that you need.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.info
options:
  job_ids:
    description:
      - The jobs to return, as squeue(1) takes them. V(123) is a job, with all tasks where it is an array and all
        components where it is a het job, V(123_4) is a task of an array and V(123+1) a component of a het job.
      - Quote ids with an underscore. YAML reads an unquoted V(123_4) as the number 1234, which the module cannot tell
        from a job of that number; RV(missing) then shows the number.
      - Those that are not there are named in RV(missing).
    type: list
    elements: str
  criteria:
    description:
      - Attributes and the value that each must have; a list means one of these values.
      - For an attribute that is a list, one element must match; for a hostlist, one node. V(null) matches an attribute
        that is not set. A number and its text are equal.
      - An unknown attribute is an error that suggests similar names.
    type: dict
  nodes:
    description: Only jobs on one of these nodes, as names or hostlists.
    type: list
    elements: str
  states:
    description: Only jobs in one of these states, such as V(RUNNING), V(PENDING) or V(COMPLETING).
    type: list
    elements: str
  users:
    description: Only jobs of these users.
    type: list
    elements: str
  partitions:
    description: Only jobs in these partitions.
    type: list
    elements: str
  attributes:
    description: The attributes to return of each job; all by default.
    type: list
    elements: str
  steps:
    description: Whether to return the steps of each job too. This takes a second RPC.
    type: bool
    default: false
seealso:
  - module: hpc.slurm.slurm_node_info
"""

EXAMPLES = r"""
- name: Read which jobs still run on the nodes of a rack, and who owns them
  hpc.slurm.slurm_job_info:
    nodes: rack4-[01-36]
    attributes: [user_name, name, allocated_nodes, end_time]
  register: rack4

- name: Find the jobs whose batch script runs on one node
  hpc.slurm.slurm_job_info:
    criteria:
      batch_host: gpu07
    attributes: []
  register: found

- name: Find the large pending jobs of two accounts
  hpc.slurm.slurm_job_info:
    states: [PENDING]
    criteria:
      account: [physics, chemistry]
      num_nodes: 1000
    attributes: [user_name, submit_time, state_reason]

- name: Read a task of an array, whose id needs quotes
  hpc.slurm.slurm_job_info:
    job_ids: ["223473_4"]
    attributes: [state, exit_code]

- name: Read a job with its steps
  hpc.slurm.slurm_job_info:
    job_ids: "223473"
    steps: true
  register: job
  failed_when: job.missing
"""

RETURN = r"""
jobs:
  description:
    - The jobs by their ids, each with its attributes under pyslurm's names. Times are in seconds since the epoch,
      time limits in minutes, memory in MiB.
    - RV(ignore:gres) has the generic resources of a running job, the sum of its nodes; what a job asks for is in
      RV(ignore:tres_per_job), RV(ignore:tres_per_node), RV(ignore:tres_per_socket) and RV(ignore:tres_per_task). Each
      is a mapping of names to counts.
    - The tasks of an array that have not started are one job, with RV(ignore:array_tasks_waiting) and without
      RV(ignore:array_task_id).
  returned: success
  type: dict
  contains:
    steps:
      description: The steps by their ids, if O(steps=true).
      type: dict
  sample:
    "223473":
      user_name: alice
      state: RUNNING
      allocated_nodes: node[1-2]
job_ids:
  description: The ids of these jobs, sorted.
  returned: success
  type: list
  elements: int
  sample: [223473]
missing:
  description: Ids of O(job_ids) that slurmctld does not have.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.info import plan_info


def main() -> None:
    names = {"type": "list", "elements": "str"}
    run_module(
        plan_info,
        {
            "job_ids": names,
            "criteria": {"type": "dict"},
            "nodes": names,
            "states": names,
            "users": names,
            "partitions": names,
            "attributes": names,
            "steps": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
