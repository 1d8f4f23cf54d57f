#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_node
short_description: Drain, resume and update nodes of a Slurm cluster
version_added: 0.1.0
description:
  - Sets the state and the attributes of nodes, with one request for all nodes that need the same change.
  - Nodes that are in the target state already are not changed, whatever their reason. If no node needs a change, no
    request is sent.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  nodes:
    description:
      - The nodes, as names or hostlists such as V(node[1-3],gpu07), or V(ALL) for all nodes of the cluster.
      - An unknown node is an error, and nothing is changed. So is a node in state FUTURE, which Slurm hides.
      - Either O(nodes) or O(partitions) is required.
    type: list
    elements: str
  partitions:
    description:
      - Partitions, in the place of O(nodes). The task is about all their nodes.
      - A partition without nodes is an error, and nothing is changed.
    type: list
    elements: str
  state:
    description:
      - The target state of the nodes.
      - V(down) kills the jobs on the nodes at once and starts no new ones.
      - V(drained) lets running jobs end and starts no new ones. See O(wait) for waiting until the last one has ended.
      - V(failed) is like V(drained), for nodes that are expected to fail soon.
      - V(resumed) returns nodes that are down, drained or failing to service; other nodes are not changed. Slurm does
        not resume a node that registered with less than C(slurm.conf) says (flag INVALID_REG). If one of the nodes to
        change has this flag, the task fails and changes nothing.
      - V(rebooted) reboots nodes with the RebootProgram of C(slurm.conf) when their jobs have ended, unless they
        booted after O(booted_after) or a reboot is pending. Nodes that are out of service for another reason are
        skipped, see O(include_out_of_service).
      - V(powered_down) powers nodes down with the SuspendProgram of C(slurm.conf), see O(power_down_mode); Slurm powers
        them up again when a job needs them. Slurm ends a drain on the way, so nodes that are out of service for another
        reason are skipped, see O(include_out_of_service). A pending reboot is cancelled.
      - V(powered_up) powers nodes up with the ResumeProgram of C(slurm.conf). If a node is still being powered down,
        the task fails and changes nothing. A node that is drained stays drained, but Slurm clears its reason.
      - V(undrained) removes a drain; a node that is down stays down. With the flag INVALID_REG it fails like
        V(resumed).
    type: str
    choices: [down, drained, failed, resumed, rebooted, undrained, powered_down, powered_up]
  reason:
    description:
      - The reason to set, for O(state=down), O(state=drained), O(state=failed) and O(state=rebooted) only.
      - The default names this module.
      - A node that is in the target state already keeps its reason, unless O(update_reason=true).
    type: str
  update_reason:
    description: Whether to set O(reason) on nodes that are in the target state already.
    type: bool
    default: false
  only_reason:
    description:
      - A regular expression. Only nodes with a matching reason are changed; the others are listed in
        RV(skipped_nodes). It may match anywhere in the reason.
      - It keeps a task that resumes nodes from undoing the drains of other people.
    type: str
  booted_after:
    description:
      - Required for O(state=rebooted). A node that booted after this time is not rebooted, so that the task can run
        any number of times.
      - Seconds since the epoch, or ISO 8601 with or without a time zone.
    type: str
  next_state:
    description: For O(state=rebooted), the state of the nodes after the reboot.
    type: str
    choices: [resume, down]
    default: resume
  include_out_of_service:
    description:
      - For O(state=rebooted) and O(state=powered_down), whether to change nodes too that are out of service for another
        reason. By default they are skipped and listed in RV(skipped_nodes), since Slurm would return them to service
        whoever drained them, and their reason would be lost.
      - A reason is not another one if it is O(reason), if O(only_reason) matches it, or if slurmctld itself took the
        node out of service, as with V(Not responding).
    type: bool
    default: false
  power_down_mode:
    description:
      - For O(state=powered_down), what happens to jobs.
      - V(idle) powers a node down when no job is on it; until then new jobs may start.
      - V(asap) drains it and powers it down when its jobs have ended.
      - V(force) requeues or kills its jobs and powers it down at once.
    type: str
    choices: [idle, asap, force]
    default: idle
  attributes:
    description:
      - Attributes to set, by the names that M(hpc.slurm.slurm_node_info) returns. V(comment) and V(extra) are text,
        V(weight) is a number, V(available_features) and V(active_features) are lists, V(cpu_binding) is one of V(off),
        V(core), V(socket), V(ldom) and V(thread), V(address) and V(hostname) are those of slurmd.
      - V(configured_gres) is a mapping or text such as V(gpu:2,gpu:tesla:1,bandwidth:no_consume:4G), of resources that
        C(slurm.conf) and C(gres.conf) know.
      - An empty value clears an attribute; V(weight) becomes 1. V(address) and V(hostname) cannot be cleared.
      - When slurmctld restarts or is reconfigured, most of them return to their values in C(slurm.conf).
    type: dict
  wait:
    description:
      - For O(state=drained), O(state=down) and O(state=failed), whether to wait until no job is running, suspended or
        completing on the nodes. For O(state=rebooted), whether to wait until the nodes have booted and respond, for
        O(state=powered_down) until they are powered down, for O(state=powered_up) until they are up and respond.
      - After O(wait_timeout) the task fails and returns RV(running_jobs) or RV(not_reached); the nodes stay as they
        are. Nodes in RV(skipped_nodes) are not waited for.
      - The task fails earlier if Slurm gives up on a node, after the ResumeTimeout of C(slurm.conf).
    type: bool
    default: false
  wait_timeout:
    description: How long to wait, in seconds.
    type: int
    default: 3600
  max_unavailable:
    description:
      - The most nodes of a partition that may be unavailable, as a number or a percentage such as V(10%), for
        O(state=down), O(state=drained), O(state=failed) and O(state=rebooted). It applies to every partition of the
        nodes.
      - Nodes that are down, drained, failing, being rebooted or in an active reservation with the flag MAINT are
        unavailable; changing them is always allowed. If a change would exceed the limit in any partition, or the nodes
        cannot be counted, the task fails and changes nothing. RV(partitions) has the numbers.
      - A percentage is rounded down, but never to less than one node.
      - Tasks of the same user on the same host count one after the other, also for several hosts at the same time.
    type: str
  wait_for_capacity:
    description:
      - Whether to wait until a change keeps within O(max_unavailable), for O(wait_timeout) at most, and not to fail.
      - In check mode the task does not wait.
    type: bool
    default: false
seealso:
  - module: hpc.slurm.slurm_node_info
  - name: scontrol(1)
    description: The states of a node, under "update nodename".
    link: https://slurm.schedmd.com/scontrol.html
"""

EXAMPLES = r"""
- name: Drain two nodes and a rack before work on the cooling
  hpc.slurm.slurm_node:
    nodes: gpu07,gpu08,rack4-[01-36]
    state: drained
    reason: "cooling of rack 4, ticket 1234"

- name: Resume only the nodes that were drained for it
  hpc.slurm.slurm_node:
    nodes: gpu07,gpu08,rack4-[01-36]
    state: resumed
    only_reason: "ticket 1234"

- name: Power down the nodes of a partition when their jobs have ended, and wait for that
  hpc.slurm.slurm_node:
    partitions: [summer]
    state: powered_down
    power_down_mode: asap
    wait: true

- name: Set a node down and kill its jobs
  hpc.slurm.slurm_node:
    nodes: node17
    state: down
    reason: "smoke"

- name: Drain a node and wait up to a day for its jobs, if not too many nodes are unavailable
  hpc.slurm.slurm_node:
    nodes: gpu07
    state: drained
    reason: new firmware
    wait: true
    wait_timeout: 86400
    max_unavailable: 10%

- name: Reboot a rack into the kernel installed on 1 February, at most ten nodes at a time
  hpc.slurm.slurm_node:
    nodes: "{{ rack4 }}"
    state: rebooted
    booted_after: "2027-02-01T12:00:00"
    reason: new kernel
    max_unavailable: "10"
    wait: true
  loop: "{{ ['rack4-[01-10]', 'rack4-[11-20]', 'rack4-[21-30]', 'rack4-[31-36]'] }}"
  loop_control:
    loop_var: rack4

- name: Set a comment, and prefer other nodes
  hpc.slurm.slurm_node:
    nodes: node[3-4]
    attributes:
      comment: spare parts in room 12
      weight: 100

- name: Update the reason of drained nodes
  hpc.slurm.slurm_node:
    nodes: rack4-[01-36]
    state: drained
    reason: "cooling of rack 4, parts arrive on Friday"
    update_reason: true
"""

RETURN = r"""
nodes:
  description:
    - The nodes of O(nodes) after the change; in check mode, as predicted.
    - Slurm sets the flags NOT_RESPONDING and COMPLETING by itself; a prediction keeps them.
  returned: success
  type: dict
  contains:
    state:
      description: The base state and the flags.
      type: list
      elements: str
    reason:
      description: The reason, or null.
      type: str
    next_state:
      description: For O(state=rebooted), the state that slurmctld sets after a reboot that is pending, or null.
      type: str
    state_after_reboot:
      description: For O(state=rebooted), the state of the node after a reboot that is pending, or null.
      type: list
      elements: str
    reason_user:
      description: The user who set the reason, or null.
      type: str
  sample:
    gpu07:
      state: [IDLE, DRAIN]
      reason: "cooling of rack 4, ticket 1234"
      reason_user: root
changed_nodes:
  description: The nodes that were changed, sorted.
  returned: success
  type: list
  elements: str
  sample: [gpu07, gpu08]
waited:
  description: How long the task waited, in seconds.
  returned: if O(wait=true), not in check mode
  type: float
  sample: 812.5
running_jobs:
  description: The jobs that are still on the nodes, by their ids.
  returned: when waiting failed
  type: dict
  sample:
    "223473":
      user_name: alice
      state: RUNNING
      allocated_nodes: gpu07
not_reached:
  description: The nodes that have not rebooted, powered down or powered up, with their state.
  returned: when waiting failed
  type: dict
  sample:
    node17: [DOWN, DRAIN, REBOOT_ISSUED]
partitions:
  description: The partitions in which too many nodes would be unavailable.
  returned: when O(max_unavailable) would be exceeded
  type: dict
  sample:
    gpu: {nodes: 20, unavailable: 2, would_be_unavailable: 3, allowed: 2}
skipped_nodes:
  description: The nodes that O(only_reason) excluded, or that are out of service for another reason, and why.
  returned: success
  type: dict
  sample:
    node3: its reason 'memory errors' does not match only_reason
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.power import POWER_DOWN_MODES
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.task import STATES


def main() -> None:
    run_module(
        plan_nodes,
        {
            "nodes": {"type": "list", "elements": "str"},
            "partitions": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": list(STATES)},
            "reason": {"type": "str"},
            "update_reason": {"type": "bool", "default": False},
            "only_reason": {"type": "str"},
            "booted_after": {"type": "str"},
            "next_state": {"type": "str", "choices": ["resume", "down"], "default": "resume"},
            "power_down_mode": {"type": "str", "choices": list(POWER_DOWN_MODES), "default": "idle"},
            "include_out_of_service": {"type": "bool", "default": False},
            "attributes": {"type": "dict"},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 3600},
            "max_unavailable": {"type": "str"},
            "wait_for_capacity": {"type": "bool", "default": False},
        },
        limited=True,
        required_one_of=[("nodes", "partitions"), ("state", "attributes")],
        mutually_exclusive=[("nodes", "partitions")],
    )


if __name__ == "__main__":
    main()
