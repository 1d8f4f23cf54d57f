# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots: what is read of one, and what is refused whole."""

from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.snapshot import parse

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
    """Return the good one with something else at a path; C(...) leaves it out."""
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
    return parse(json.dumps(content), NOW)


def test_what_is_read():
    snapshot = read(GOOD)
    assert (snapshot.read, snapshot.total) == (NOW - 2.5, 10008)
    assert snapshot.triggers == [{"id": 17, "event": "down", "permanent": True}]
    down, drained = snapshot.groups
    assert down.nodes == ["gpu07", "node1", "node2"]
    assert down.flags == {"DOWN", "NOT_RESPONDING"}
    # When the reason was given, by the listener's clock.
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
        # Our own modules act as SlurmUser too, and say so.
        ("hpc.slurm.node_down 1-2-3", "slurm", False),
        ("", "slurm", False),
        (None, "slurm", False),
        ("Not responding", None, False),
    ],
)
def test_who_gave_the_reason(reason, user, by_slurmctld):
    group = {**GOOD["nodes"][0], "reason": reason, "reason_user": user}
    assert read({**GOOD, "nodes": [group]}).groups[0].by_slurmctld is by_slurmctld


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        (("time",), ..., "the snapshot: missing 'time'; there are exactly time, age, count, slurm_user, nodes"),
        (("more",), 1, "the snapshot: unknown 'more'"),
        (("x" * 100,), 1, "unknown 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx';"),
        (("time",), "now", "the snapshot: time is of another type than documented"),
        (("time",), True, "time is of another type"),
        (("time",), None, "time is of another type"),
        (("time",), -1, "time is not from 0 to"),
        (("time",), 1e300, "time is not from 0 to"),
        (("age",), -0.1, "age is not from 0 to 86400"),
        (("age",), 90000, "age is not from 0 to 86400"),
        (("count",), 1.5, "count is of another type"),
        (("count",), 0, "count is not from 1 to 100000"),
        (("count",), 100001, "count is not from 1 to 100000"),
        (("count",), 3, "more are named than the 3 that there are by count"),
        (("slurm_user",), None, "slurm_user is of another type"),
        (("nodes",), {}, "nodes is of another type"),
        (("nodes",), None, "nodes is of another type"),
        (("nodes", 1), "node9", r"nodes\[1\] is not an object"),
        (("nodes", 1, "nodes"), "node[", r"nodes\[1\]: not a hostlist: 'node\['"),
        (("nodes", 1, "nodes"), "", r"nodes\[1\]: not a hostlist"),
        (("nodes", 1, "nodes"), ["n1"], r"nodes\[1\]: nodes is of another type"),
        (("nodes", 1, "nodes"), "node[2-3]", "a node is named twice"),
        (("nodes", 1, "nodes"), "n[1-5000000]", "more are named than the 10008 that there are by count"),
        (("nodes", 0, "state"), [], r"nodes\[0\]: state is a list of flags"),
        (("nodes", 0, "state"), ["DOWN", 7], r"nodes\[0\]: state is a list of flags"),
        (("nodes", 0, "state"), ["down"], r"nodes\[0\]: state is a list of flags"),
        (("nodes", 0, "state"), "DOWN", r"nodes\[0\]: state is of another type"),
        (("nodes", 0, "reason"), 7, r"nodes\[0\]: reason is of another type"),
        (("nodes", 0, "reason_time"), "x", r"nodes\[0\]: reason_time is of another type"),
        (("nodes", 0, "reason_time"), -5, r"nodes\[0\]: reason_time is not from 0"),
        (("nodes", 0, "reason"), ..., r"nodes\[0\]: missing 'reason'"),
        (("nodes", 0, "comment"), "x", r"nodes\[0\]: unknown 'comment'"),
        (("triggers",), {}, "triggers is of another type"),
        (("triggers", 0), 17, r"triggers\[0\] is not an object"),
        (("triggers", 0, "id"), "17", r"triggers\[0\]: id is of another type"),
        (("triggers", 0, "id"), True, r"triggers\[0\]: id is of another type"),
        (("triggers", 0, "permanent"), 1, r"triggers\[0\]: permanent is of another type"),
        (("triggers", 0, "event"), ..., r"triggers\[0\]: missing 'event'"),
    ],
)
def test_refused(path, to, told):
    with pytest.raises(SlurmError, match=told):
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
def test_what_is_no_snapshot_at_all(text):
    with pytest.raises(SlurmError):
        parse(text, NOW)


def test_a_short_text_that_names_very_many_is_refused_before_it_is_expanded(monkeypatch):
    monkeypatch.delattr(hostlist, "expand")
    group = {**GOOD["nodes"][1], "nodes": "n[1-50001]"}
    with pytest.raises(SlurmError, match="more are named than the 100000 that there are by count"):
        read({**GOOD, "count": 100000, "nodes": [group] * 5000})


def test_ten_thousand_nodes_that_are_all_different():
    nodes = [{**GOOD["nodes"][0], "nodes": f"node{number}", "reason": f"disk {number}"} for number in range(10000)]
    assert len(read({**GOOD, "nodes": nodes}).groups) == 10000
