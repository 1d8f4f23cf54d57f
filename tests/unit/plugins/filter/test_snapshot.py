# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter snapshot, and that the listener reads what it makes."""

from __future__ import annotations

import json
import time

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.snapshot import FilterModule, groups
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive import snapshot_body

SILENT = {"state": ["DOWN", "NOT_RESPONDING"], "reason": "Not responding", "reason_user": "slurm", "reason_time": 100}
DRAINED = {"state": ["IDLE", "DRAIN"], "reason": None, "reason_user": None, "reason_time": None}


TRIGGER = {"id": 17, "event": "down", "permanent": True}
REST = {"time": 200, "started": 0, "slurm_user": "slurm", "count": 9, "triggers": []}
SNAPSHOT = FilterModule().filters()["snapshot"]


def test_nodes_of_the_same_state_and_reason_are_one_group():
    later = {**SILENT, "reason_time": 101}
    assert groups({"n1": SILENT, "n3": DRAINED, "n2": dict(SILENT), "n4": later}) == [
        {"nodes": "n1,n2", **SILENT},
        {"nodes": "n3", **DRAINED},
        {"nodes": "n4", **later},
    ]


def test_nothing_is_no_group():
    assert groups({}) == []


def test_numbers_are_numbers_also_where_templates_make_texts():
    """As with ansible-core 2.18."""
    rest = {**REST, "time": "1790000000", "started": str(time.time() - 5), "count": "10008"}
    content = json.loads(SNAPSHOT({}, **{**rest, "triggers": [{**TRIGGER, "program": "/usr/bin/curl"}]}))
    assert 5 <= content.pop("age") < 60
    assert content == {
        "time": 1790000000.0,
        "slurm_user": "slurm",
        "count": 10008,
        "nodes": [],
        "triggers": [TRIGGER],
        "settings": None,
    }


def test_the_age_is_not_negative():
    assert json.loads(SNAPSHOT({}, **{**REST, "started": time.time() + 60}))["age"] == 0


@pytest.mark.parametrize("nodes", [None, [], {"n1": {}}, {"n1": None}, {"n1": {"state": ["DOWN"]}}])
def test_what_is_not_from_slurm_node_info(nodes):
    with pytest.raises(AnsibleFilterError, match="needs nodes of slurm_node_info with state, reason"):
        SNAPSHOT(nodes, **REST)


@pytest.mark.parametrize("rest", [{"time": "now"}, {"started": None}, {"count": "all"}, {"triggers": [{}]}])
def test_what_is_not_a_snapshot(rest):
    with pytest.raises(AnsibleFilterError, match="triggers of slurm_trigger_info, and numbers"):
        SNAPSHOT({}, **{**REST, **rest})


def test_the_listener_reads_ten_thousand_failed_nodes():
    nodes = {f"n{number:05}": SILENT for number in range(10_000)} | {"gpu1": DRAINED}
    settings = [{"name": "repair tasks", "value": "not set"}]
    started = time.time()
    text = SNAPSHOT(nodes, **{**REST, "started": started, "count": 10_001, "settings": settings})
    assert len(text) < 1_048_576 / 8
    read = snapshot_body.parse_snapshot(text, now=200.0)
    assert [len(group.nodes) for group in read.groups] == [10_000, 1]
    assert read.groups[0].details == {
        "reason": "Not responding",
        "reason_user": "slurm",
        "reason_time": 100,
        "flags": ["DOWN", "NOT_RESPONDING"],
    }
    assert read.settings == settings
