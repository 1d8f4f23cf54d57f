# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source hpc.slurm.trigger_listener: turns notifications of Slurm's triggers into events.

ansible-rulebook runs this file by path; the code is in plugins/plugin_utils/trigger_listener.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
module: trigger_listener
short_description: Receive the notifications of Slurm's triggers
version_added: 0.1.0
description:
  - Receives the notifications that triggers of slurmctld send with curl, and turns them into events.
  - A notification is answered when it is on disk, within milliseconds, whatever the rules are doing. Events that are
    not delivered when the program ends are delivered after the next start, with the same C(meta.uuid).
  - Every event has C(type), C(meta.uuid), and C(meta.hosts) with its nodes, which limits C(run_playbook) to these
    hosts.
  - C(node_state) has C(nodes), C(hostlist) and C(state), or with O(granularity=node) C(node) and C(state). It also has
    C(notification), which is the uuid of the notification, and C(flaps), which is how often the node left
    service within the last hour, up to 4; nodes with different C(flaps) are different batches. C(origin) is C(trigger),
    or C(snapshot) for a change that a sync found; such an event also has C(reason), C(reason_user), C(reason_time) and
    C(flags), which are null where the nodes of a batch differ.
  - With O(granularity=batch), notifications of the same kind that follow one another within 5 seconds are merged, so
    that the rules run one playbook for a burst.
  - The same state of a node is not reported twice in a row. C(state) is C(down), C(drained), C(draining) or C(fail);
    for a node that is back it is C(up), C(resume) or C(idle), and from a snapshot always C(up).
    Then C(in_service) tells whether it has no other state left, and C(by_reaction) whether a reaction resumed it.
  - C(sync_due) requests a run of the playbook C(hpc.slurm.sync), at the start and every O(sync_interval) seconds. Its
    C(first) is true for the one at the start.
  - C(trigger_fired) has C(trigger.type), the event kind as in strigger(1), and for a job C(trigger.job_id).
    C(trigger.class) is C(node), C(job), C(slurmctld), C(slurmdbd), C(database) or C(burst_buffer). For nodes see
    O(trigger_fired).
  - All events have C(cluster), C(listener.id), C(listener.url), C(listener.permanent), and C(listener.run), which is a
    new uuid at each start.
  - Playbooks post to C(/<id>/record) what they did with the nodes of an event. The status page shows it with the event,
    and the last 1000 records are kept.
  - C(GET /) is the status page; C(/healthz) answers 200, or 503 with reasons; C(/metrics) is for Prometheus. For these
    a browser can send the token as the password, with any user name. POST requests need it as a bearer token.
options:
  host:
    description: The address to listen on. Other than loopback, it needs a token, or client certificates with O(cafile).
    type: str
    default: 127.0.0.1
  port:
    description: The port to listen on.
    type: int
    default: 32000
  url:
    description: The URL of the listener for the controller. The default consists of O(host) and O(port).
    type: str
  id:
    description:
      - The id of the listener in its URLs, 16 to 64 letters, digits, C(-) or C(_).
      - The default is a random one, generated at the first start and kept in O(state_dir).
    type: str
  cluster:
    description:
      - The cluster, ClusterName of its slurm.conf. Playbooks run on the controllers of this cluster, and refuse those
        of another. Without it they do not check this.
    type: str
  state_dir:
    description:
      - The directory for the listener's data, which no other listener may use. Its mode is 0700.
      - The default is C(hpc-slurm/trigger_listener) under E(XDG_STATE_HOME), which is C(~/.local/state) when not set.
    type: path
  token:
    description:
      - The bearer token that every request must have, of the same characters as in O(token_file).
      - O(token_file) is safer, because many can read rulebooks.
    type: str
  token_file:
    description:
      - The file that holds the bearer token, 16 to 512 printable ASCII characters without blanks, double quotes and
        backslashes.
      - It may hold several, one per line; all are accepted. It is reloaded when it changes. To change the token, insert
        the new one as the first line, which is the one that syncs deploy, and remove the old one later.
    type: path
  certfile:
    description:
      - The listener's certificate with its chain, in PEM. With it the listener accepts only TLS 1.2 and later.
      - It is reloaded when it or O(keyfile) changes. Until the two match, the old one is used.
    type: path
  keyfile:
    description: The certificate's key, in PEM, without a password. The default is O(certfile).
    type: path
  cafile:
    description:
      - Certificate authorities, in PEM. With them, every client needs a certificate signed by one of them.
      - A change needs a restart.
    type: path
  allowed_networks:
    description: Addresses and networks that may send requests, such as V(192.0.2.0/24). The default is all.
    type: list
    elements: str
  granularity:
    description:
      - V(batch) for one event per notification, V(node) for one per node.
      - A rule that runs a playbook for each node of a mass failure keeps later events waiting, because ansible-rulebook
        runs at most 25 actions at a time.
    type: str
    choices: [batch, node]
    default: batch
  permanent:
    description:
      - Whether syncs set permanent triggers. Rules and playbooks have it as C(listener.permanent).
      - A trigger that is not permanent is removed when it fires, until a rule sets it again.
    type: bool
    default: true
  trigger_fired:
    description:
      - Whether each notification about nodes also has an event C(trigger_fired), which then is the first. Others always
        have it.
      - With O(permanent=false) it always has one.
    type: bool
    default: false
  sync_interval:
    description: Seconds between two C(sync_due) events; V(0) for a single one at the start.
    type: int
    default: 300
  retries_per_day:
    description:
      - How often a day a node is reported again that a reaction drained, and did not bring back. Such a node has the
        reason of C(hpc.slurm.node_down), and its reaction has ended. A sync finds it, and the event C(node_state) with
        the state C(down) has C(retry), and in C(retries_left) how often that may happen again.
      - A node that the reaction left to a person, because it has no repair tasks or no host in the inventory, is not
        reported again. One that it postponed is, and that is no retry.
    type: int
    default: 3
  reaction_limit:
    description: Seconds after which a reaction counts as ended that has posted no record, because it was killed.
    type: int
    default: 3600
  max_body:
    description: The largest notification to accept, in bytes. For snapshots the limit is always 32 MiB.
    type: int
    default: 1048576
  feedback:
    description:
      - Whether an event counts as delivered when the engine has stored it, and not when it has taken it from the queue.
      - It needs C(--persistence-id) of ansible-rulebook, and a name for the source.
      - It cannot be a variable. ansible-rulebook reads it before it inserts variables, and any string is true for it.
    type: bool
    default: false
requirements:
  - aiohttp, Flask, greenlet and prometheus_client, see the collection's requirements.txt
author:
  - hpc.slurm developers
"""

EXAMPLES = r"""
- name: React to nodes that go down
  hosts: all
  sources:
    - name: slurm
      hpc.slurm.trigger_listener:
        cluster: lab
        token_file: /etc/hpc-slurm/token
  rules:
    - name: A node went down
      condition: event.type == "node_state" and event.state == "down"
      action:
        run_playbook:
          name: hpc.slurm.node_down
"""

PARTS = Path(__file__).resolve().parents[4] / "plugins" / "plugin_utils" / "parts.py"


async def main(queue: Any, args: dict[str, Any]) -> None:
    """Run the source until it is cancelled."""
    source = runpy.run_path(str(PARTS))["load"]("trigger_listener.source")
    await source.run(queue, args)
