# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event filter hpc.slurm.expand_hostlist: turns an event with a hostlist into events of nodes.

ansible-rulebook runs this file by path; the code is in plugins/plugin_utils/expand_hostlist.py.
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
  - For notifications of Slurm's triggers that do not arrive through the event source C(hpc.slurm.trigger_listener), but
    through event streams of the EDA controller, Kafka, C(eda.builtin.webhook) and so on.
  - It replaces an event with a hostlist, such as C(node[1-3],gpu07), by the same C(node_state) events that this event
    source makes, so that the same rules match.
  - They have C(type), C(state), C(cluster), C(origin), which is V(trigger), and C(notification), the uuid of the
    original event; C(node), or with O(granularity=batch) C(nodes) and C(hostlist); C(meta.hosts), which limits
    C(run_playbook) to these hosts; C(meta.received_at), and the other keys in C(meta) of the original event.
  - C(meta.uuid) is computed from C(meta.uuid) of the original event, so that a repeated event gets the same uuids. When
    it has none, they are random.
  - An event that cannot be expanded is not replaced. It gets the key C(hostlist_error) with the reason, which a rule
    can match, and the reason is logged. No value from a sender ends the rulebook.
  - Invalid arguments are an error at the first event, which the source handles in its own way. C(eda.builtin.webhook)
    answers 500; most others end, and so does the rulebook. ansible-rulebook does not insert variables into arguments of
    filters.
  - Unlike C(hpc.slurm.trigger_listener) it has no C(trigger_fired), no C(flaps) and no comparison with snapshots, and
    whether an event can be lost depends on the source.
options:
  hostlist_path:
    description:
      - The path of keys to the hostlist, such as V(payload.nodes). A number is an index of a list.
      - The value is a hostlist, or a list of hostlists.
    type: str
    required: true
  path_separator:
    description: The separator between the keys of O(hostlist_path), O(state_path) and O(cluster_path).
    type: str
    default: .
  state:
    description: The state of all nodes. Either this or O(state_path) is needed.
    type: str
    choices: [up, down, drained, draining, fail, idle, resume]
  state_path:
    description: The path of keys to the state, which is one of the choices of O(state), in lower or upper case.
    type: str
  cluster:
    description: The name of the cluster.
    type: str
  cluster_path:
    description: The path of keys to the name of the cluster.
    type: str
  granularity:
    description: V(batch) for one event per notification, V(node) for one per node.
    type: str
    choices: [batch, node]
    default: batch
  ignore_missing:
    description:
      - Whether an event without a value at O(hostlist_path) is not an error, because the source also has other events.
    type: bool
    default: false
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
    - name: A notification that cannot be expanded
      condition: event.hostlist_error is defined
      action:
        debug:
          msg: "{{ event.hostlist_error }}"

- name: An event stream of the EDA controller, to which triggers post only the hostlist
  hosts: all
  sources:
    # The EDA controller replaces this source by the event stream. curl's configuration on the Slurm controller needs
    # header = "Content-Type: text/plain", and the header with the token of the event stream.
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

- name: Kafka, with hostlists as messages, and the state and the cluster in their headers
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
  rules:
    - name: Nodes went down
      condition: event.type == "node_state" and event.state == "down"
      action:
        run_playbook:
          name: hpc.slurm.node_down
"""

# At import, not at each event.
_PARTS = Path(__file__).resolve().parents[4] / "plugins" / "plugin_utils" / "parts.py"
_PART = runpy.run_path(str(_PARTS))["load"]("expand_hostlist")


def main(event: dict[str, Any], **arguments: Any) -> Union[dict[str, Any], list[dict[str, Any]]]:
    """Return what replaces an event."""
    return _PART.expand(event, arguments)  # type: ignore[no-any-return]
