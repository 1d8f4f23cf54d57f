# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshot bodies: what is read of one, and what is refused."""

from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.snapshot_body import parse_snapshot

# The listener's clock, which is 100 s ahead of the controller's.
NOW = 1790000102.5
GOOD = {
    "time": 1790000000.0,
    "age": 2.5,
    "slurm_user": "slurm",
    "count": 10008,
    "nodes": [
        {
            "nodes": "node[1-2],gpu07",
            "state": ["NOT_RESPONDING", "DOWN"],
            "reason": "Not responding",
            "reason_user": "slurm",
            "reason_time": 1789999000,
        },
        {"nodes": "node9", "state": ["IDLE", "DRAIN"], "reason": None, "reason_user": None, "reason_time": None},
    ],
    "triggers": [{"id": 17, "event": "down", "permanent": True, "program": "/usr/bin/curl", "offset": 0}],
}


def changed(*path, to):
    """Return the valid content with another value at a path; C(...) removes it."""
    content = copy.deepcopy(GOOD)
    at = content
    for step in path[:-1]:
        at = at[step]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return content


def read(content):
    return parse_snapshot(json.dumps(content), NOW)


def test_what_is_read():
    snapshot = read(GOOD)
    assert (snapshot.read_at, snapshot.total) == (NOW - 2.5, 10008)
    assert snapshot.triggers == [{"id": 17, "event": "down", "permanent": True}]
    down, drained = snapshot.groups
    assert down.nodes == ["gpu07", "node1", "node2"]
    assert down.flags == {"DOWN", "NOT_RESPONDING"}
    # By the listener's clock.
    assert down.since == 1789999100
    assert down.details == {
        "reason": "Not responding",
        "reason_user": "slurm",
        "reason_time": 1789999000,
        "flags": ["DOWN", "NOT_RESPONDING"],
    }
    assert (drained.nodes, drained.reason, drained.by_slurmctld) == (["node9"], "", False)
    assert read({**GOOD, "nodes": [], "triggers": []}).groups == []


@pytest.mark.parametrize(
    ("reason", "user", "by_slurmctld"),
    [
        ("Not responding", "slurm", True),
        ("Not responding", "root", False),
        ("broken disk", "alice", False),
        # Modules of this collection and people act as SlurmUser, too.
        ("hpc.slurm.node_down by hand", "slurm", False),
        ("broken disk", "slurm", False),
        ("Not responding, broken disk", "slurm", False),
        ("broken disk : Not responding", "slurm", True),
        ("", "slurm", False),
        (None, "slurm", False),
        ("Not responding", None, False),
    ],
)
def test_who_gave_the_reason(reason, user, by_slurmctld):
    group = {**GOOD["nodes"][0], "reason": reason, "reason_user": user}
    assert read({**GOOD, "nodes": [group]}).groups[0].by_slurmctld is by_slurmctld


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        (("time",), ..., "the snapshot: missing 'time'; the fields are time, age, count, slurm_user, nodes"),
        (("more",), 1, "the snapshot: unknown 'more'"),
        (("x" * 100,), 1, "unknown 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx';"),
        (("time",), "now", "the snapshot: time has another type than documented"),
        (("time",), True, "time has another type"),
        (("time",), None, "time has another type"),
        (("time",), -1, "time must be from 0 to"),
        (("time",), 1e300, "time must be from 0 to"),
        (("age",), -0.1, "age must be from 0 to 86400"),
        (("age",), 90000, "age must be from 0 to 86400"),
        (("count",), 1.5, "count has another type"),
        (("count",), 0, "count must be from 1 to 100000"),
        (("count",), 100001, "count must be from 1 to 100000"),
        (("count",), 3, "more nodes are named than count, 3"),
        (("slurm_user",), None, "slurm_user has another type"),
        (("nodes",), {}, "nodes has another type"),
        (("nodes",), None, "nodes has another type"),
        (("nodes", 1), "node9", r"nodes\[1\] is not an object"),
        (("nodes", 1, "nodes"), "node[", r"nodes\[1\]: not a hostlist: 'node\['"),
        (("nodes", 1, "nodes"), "", r"nodes\[1\]: not a hostlist"),
        (("nodes", 1, "nodes"), ["n1"], r"nodes\[1\]: nodes has another type"),
        (("nodes", 1, "nodes"), "node[2-3]", "a node is named twice"),
        (("nodes", 1, "nodes"), "n[1-5000000]", "more nodes are named than count, 10008"),
        (("nodes", 0, "state"), [], r"nodes\[0\]: state must be a list of flags"),
        (("nodes", 0, "state"), ["DOWN", 7], r"nodes\[0\]: state must be a list of flags"),
        (("nodes", 0, "state"), ["down"], r"nodes\[0\]: state must be a list of flags"),
        (("nodes", 0, "state"), "DOWN", r"nodes\[0\]: state has another type"),
        (("nodes", 0, "reason"), 7, r"nodes\[0\]: reason has another type"),
        (("nodes", 0, "reason_time"), "x", r"nodes\[0\]: reason_time has another type"),
        (("nodes", 0, "reason_time"), -5, r"nodes\[0\]: reason_time must be from 0"),
        (("nodes", 0, "reason"), ..., r"nodes\[0\]: missing 'reason'"),
        (("nodes", 0, "comment"), "x", r"nodes\[0\]: unknown 'comment'"),
        (("triggers",), {}, "triggers has another type"),
        (("settings",), {}, "settings has another type"),
        (("settings",), [{"name": "repair tasks"}], r"settings\[0\]: missing 'value'"),
        (("settings",), [{"name": "repair tasks", "value": 7}], r"settings\[0\]: value has another type"),
        (("settings",), [{"name": "", "value": ""}] * 101, "settings: more than 100"),
        (("triggers", 0), 17, r"triggers\[0\] is not an object"),
        (("triggers", 0, "id"), "17", r"triggers\[0\]: id has another type"),
        (("triggers", 0, "id"), True, r"triggers\[0\]: id has another type"),
        (("triggers", 0, "permanent"), 1, r"triggers\[0\]: permanent has another type"),
        (("triggers", 0, "event"), ..., r"triggers\[0\]: missing 'event'"),
    ],
)
def test_refused(path, to, message):
    with pytest.raises(SlurmError, match=message):
        read(changed(*path, to=to))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "7",
        '"text"',
        "{",
        "[" * 100000,
        '{"a": ' * 100000,
        "{} {}",
        json.dumps(GOOD)[:-1],
        json.dumps(changed("time", to=float("nan"))),
        json.dumps(changed("age", to=float("inf"))),
        json.dumps(GOOD).replace("2.5", "1e999"),
        json.dumps(GOOD).replace("10008", "1" * 5000),
        json.dumps(GOOD).replace("2.5", "1" * 4000),
        json.dumps(GOOD).replace("1789999000", "9" * 4000),
    ],
)
def test_text_that_is_not_a_snapshot(text):
    with pytest.raises(SlurmError):
        parse_snapshot(text, NOW)


def test_a_short_hostlist_of_very_many_nodes_is_refused_before_it_is_expanded(monkeypatch):
    monkeypatch.delattr(hostlist, "expand")
    group = {**GOOD["nodes"][1], "nodes": "n[1-50001]"}
    with pytest.raises(SlurmError, match="more nodes are named than count, 100000"):
        read({**GOOD, "count": 100000, "nodes": [group] * 5000})


def test_ten_thousand_different_nodes():
    nodes = [{**GOOD["nodes"][0], "nodes": f"node{number}", "reason": f"disk {number}"} for number in range(10000)]
    assert len(read({**GOOD, "nodes": nodes}).groups) == 10000
