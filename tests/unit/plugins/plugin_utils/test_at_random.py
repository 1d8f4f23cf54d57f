# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers and the ledger with what hypothesis thinks of."""

from __future__ import annotations

import copy
import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import ledger, snapshot

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
def test_of_any_text_comes_a_list_of_nodes_or_an_error(text: str) -> None:
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
def test_of_any_text_comes_an_error_and_no_snapshot(text: str) -> None:
    try:
        snapshot.parse(text, 2000.0)
    except SlurmError as error:
        assert len(error.message) < 500
    else:
        raise AssertionError(text)


@AT_RANDOM
@given(st.data())
def test_a_snapshot_with_one_thing_changed_is_read_or_refused(data: st.DataObject) -> None:
    changed = copy.deepcopy(GOOD)
    place = data.draw(st.sampled_from([changed, changed["nodes"][0], changed["triggers"][0]]))
    place[data.draw(st.sampled_from(list(place)))] = data.draw(JSON)
    try:
        read = snapshot.parse(json.dumps(changed), 2000.0)
    except SlurmError as error:
        assert len(error.message) < 500
    else:
        assert sum(len(group.nodes) for group in read.groups) <= read.total


# What Slurm does to a node, and what trigger it fires; what a snapshot then shows.
CHANGES = {"down": "DOWN", "drained": "DRAIN", "fail": "FAIL"}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["down", "drained", "fail", "resume", "sync"]),
        st.sampled_from(["told", "lost", "twice", "late"]),
    ),
    max_size=30,
)


class World:
    """A node, what is told of it, and what the ledger reports."""

    def __init__(self) -> None:
        self.truth: set[str] = set()
        self.record = ledger.Record("n1")
        self.reports: list[str] = []
        self.late: list[str] = []
        self.now = 1000.0

    def tell(self, state: str) -> None:
        before = self.record.conditions
        self.record, is_news = ledger.told(self.record, state, self.now)
        if is_news:
            # Twice in a row, without that it ended in between, is no news.
            assert state not in before
            self.reports.append(state)

    def sync(self) -> None:
        read = self.now - 0.1
        if self.truth:
            flags = frozenset(CHANGES[name] for name in self.truth)
            group = snapshot.Group(["n1"], flags, "by a person", 0.0, False, {})
            self.record, news = ledger.seen(self.record, group, read, self.now)
        else:
            self.record, news = ledger.absent(self.record, read, self.now)
        self.reports += news

    def step(self, what: str, how: str) -> None:
        self.now += 10
        if what == "sync":
            return self.sync()
        self.truth = self.truth | {what} if what != "resume" else set()
        if how == "late":
            self.late.append(what)
        elif how != "lost":
            for _time in range(1 + (how == "twice")):
                self.tell(what)
        if self.late and how == "told":
            self.tell(self.late.pop())  # out of order
        return None


@AT_RANDOM
@given(STEPS)
def test_whatever_is_lost_late_or_twice_a_sync_makes_it_true(steps: list[tuple[str, str]]) -> None:
    world = World()
    for what, how in steps:
        world.step(what, how)
    world.now += 10
    world.sync()
    assert world.record.conditions == world.truth
    assert world.truth <= set(world.reports)
    again = list(world.reports)
    world.now += 10
    world.sync()
    assert world.reports == again
