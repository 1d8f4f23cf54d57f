# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event filter hpc.slurm.expand_hostlist: a hostlist in any event as events of nodes.

ansible-rulebook runs this file by its path; what it does is in plugins/plugin_utils/expand_hostlist.py.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Union

DOCUMENTATION = r"""
---
module: expand_hostlist
short_description: Turn a hostlist in an event into events of nodes
version_added: 0.1.0
description:
  - For notifications of Slurm's triggers that arrive another way than through the event source
    C(hpc.slurm.trigger_listener), such as the event streams of the EDA controller, Kafka or C(eda.builtin.webhook).
  - An event with a hostlist, such as C(node[1-3],gpu07), is replaced by C(node_state) events, the same as that event
    source makes, so that the same rules answer them.
  - They have C(type), C(state), C(cluster), C(origin), which is V(trigger), and C(notification), the uuid of the event
    that they are made of; C(node), or with O(granularity=batch) C(nodes) and C(hostlist); C(meta.hosts), which limits
    C(run_playbook) to these hosts; C(meta.received_at), and what else is in the C(meta) of the event.
  - C(meta.uuid) is made of the C(meta.uuid) of the event, so that the events of one that is delivered again have the
    same uuids as before. When it has none, they are new.
  - An event that cannot be expanded passes as it is, with the reason in the key C(hostlist_error), for which there can
    be a rule, and in a line of the log. Nothing that a sender writes ends the rulebook.
  - Arguments that cannot be used are an error at the first event, which the source passes on in its own way.
    C(eda.builtin.webhook) answers 500; most others end, and so does the rulebook. ansible-rulebook hands arguments of
    filters over as they are, variables are not put in.
  - What only C(hpc.slurm.trigger_listener) has is not here. There is no C(trigger_fired), no C(flaps), no comparison
    with the state that Slurm has, and how sure an event is to arrive is up to the source.
options:
  hostlist_path:
    description:
      - The keys that lead to the hostlist, such as V(payload.nodes). A number is an element of a list.
      - What is there is a text as Slurm writes it, or a list of such texts.
    type: str
    required: true
  path_separator:
    description: What is between the keys of O(hostlist_path), O(state_path) and O(cluster_path).
    type: str
    default: .
  state:
    description: The state of all nodes. Either this or O(state_path) is needed.
    type: str
    choices: [up, down, drained, draining, fail, idle, resume]
  state_path:
    description: The keys that lead to the state, which is one of those of O(state), in small letters or capitals.
    type: str
  cluster:
    description: The name of the cluster.
    type: str
  cluster_path:
    description: The keys that lead to the name of the cluster.
    type: str
  granularity:
    description: V(node) makes an event a node, V(batch) one event a notification, which a mass failure wants.
    type: str
    choices: [node, batch]
    default: node
  ignore_missing:
    description:
      - Whether an event without O(hostlist_path) passes untouched and without a word, because events of other kinds
        come the same way.
    type: bool
    default: false
requirements:
  - ClusterShell, see the collection's requirements.txt
author:
  - hpc.slurm developers
"""

EXAMPLES = r"""
# Senders post {"nodes": "node[1-3],gpu07", "state": "down"}.
- name: A webhook
  hosts: all
  sources:
    - eda.builtin.webhook:
        port: 5000
      filters:
        - hpc.slurm.expand_hostlist:
            hostlist_path: payload.nodes
            state_path: payload.state
            cluster: mycluster
  rules:
    - name: A node went down
      condition: event.type == "node_state" and event.state == "down"
      action:
        run_playbook:
          name: hpc.slurm.node_down
    - name: A notification that nobody understands
      condition: event.hostlist_error is defined
      action:
        debug:
          msg: "{{ event.hostlist_error }}"

- name: An event stream of the EDA controller, to which triggers post the bare hostlist
  hosts: all
  sources:
    # Replaced by the event stream when the activation is set up. curl's configuration on the Slurm controller has
    # header = "Content-Type: text/plain" beside the header with the event stream's token.
    - name: __SOURCE_1
      eda.builtin.pg_listener:
        channels: [slurm_down]
      filters:
        - hpc.slurm.expand_hostlist:
            hostlist_path: payload.body
            state: down
  rules:
    - name: A node went down
      condition: event.type == "node_state" and event.state == "down"
      action:
        run_playbook:
          name: hpc.slurm.node_down

- name: Kafka, with bare hostlists as messages, and the state and the cluster in their headers
  hosts: all
  sources:
    - ansible.eda.kafka:
        host: kafka.example.org
        port: 9092
        topic: slurm
      filters:
        - hpc.slurm.expand_hostlist:
            hostlist_path: body
            state_path: meta.headers.state
            cluster_path: meta.headers.cluster
            granularity: batch
  rules:
    - name: Nodes went down
      condition: event.type == "node_state" and event.state == "down"
      action:
        run_playbook:
          name: hpc.slurm.node_down
"""

# Once, when ansible-rulebook loads this file, and not at each event.
_PARTS = Path(__file__).resolve().parents[4] / "plugins" / "plugin_utils" / "parts.py"
_PART = runpy.run_path(str(_PARTS))["load"]("expand_hostlist")
_PART.require_libraries()


def main(event: dict[str, Any], **arguments: Any) -> Union[dict[str, Any], list[dict[str, Any]]]:
    """Return what takes the place of an event."""
    return _PART.expand(event, arguments)  # type: ignore[no-any-return]
