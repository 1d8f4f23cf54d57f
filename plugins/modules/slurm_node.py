#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_node
short_description: Take nodes of a Slurm cluster out of service and back
version_added: 0.1.0
description:
  - Brings nodes into a state, such as drained with a reason, however many there are with one request.
  - Nodes that are in that state already are left alone, whatever reason they have. Nothing is sent to the controller
    when none needs a change.
extends_documentation_fragment:
  - hpc.slurm.slurm
  - hpc.slurm.slurm.attributes
  - hpc.slurm.slurm.writes
options:
  nodes:
    description:
      - The nodes, as names or hostlists such as V(node[1-3],gpu07).
      - A name that the cluster does not have is an error, and nothing is changed.
    type: list
    elements: str
    required: true
  state:
    description:
      - The state that the nodes should be in.
      - V(down) ends their jobs at once and takes no new ones.
      - V(drained) lets their jobs end and takes no new ones. See O(wait) for waiting for the last one.
      - V(failed) is as V(drained), for nodes that are expected to fail soon.
      - V(resumed) gives nodes that are down, drained or failing back to service. Only those are in the request,
        so a mix of nodes is fine. Slurm gives back no node that has registered with less than C(slurm.conf) says (the
        flag INVALID_REG); with one among those to be changed, the task fails and changes nothing.
      - V(rebooted) has nodes rebooted when their jobs have ended, with the RebootProgram of C(slurm.conf), unless they
        have booted since O(booted_after) or are about to.
      - V(undrained) takes back a drain and leaves a node that is down as it is. With the flag INVALID_REG it fails as
        V(resumed) does.
    type: str
    choices: [down, drained, failed, resumed, rebooted, undrained]
  reason:
    description:
      - Why, for whoever finds the nodes so. For O(state=down), O(state=drained), O(state=failed) and O(state=rebooted)
        only.
      - The default names this module.
      - A node that is in the state already keeps the reason it has, unless O(update_reason=true).
    type: str
  update_reason:
    description: Whether nodes that are in the state already get this O(reason) too.
    type: bool
    default: false
  only_reason:
    description:
      - A regular expression. Only nodes whose present reason matches it somewhere are changed, the others are named in
        RV(skipped_nodes).
      - With it, a task that resumes nodes undoes only the drains of its own kind, and nobody else's.
    type: str
  booted_after:
    description:
      - With O(state=rebooted), and needed there. A node whose last boot is later than this has been rebooted, so that
        the task reboots no node twice however often it runs.
      - Seconds since the epoch, or ISO 8601 with or without a zone.
    type: str
  next_state:
    description: With O(state=rebooted), the state of the nodes when they are back.
    type: str
    choices: [resume, down]
    default: resume
  attributes:
    description:
      - Attributes to set, under the names that M(hpc.slurm.slurm_node_info) gives them. V(comment) and V(extra) are
        texts, V(weight) is a number, V(available_features) and V(active_features) are lists, V(configured_gres) is a
        mapping or V(gpu:2,gpu:tesla:1), V(cpu_binding) is one of V(off), V(core), V(socket), V(ldom) and V(thread),
        V(address) and V(hostname) are where slurmd is.
      - An empty value clears it, for V(weight) to 1; V(address) and V(hostname) cannot be cleared.
      - Slurm forgets most of them when slurmctld restarts or is reconfigured, where C(slurm.conf) says otherwise.
    type: dict
  wait:
    description:
      - Whether to wait until no job runs, is suspended or completes on the nodes. With O(state=drained), O(state=down)
        or O(state=failed). With O(state=rebooted), until the nodes have booted and answer.
      - When time is up the task fails, and RV(running_jobs) or RV(not_back) tell what holds the nodes. They stay as
        they are. Nodes in RV(skipped_nodes) are not waited for.
      - It fails sooner when Slurm itself gives up on a reboot, after the ResumeTimeout of C(slurm.conf).
    type: bool
    default: false
  wait_timeout:
    description: How long to wait, in seconds.
    type: int
    default: 3600
  max_unavailable:
    description:
      - How many nodes of a partition may be unavailable, as a number or as a percentage of it such as V(10%). It holds
        for each partition that the nodes are in, with O(state=down), O(state=drained), O(state=failed) and
        O(state=rebooted).
      - Nodes that are down, drained, failing or in an active reservation with the flag MAINT are unavailable, and count
        once. A change that would make them more than this is refused as a whole, with the figures; nothing is changed
        either when the figures cannot be had. Nodes that are unavailable already do not become more.
      - A percentage is rounded down, but a single node is allowed.
    type: str
seealso:
  - module: hpc.slurm.slurm_node_info
  - name: scontrol(1)
    description: The states of a node and what they do, under "update nodename".
    link: https://slurm.schedmd.com/scontrol.html
"""

EXAMPLES = r"""
- name: Drain two nodes and a rack before the cooling is serviced
  hpc.slurm.slurm_node:
    nodes: gpu07,gpu08,rack4-[01-36]
    state: drained
    reason: "cooling of rack 4, ticket 1234"

- name: Give back the nodes that were drained for it, and no others
  hpc.slurm.slurm_node:
    nodes: gpu07,gpu08,rack4-[01-36]
    state: resumed
    only_reason: "ticket 1234"

- name: A burnt board takes no more jobs, and those on it end now
  hpc.slurm.slurm_node:
    nodes: node17
    state: down
    reason: "smoke"

- name: Drain a node and wait up to a day for its jobs, unless too many are out of service already
  hpc.slurm.slurm_node:
    nodes: gpu07
    state: drained
    reason: new firmware
    wait: true
    wait_timeout: 86400
    max_unavailable: 10%

- name: Reboot a rack into the kernel that was installed on the first of February, ten nodes at most at a time
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

- name: Note where spare parts are, and prefer other nodes until then
  hpc.slurm.slurm_node:
    nodes: node[3-4]
    attributes:
      comment: spare parts in room 12
      weight: 100

- name: Give the drained nodes of a rack a better reason than they have
  hpc.slurm.slurm_node:
    nodes: rack4-[01-36]
    state: drained
    reason: "cooling of rack 4, parts arrive on Friday"
    update_reason: true
"""

RETURN = r"""
nodes:
  description:
    - Every node that the task names, as it is afterwards, or in check mode as it would be.
    - The flags NOT_RESPONDING and COMPLETING come and go by themselves, so a prediction leaves them as they are.
  returned: success
  type: dict
  contains:
    state:
      description: The base state and the flags.
      type: list
      elements: str
    reason:
      description: Why the node is in this state, or null.
      type: str
    reason_user:
      description: Who gave the reason, or null.
      type: str
  sample:
    gpu07:
      state: [IDLE, DRAIN]
      reason: "cooling of rack 4, ticket 1234"
      reason_user: root
changed_nodes:
  description: The nodes that were in the request, sorted.
  returned: success
  type: list
  elements: str
  sample: [gpu07, gpu08]
waited:
  description: How long the last job took to end, in seconds.
  returned: with O(wait=true), not in check mode
  type: float
  sample: 812.5
running_jobs:
  description: The jobs that hold nodes when O(wait_timeout) is over, by their ids, with user, state and nodes.
  returned: when waiting failed
  type: dict
  sample:
    "223473":
      user_name: alice
      state: RUNNING
      allocated_nodes: gpu07
not_back:
  description: The nodes that have not come back from a reboot when waiting ends, with their state flags.
  returned: when waiting failed
  type: dict
  sample:
    node17: [DOWN, DRAIN, REBOOT_ISSUED]
partitions:
  description: The figures of the partitions in which too many nodes would be unavailable.
  returned: when O(max_unavailable) refused the change
  type: dict
  sample:
    gpu: {nodes: 20, unavailable: 2, would_be_unavailable: 3, allowed: 2}
skipped_nodes:
  description: The nodes that O(only_reason) kept out, with why.
  returned: success
  type: dict
  sample:
    node3: its reason 'memory errors' does not match only_reason
"""

from ansible_collections.hpc.slurm.plugins.module_utils.common.module import run_module
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.task import STATES


def main() -> None:
    run_module(
        plan_nodes,
        {
            "nodes": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": list(STATES)},
            "reason": {"type": "str"},
            "update_reason": {"type": "bool", "default": False},
            "only_reason": {"type": "str"},
            "booted_after": {"type": "str"},
            "next_state": {"type": "str", "choices": ["resume", "down"], "default": "resume"},
            "attributes": {"type": "dict"},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 3600},
            "max_unavailable": {"type": "str"},
        },
        required_one_of=[("state", "attributes")],
    )


if __name__ == "__main__":
    main()
