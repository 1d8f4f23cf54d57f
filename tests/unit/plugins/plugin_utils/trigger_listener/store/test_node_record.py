# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for one node, as tables: its record by event kind, and by state in a snapshot."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common.node_states import BUSY, PLANNED_ABSENCE
from ansible_collections.hpc.slurm.plugins.module_utils.common.trigger_events import NODE_STATES
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store import node_record
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.node_record import STATES, NodeRecord
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.snapshot import Group

# When the node was last reported, when Slurm was read, and now.
REPORTED, READ, NOW = 1000.0, 2000.0, 2001.0

LETTERS = {"down": "D", "drained": "d", "draining": "g", "fail": "f"}

# The states after a notification, by the states before; =: not a change.
AFTER_TRIGGER = """
before up       down     drained  draining fail     idle     resume
-      =        D        d        g        f        =        =
D      -        =        Dd       Dg       Df       -        -
d      =        Dd       =        =        df       =        -
g      =        Dg       d        =        gf       =        -
f      =        Df       df       gf       =        =        -
Dd     d        =        =        =        Ddf      d        -
Dg     g        =        Dd       =        Dgf      g        -
Df     f        =        Ddf      Dgf      =        f        -
dg     =        Ddg      =        =        dgf      =        -
df     =        Ddf      =        =        =        =        -
gf     =        Dgf      df       =        =        =        -
Ddg    dg       =        =        =        Ddgf     dg       -
Ddf    df       =        =        =        =        df       -
Dgf    gf       =        Ddf      =        =        gf       -
dgf    =        Ddgf     =        =        =        =        -
Ddgf   dgf      =        =        =        =        dgf      -
"""

# The states after a snapshot, and those to report; =: none.
AFTER_SNAPSHOT = """
before DOWN        IDLE+DRAIN  MIXED+DRAIN DOWN+DRAIN  IDLE+FAIL   MIXED+FAIL  DOWN+DRAIN+FAIL IDLE
-      D:D         d:d         g:g         Dd:dD       f:f         f:f         Ddf:fdD         -:=
D      D:=         d:d         g:g         Dd:d        f:f         f:f         Ddf:fd          -:up
d      D:D         d:=         g:g         Dd:D        f:f         f:f         Ddf:fD          -:up
g      D:D         d:d         g:=         Dd:dD       f:f         f:f         Ddf:fdD         -:up
f      D:D         d:d         g:g         Dd:dD       f:=         f:=         Ddf:dD          -:up
Dd     D:=         d:=         g:g         Dd:=        f:f         f:f         Ddf:f           -:up
Dg     D:=         d:d         g:=         Dd:d        f:f         f:f         Ddf:fd          -:up
Df     D:=         d:d         g:g         Dd:d        f:=         f:=         Ddf:d           -:up
dg     D:D         d:=         g:=         Dd:D        f:f         f:f         Ddf:fD          -:up
df     D:D         d:=         g:g         Dd:D        f:=         f:=         Ddf:D           -:up
gf     D:D         d:d         g:=         Dd:dD       f:=         f:=         Ddf:dD          -:up
Ddg    D:=         d:=         g:=         Dd:=        f:f         f:f         Ddf:f           -:up
Ddf    D:=         d:=         g:g         Dd:=        f:=         f:=         Ddf:=           -:up
Dgf    D:=         d:d         g:=         Dd:d        f:=         f:=         Ddf:d           -:up
dgf    D:D         d:=         g:=         Dd:D        f:=         f:=         Ddf:D           -:up
Ddgf   D:=         d:=         g:=         Dd:=        f:=         f:=         Ddf:=           -:up
"""


def cells(table: str) -> list[tuple[str, str, str]]:
    """Return the cells of a table: row, column and content."""
    head, *rows = (line.split() for line in table.strip().splitlines())
    found = [(row[0], column, cell) for row in rows for column, cell in zip(head[1:], row[1:])]
    assert len(found) == 2 ** len(STATES) * (len(head) - 1)
    return found


def read(letters: str) -> frozenset[str]:
    return frozenset(name for name, letter in LETTERS.items() if letter in letters)


def write(states) -> str:
    return "".join(letter for name, letter in LETTERS.items() if name in states) or "-"


def record(letters: str, reported: float = REPORTED, left_service=()) -> NodeRecord:
    return NodeRecord("n1", read(letters), reported, tuple(left_service), {"reason": "before"})


def group_of(flags: str, reason: str = "", since: float = 0.0, by_slurmctld: bool = False) -> Group:
    details = {"reason": reason, "flags": flags.split("+")}
    return Group(["n1"], frozenset(flags.split("+")), reason, since, by_slurmctld, details)


@pytest.mark.parametrize(("known", "state", "wanted"), cells(AFTER_TRIGGER))
def test_a_notification(known, state, wanted):
    before = record(known)
    after, is_change = node_record.apply_trigger(before, state, NOW)
    if wanted == "=":
        assert (after, is_change) == (before, False)
    else:
        assert (write(after.states), after.reported, is_change) == (wanted, NOW, True)
    # The same notification again is a duplicate.
    assert node_record.apply_trigger(after, state, NOW + 1) == (after, False)


@pytest.mark.parametrize("state", NODE_STATES)
def test_the_first_notification_of_a_node(state):
    after, is_change = node_record.apply_trigger(NodeRecord("n1"), state, NOW)
    assert is_change and after.reported == NOW
    assert after.states == ({state} & set(STATES))
    assert after.flaps(NOW) == (state in STATES)


@pytest.mark.parametrize(("known", "flags", "wanted"), cells(AFTER_SNAPSHOT))
def test_a_snapshot(known, flags, wanted):
    states, _colon, letters = wanted.partition(":")
    before = record(known)
    after, changes = node_record.apply_snapshot(before, group_of(flags, "now"), READ, NOW)
    assert write(after.states) == states
    assert changes == (["up"] if letters == "up" else [] if letters == "=" else [name_of(letter) for letter in letters])
    assert after.reported == (NOW if changes else REPORTED)
    if states != "-":
        assert after.details == {"reason": "now", "flags": flags.split("+")}
    # The same snapshot again has no changes.
    assert node_record.apply_snapshot(after, group_of(flags, "now"), NOW, NOW + 1) == (after, [])


def name_of(letter: str) -> str:
    return next(name for name, it in LETTERS.items() if it == letter)


@pytest.mark.parametrize("known", [row for row, column, _cell in cells(AFTER_TRIGGER) if column == "up"])
def test_a_node_that_is_not_in_a_snapshot_is_in_service(known):
    after, states = node_record.apply_absence(record(known), READ, NOW)
    assert (states, after.states) == ([] if known == "-" else ["up"], frozenset())
    assert node_record.apply_absence(after, NOW, NOW + 1) == (after, [])


@pytest.mark.parametrize(
    ("reported", "counts"),
    [
        (READ - 1, True),
        (READ, True),
        (READ + 0.5, False),
        (NOW, False),
        # The listener's clock was set back: otherwise no snapshot would count until then.
        (NOW + 3600, True),
    ],
)
def test_a_report_after_slurm_was_read_is_newer(reported, counts):
    known = record("D", reported)
    assert (node_record.apply_absence(known, READ, NOW)[1] == ["up"]) is counts
    assert (node_record.apply_snapshot(known, group_of("IDLE"), READ, NOW)[1] == ["up"]) is counts
    assert (node_record.apply_snapshot(known, group_of("DOWN+DRAIN"), READ, NOW)[1] == ["drained"]) is counts
    if not counts:
        assert node_record.apply_snapshot(known, group_of("DOWN+DRAIN"), READ, NOW) == (known, [])


@pytest.mark.parametrize("flag", sorted(PLANNED_ABSENCE))
@pytest.mark.parametrize("known", ["-", "D", "dg"])
def test_a_planned_absence_changes_nothing(flag, known):
    for flags in ("DOWN", "IDLE+DRAIN", "DOWN+DRAIN+NOT_RESPONDING", "IDLE"):
        group = group_of(f"{flags}+{flag}", "Reboot ASAP")
        assert node_record.states_of(group) is None
        kept = record(known) if known == "-" else record(known)._replace(details=group.details)
        assert node_record.apply_snapshot(record(known), group, READ, NOW) == (kept, [])


@pytest.mark.parametrize(
    "reason", ["ResumeTimeout reached", "reboot timed out", "new kernel : reboot issued : reboot timed out"]
)
@pytest.mark.parametrize(
    ("flag", "changes"),
    [
        ("POWERED_DOWN", ["down"]),
        ("MAINTENANCE", ["down"]),
        # Another attempt is under way: slurmctld takes these away when it gives up.
        ("POWERING_UP", []),
        ("REBOOT_ISSUED", []),
    ],
)
def test_a_node_that_did_not_come_back_as_planned(flag, changes, reason):
    _after, states = node_record.apply_snapshot(record("-"), group_of(f"DOWN+{flag}+NOT_RESPONDING", reason), READ, NOW)
    assert states == changes


def test_a_node_that_is_still_down_after_a_maintenance_is_a_change():
    known, states = node_record.apply_snapshot(NodeRecord("n1"), group_of("DOWN+MAINTENANCE"), READ, NOW)
    assert states == []
    assert node_record.apply_snapshot(known, group_of("DOWN"), READ, NOW)[1] == ["down"]


@pytest.mark.parametrize(
    ("known", "flags", "by_slurmctld", "changes"),
    [
        ("D", "DOWN", True, ["down"]),
        ("Df", "DOWN+NOT_RESPONDING", True, ["down"]),
        # A person or a reaction has acted on these.
        ("D", "DOWN", False, []),
        ("Dd", "DOWN+DRAIN", True, []),
        ("d", "IDLE+DRAIN", True, []),
        ("D", "IDLE", True, ["up"]),
    ],
)
def test_a_node_that_was_reported_down_in_a_maintenance_is_a_change_after_it(known, flags, by_slurmctld, changes):
    """Reactions do nothing during the maintenance."""
    reason = {"by_slurmctld": by_slurmctld, "since": REPORTED - 10}
    during, states = node_record.apply_snapshot(
        record(known, left_service=[REPORTED]), group_of(f"{flags}+MAINTENANCE", **reason), READ, NOW
    )
    assert (during.states, during.left_service, states) == (read(known), (REPORTED,), [])
    after, states = node_record.apply_snapshot(during, group_of(flags, **reason), READ, NOW)
    assert states == changes
    assert after.flaps(NOW) == (2 if "down" in changes else 1)
    assert node_record.apply_snapshot(after, group_of(flags, **reason), NOW, NOW + 1)[1] == []


@pytest.mark.parametrize("busy", sorted(BUSY))
def test_a_node_that_still_has_jobs_is_draining(busy):
    assert node_record.states_of(group_of(f"{busy}+DRAIN")) == {"draining"}
    assert node_record.states_of(group_of(f"DOWN+{busy}+DRAIN")) == {"down", "draining"}
    assert node_record.states_of(group_of(busy)) == frozenset()


DOWN_AGAIN = {"reason": "Not responding", "since": REPORTED + 500, "by_slurmctld": True}


@pytest.mark.parametrize(
    ("known", "flags", "keys", "changes"),
    [
        ("D", "DOWN", {}, ["down"]),
        ("D", "DOWN+NOT_RESPONDING", {}, ["down"]),
        ("D", "DOWN+FAIL", {}, ["fail", "down"]),
        # The reason is older than the report.
        ("D", "DOWN", {"since": REPORTED - 10}, []),
        # Slurm has whole seconds, and another clock.
        ("D", "DOWN", {"since": REPORTED + node_record.CLOCK_TOLERANCE}, []),
        # A person or a playbook gave a new reason to a node that stayed down.
        ("D", "DOWN", {"by_slurmctld": False}, []),
        # A drained node that comes back keeps its reason.
        ("Dd", "DOWN+DRAIN", {}, []),
        # A person's drain is gone, for which a reaction left it alone.
        ("Dd", "DOWN", {"since": REPORTED - 10}, ["down"]),
        ("Dg", "DOWN", {"since": REPORTED - 10}, ["down"]),
        ("Dd", "DOWN", {"since": REPORTED - 10, "by_slurmctld": False}, []),
        # A planned absence.
        ("D", "DOWN+REBOOT_ISSUED", {}, []),
        # The reason of a node that is not down proves nothing.
        ("d", "IDLE+DRAIN", {}, []),
        ("D", "IDLE+FAIL", {}, ["fail"]),
    ],
)
def test_a_node_that_left_service_again_unnoticed(known, flags, keys, changes):
    before = record(known, left_service=[REPORTED])
    after, states = node_record.apply_snapshot(before, group_of(flags, **{**DOWN_AGAIN, **keys}), READ, NOW)
    assert states == changes
    assert after.flaps(NOW) == (2 if "down" in changes else 1)
    # Once.
    assert node_record.apply_snapshot(after, group_of(flags, **{**DOWN_AGAIN, **keys}), NOW, NOW + 1)[1] == []


@pytest.mark.parametrize(
    ("gap_start", "since", "changes"),
    [
        (REPORTED + 100, REPORTED + 500, ["drained", "down"]),
        # The reason is older than the gap.
        (REPORTED + 100, REPORTED + 50, []),
        # It was reported during the gap.
        (REPORTED - 100, REPORTED - 1, []),
        (float("inf"), REPORTED + 500, []),
    ],
)
def test_a_reason_since_a_gap_between_snapshots_is_a_change(gap_start, since, changes):
    """As when another machine was active: the state was reported, ended, and began again."""
    before, group = record("Dd", left_service=[REPORTED]), group_of("DOWN+DRAIN", "another", since=since)
    after, states = node_record.apply_snapshot(before, group, READ, NOW, gap_start)
    assert states == changes
    assert after.flaps(NOW) == (2 if changes else 1)


def test_flaps_are_counted_within_the_hour():
    known, counts = NodeRecord("n1"), []
    for minute in range(0, 180, 20):
        known, is_change = node_record.apply_trigger(known, "down", minute * 60.0)
        assert is_change
        counts.append(known.flaps(minute * 60.0))
        known, is_change = node_record.apply_trigger(known, "up", minute * 60.0 + 300)
        assert is_change
    assert counts == [1, 2, 3, 3, 3, 3, 3, 3, 3]
    assert len(known.left_service) == 3
    assert known.flaps(1e9) == 0


def test_a_second_state_is_not_a_flap():
    known = NodeRecord("n1")
    for state in ("draining", "drained", "down", "fail"):
        known, _is_change = node_record.apply_trigger(known, state, NOW)
    assert known.flaps(NOW) == 1
    known, states = node_record.apply_snapshot(NodeRecord("n1"), group_of("DOWN+DRAIN+FAIL"), READ, NOW)
    assert (states, known.flaps(NOW)) == (["fail", "drained", "down"], 1)


def test_the_record_of_a_node_that_always_flaps_stays_small():
    known = NodeRecord("n1")
    for number in range(500):
        known, _is_change = node_record.apply_trigger(known, "down", NOW + number)
        known, _is_change = node_record.apply_trigger(known, "resume", NOW + number)
    assert len(known.left_service) <= node_record.MOST_FLAPS + 1


def test_a_notification_removes_the_details():
    after, _is_change = node_record.apply_trigger(record("d"), "down", NOW)
    assert after.details == {}


@pytest.mark.parametrize(
    ("states", "state", "resumed", "details"),
    [
        ({"down"}, "up", 0.0, {"in_service": True, "by_reaction": False}),
        ({"down", "drained"}, "up", 0.0, {"in_service": False, "by_reaction": False}),
        ({"down", "drained"}, "resume", 0.0, {"in_service": True, "by_reaction": False}),
        # A reaction resumed it after it left service, or before.
        ({"down", "drained"}, "resume", NOW - 5, {"in_service": True, "by_reaction": True}),
        ({"down", "drained"}, "resume", NOW - 20, {"in_service": True, "by_reaction": False}),
    ],
)
def test_a_node_that_returns(states, state, resumed, details):
    known = NodeRecord("n1", frozenset(states), NOW - 10, left_service=(NOW - 10,), resumed=resumed)
    after, is_change = node_record.apply_trigger(known, state, NOW)
    assert (is_change, after.details) == (True, details)
    if details["in_service"]:
        absent, reported = node_record.apply_absence(known, READ, NOW)
        assert (reported, absent.details) == (["up"], details)


def test_what_was_postponed_is_no_retry():
    known = NodeRecord("n1", frozenset({"down", "drained"}), NOW - 100, retried=(NOW - 50,), postponed=NOW - 10)
    after, is_due = known.with_retry(NOW, 1)
    assert (is_due, after.retried, after.repeated) == (True, (NOW - 50,), NOW)
    assert after.details == {"retry": True, "retries_left": 0}
    # After that it failed, and no retry is left.
    after, is_due = after._replace(failed=NOW + 1).with_retry(NOW + 2, 1)
    assert (is_due, after.details) == (False, {"retry": False, "retries_left": 0})


def test_every_event_kind_is_a_state_or_ends_some():
    assert set(NODE_STATES) == set(STATES) | set(node_record.ENDED_BY)
    assert not set(STATES) & set(node_record.ENDED_BY)
    assert set(itertools.chain(*node_record.ENDED_BY.values())) <= set(STATES)


@pytest.mark.parametrize("back", ["resume", "up"])
def test_a_drain_that_is_reported_after_its_resume_is_no_flap(back):
    """slurmctld fires both in one evaluation of its triggers, in any order."""
    record = NodeRecord("n1")
    for start in (1000.0, 1100.0):
        for state, at in (("down", start), (back, start + 16), ("resume", start + 16.1), ("drained", start + 16.2)):
            record, _is_change = node_record.apply_trigger(record, state, at)
        record, _is_change = node_record.apply_trigger(record, "resume", start + 60)
    assert record.flaps(1200.0) == 2
    # A drain of its own is one.
    record, _is_change = node_record.apply_trigger(record, "drained", 1300.0)
    assert record.flaps(1300.0) == 3
