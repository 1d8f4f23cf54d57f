# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source hpc.slurm.trigger_listener: Slurm's triggers as events.

ansible-rulebook runs this file by its path; what it does is in plugins/plugin_utils/trigger_listener.
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
  - Listens for the notifications that triggers of slurmctld send with curl, and turns them into events.
  - A notification is answered when it is on disk, in milliseconds, whatever the rules are doing. Events that no rule
    has taken when the program ends are fed when it starts again, with the same C(meta.uuid).
  - Every event has C(type) and C(meta.uuid), and C(meta.hosts) with the nodes that it is about, which limits
    C(run_playbook) to these hosts.
  - C(node_state) tells a node's C(node) and C(state), or with O(granularity=batch) C(nodes), C(hostlist) and C(state);
    C(cluster), C(flaps), and C(notification), the uuid of what told it. C(flaps) is how often the node left service
    within the last hour; nodes with another number are another batch. C(origin) is C(trigger), or C(snapshot) for what
    no trigger told and a sync found; it then has C(reason), C(reason_user), C(reason_time) and C(flags) too.
  - The same state of a node is not reported twice in a row. C(state) is C(down), C(drained), C(draining) or C(fail),
    and C(up), C(resume) or C(idle) for a node that is back; C(up) when a snapshot tells it.
  - C(sync_due) asks the rules to run the playbook C(hpc.slurm.sync), at the start and every O(sync_interval).
  - C(trigger_fired) tells C(trigger.class) and C(trigger.type). It, C(sync_due), C(listener_up) and C(listener_down)
    tell C(listener.id), C(listener.url), C(listener.permanent), and C(listener.run), which is a new uuid at each start.
  - C(GET /) is a status page for people; C(/healthz) answers 200 or 503 with reasons; C(/metrics) is for Prometheus. A
    browser may give the token as the password, with any user name, to look at these. What is posted needs it
    as a bearer token.
options:
  host:
    description: The address to listen on. Anything but loopback needs a token, or client certificates with O(cafile).
    type: str
    default: 127.0.0.1
  port:
    description: The port to listen on.
    type: int
    default: 32000
  url:
    description: The listener's address as the controller reaches it. The default is made of O(host) and O(port).
    type: str
  id:
    description:
      - The listener's identity, which is part of its addresses, 16 to 64 letters, digits, C(-) or C(_).
      - By default one that cannot be guessed is made once and kept in O(state_dir).
    type: str
  cluster:
    description: The name of the cluster, for C(node_state) events.
    type: str
  state_dir:
    description:
      - The directory for what the listener keeps, its own, with mode 0700.
      - The default is C(hpc-slurm/trigger_listener) under E(XDG_STATE_HOME), which is C(~/.local/state) when not set.
    type: path
  token:
    description:
      - The bearer token that every request must have, of the same characters as in O(token_file).
      - Better give O(token_file), since rulebooks are read by many.
    type: str
  token_file:
    description:
      - The file that holds the bearer token, 16 to 512 printable ASCII characters without blanks, double quotes and
        backslashes.
      - It may hold several, one a line, all of which are accepted. It is read again when it changes. To change the
        token, put the new one on the first line, which is the one that syncs deploy, and remove the old one later.
    type: path
  certfile:
    description:
      - The listener's certificate with its chain, in PEM. With it the listener speaks TLS 1.2 and later only.
      - It is read again when it changes, or O(keyfile) does. Until the two go together, the old one is shown.
    type: path
  keyfile:
    description: The certificate's key, in PEM and without a password. The default is O(certfile).
    type: path
  cafile:
    description:
      - Certificate authorities, in PEM. With them every client needs a certificate of one of these.
      - A change needs a restart.
    type: path
  allowed_networks:
    description: Addresses and networks that may send, such as V(192.0.2.0/24). All by default.
    type: list
    elements: str
  granularity:
    description: V(node) makes an event a node, V(batch) one event a notification, which a mass failure wants.
    type: str
    choices: [node, batch]
    default: node
  permanent:
    description:
      - Whether the triggers to set are permanent. It is told as C(listener.permanent), for the rules and playbooks.
      - A trigger that is not permanent is gone when it has fired, until a rule sets it again.
    type: bool
    default: true
  sync_interval:
    description: Seconds between two C(sync_due) events; V(0) for only the one at the start.
    type: int
    default: 300
  max_body:
    description: The largest notification to accept, in bytes. A snapshot may have 32 MiB, whatever this says.
    type: int
    default: 1048576
  feedback:
    description:
      - Whether an event leaves the disk only when the engine has stored it, and not when it has been handed over.
      - It needs ansible-rulebook to run with C(--persistence-id), and a name for the source.
      - It cannot be a variable. ansible-rulebook looks at it before it puts variables in, and takes any text for true.
    type: bool
    default: false
requirements:
  - aiohttp, ClusterShell and prometheus_client, see the collection's requirements.txt
author:
  - hpc.slurm developers
"""

EXAMPLES = r"""
- name: Answer nodes that go down
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
