# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers and the rules for a node, with random input."""

from __future__ import annotations

import copy
import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.snapshot_body import parse_snapshot
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store import node_record
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.snapshot import Group

# Not timed: the machine may be busy. Without a database: the tests leave nothing behind.
AT_RANDOM = settings(deadline=None, database=None, max_examples=200)

ODD = st.text(st.sampled_from("n0123456789[]-,._@!*&% \n\x00\u0661ä"), max_size=60)
GOOD = {
    "time": 1000,
    "age": 1,
    "slurm_user": "slurm",
    "count": 100,
    "nodes": [{"nodes": "n[1-3]", "state": ["DOWN"], "reason": "x", "reason_user": "slurm", "reason_time": 900}],
    "triggers": [{"id": 1, "event": "down", "permanent": True}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD | st.sampled_from(list(GOOD)), inner, max_size=4),
    max_leaves=8,
)


@AT_RANDOM
@given(st.one_of(ODD, st.text(max_size=60)))
@example("n[1-" + "9" * 64 + "]")
@example("n" + "[0-9]" * 5000)
@example("n[" + "1," * 100_000 + "1]")
@example("n" * 1_000_000 + "[1-1000]")
@example("[" * 100_000)
@example("n[1-" * 100_000)
@example("a," * 100_000)
@example("n" + "[1-3" * 50_000)
@example("n[1-2" + "-3" * 100_000)
def test_any_text_is_a_hostlist_or_an_error(text: str) -> None:
    try:
        names = hostlist.expand(text)
    except SlurmError as error:
        assert len(error.message) < 500
    else:
        assert 0 < len(names) <= hostlist.LIMIT
        assert hostlist.expand(hostlist.fold(names)) == names


@AT_RANDOM
@given(st.one_of(st.text(max_size=60), JSON.map(json.dumps)))
@example("[" * 100_000)
@example('{"a":' * 100_000)
@example("9" * 100_000)
def test_random_text_is_not_a_snapshot(text: str) -> None:
    try:
        parse_snapshot(text, 2000.0)
    except SlurmError as error:
        assert len(error.message) < 500
    else:
        raise AssertionError(text)


@AT_RANDOM
@given(st.data())
def test_a_snapshot_with_one_random_value_is_read_or_refused(data: st.DataObject) -> None:
    changed = copy.deepcopy(GOOD)
    place = data.draw(st.sampled_from([changed, changed["nodes"][0], changed["triggers"][0]]))
    place[data.draw(st.sampled_from(list(place)))] = data.draw(JSON)
    try:
        read = parse_snapshot(json.dumps(changed), 2000.0)
    except SlurmError as error:
        assert len(error.message) < 500
    else:
        assert sum(len(group.nodes) for group in read.groups) <= read.total


# The flag that a node has after an event, as a snapshot shows it.
FLAGS = {"down": "DOWN", "drained": "DRAIN", "fail": "FAIL"}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["down", "drained", "fail", "resume", "sync"]),
        st.sampled_from(["received", "lost", "twice", "late"]),
    ),
    max_size=30,
)


class SimulatedNode:
    """A node, its record, and what is reported of it."""

    def __init__(self) -> None:
        self.states: set[str] = set()
        self.record = node_record.NodeRecord("n1")
        self.reports: list[str] = []
        self.late: list[str] = []
        self.now = 1000.0

    def notify(self, state: str) -> None:
        before = self.record.states
        self.record, is_change = node_record.apply_trigger(self.record, state, self.now)
        if is_change:
            # A state is not reported twice in a row.
            assert state not in before
            self.reports.append(state)

    def sync(self) -> None:
        read_at = self.now - 0.1
        if self.states:
            flags = frozenset(FLAGS[name] for name in self.states)
            group = Group(["n1"], flags, "by a person", 0.0, False, {})
            self.record, changes = node_record.apply_snapshot(self.record, group, read_at, self.now)
        else:
            self.record, changes = node_record.apply_absence(self.record, read_at, self.now)
        self.reports += changes

    def step(self, event: str, fate: str) -> None:
        self.now += 10
        if event == "sync":
            return self.sync()
        self.states = self.states | {event} if event != "resume" else set()
        if fate == "late":
            self.late.append(event)
        elif fate != "lost":
            for _time in range(1 + (fate == "twice")):
                self.notify(event)
        if self.late and fate == "received":
            self.notify(self.late.pop())  # out of order
        return None


@AT_RANDOM
@given(STEPS)
def test_after_a_sync_the_record_is_right_whatever_was_lost_late_or_received_twice(
    steps: list[tuple[str, str]],
) -> None:
    node = SimulatedNode()
    for event, fate in steps:
        node.step(event, fate)
    node.now += 10
    node.sync()
    assert node.record.states == node.states
    assert node.states <= set(node.reports)
    again = list(node.reports)
    node.now += 10
    node.sync()
    assert node.reports == again
