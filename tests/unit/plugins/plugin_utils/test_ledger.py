# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is news of a node, as tables: what is known by what a trigger tells or a snapshot shows."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common.node_states import BUSY, PLANNED_ABSENCE
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import ledger
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.ledger import CONDITIONS, Ledger, Record
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.node_state import STATES
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.snapshot import Group
from ansible_collections.hpc.slurm.tests.unit.listener import Core

# When the record was last written, when Slurm was read, and now.
CHANGED, READ, NOW = 1000.0, 2000.0, 2001.0

LETTERS = {"down": "D", "drained": "d", "draining": "g", "fail": "f"}

# What is known after a trigger told something, by what was known before; =: it is no news.
TOLD = """
known up       down     drained  draining fail     idle     resume
-     =        D        d        g        f        =        =
D     -        =        Dd       Dg       Df       -        -
d     =        Dd       =        =        df       =        -
g     =        Dg       d        =        gf       =        -
f     =        Df       df       gf       =        =        -
Dd    d        =        =        =        Ddf      d        -
Dg    g        =        Dd       =        Dgf      g        -
Df    f        =        Ddf      Dgf      =        f        -
dg    =        Ddg      =        =        dgf      =        -
df    =        Ddf      =        =        =        =        -
gf    =        Dgf      df       =        =        =        -
Ddg   dg       =        =        =        Ddgf     dg       -
Ddf   df       =        =        =        =        df       -
Dgf   gf       =        Ddf      =        =        gf       -
dgf   =        Ddgf     =        =        =        =        -
Ddgf  dgf      =        =        =        =        dgf      -
"""

# What is known after a snapshot showed something, and what of it is news; =: nothing.
SEEN = """
known DOWN        IDLE+DRAIN  MIXED+DRAIN DOWN+DRAIN  IDLE+FAIL   MIXED+FAIL  DOWN+DRAIN+FAIL IDLE
-     D:D         d:d         g:g         Dd:dD       f:f         f:f         Ddf:fdD         -:=
D     D:=         d:d         g:g         Dd:d        f:f         f:f         Ddf:fd          -:up
d     D:D         d:=         g:g         Dd:D        f:f         f:f         Ddf:fD          -:up
g     D:D         d:d         g:=         Dd:dD       f:f         f:f         Ddf:fdD         -:up
f     D:D         d:d         g:g         Dd:dD       f:=         f:=         Ddf:dD          -:up
Dd    D:=         d:=         g:g         Dd:=        f:f         f:f         Ddf:f           -:up
Dg    D:=         d:d         g:=         Dd:d        f:f         f:f         Ddf:fd          -:up
Df    D:=         d:d         g:g         Dd:d        f:=         f:=         Ddf:d           -:up
dg    D:D         d:=         g:=         Dd:D        f:f         f:f         Ddf:fD          -:up
df    D:D         d:=         g:g         Dd:D        f:=         f:=         Ddf:D           -:up
gf    D:D         d:d         g:=         Dd:dD       f:=         f:=         Ddf:dD          -:up
Ddg   D:=         d:=         g:=         Dd:=        f:f         f:f         Ddf:f           -:up
Ddf   D:=         d:=         g:g         Dd:=        f:=         f:=         Ddf:=           -:up
Dgf   D:=         d:d         g:=         Dd:d        f:=         f:=         Ddf:d           -:up
dgf   D:D         d:=         g:=         Dd:D        f:=         f:=         Ddf:D           -:up
Ddgf  D:=         d:=         g:=         Dd:=        f:=         f:=         Ddf:=           -:up
"""


def cells(table: str) -> list[tuple[str, str, str]]:
    """Return a table's cells: row, column and what is there."""
    head, *rows = (line.split() for line in table.strip().splitlines())
    found = [(row[0], column, cell) for row in rows for column, cell in zip(head[1:], row[1:])]
    assert len(found) == 2 ** len(CONDITIONS) * (len(head) - 1)
    return found


def read(letters: str) -> frozenset[str]:
    return frozenset(name for name, letter in LETTERS.items() if letter in letters)


def write(conditions) -> str:
    return "".join(letter for name, letter in LETTERS.items() if name in conditions) or "-"


def record(letters: str, changed: float = CHANGED, fell=()) -> Record:
    return Record("n1", read(letters), changed, tuple(fell), {"reason": "before"})


def shown(flags: str, reason: str = "", since: float = 0.0, by_slurmctld: bool = False) -> Group:
    details = {"reason": reason, "flags": flags.split("+")}
    return Group(["n1"], frozenset(flags.split("+")), reason, since, by_slurmctld, details)


@pytest.mark.parametrize(("known", "state", "wanted"), cells(TOLD))
def test_what_a_trigger_tells(known, state, wanted):
    before = record(known)
    after, news = ledger.told(before, state, NOW)
    if wanted == "=":
        assert (after, news) == (before, False)
    else:
        assert (write(after.conditions), after.changed, news) == (wanted, NOW, True)
    # What was told is no news any more.
    assert ledger.told(after, state, NOW + 1) == (after, False)


@pytest.mark.parametrize("state", STATES)
def test_the_first_that_is_ever_told_of_a_node(state):
    after, news = ledger.told(Record("n1"), state, NOW)
    assert news and after.changed == NOW
    assert after.conditions == ({state} & set(CONDITIONS))
    assert after.flaps(NOW) == (state in CONDITIONS)


@pytest.mark.parametrize(("known", "flags", "wanted"), cells(SEEN))
def test_what_a_snapshot_shows(known, flags, wanted):
    conditions, _colon, news = wanted.partition(":")
    before = record(known)
    after, states = ledger.seen(before, shown(flags, "now"), READ, NOW)
    assert write(after.conditions) == conditions
    assert states == (["up"] if news == "up" else [] if news == "=" else [name_of(letter) for letter in news])
    assert after.changed == (NOW if states else CHANGED)
    if conditions != "-":
        assert after.details == {"reason": "now", "flags": flags.split("+")}
    # What was seen is no news any more.
    assert ledger.seen(after, shown(flags, "now"), NOW, NOW + 1) == (after, [])


def name_of(letter: str) -> str:
    return next(name for name, it in LETTERS.items() if it == letter)


@pytest.mark.parametrize("known", [row for row, column, _cell in cells(TOLD) if column == "up"])
def test_what_a_snapshot_does_not_name_is_well(known):
    after, states = ledger.absent(record(known), READ, NOW)
    assert (states, after.conditions) == ([] if known == "-" else ["up"], frozenset())
    assert ledger.absent(after, NOW, NOW + 1) == (after, [])


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        (READ - 1, True),
        (READ, True),
        (READ + 0.5, False),
        (NOW, False),
        # The listener's clock was ahead, and has been put right: else no snapshot would count until then.
        (NOW + 3600, True),
    ],
)
def test_what_was_told_after_slurm_was_read_is_newer(changed, counts):
    known = record("D", changed)
    assert (ledger.absent(known, READ, NOW)[1] == ["up"]) is counts
    assert (ledger.seen(known, shown("IDLE"), READ, NOW)[1] == ["up"]) is counts
    assert (ledger.seen(known, shown("DOWN+DRAIN"), READ, NOW)[1] == ["drained"]) is counts
    if not counts:
        assert ledger.seen(known, shown("DOWN+DRAIN"), READ, NOW) == (known, [])


@pytest.mark.parametrize("flag", sorted(PLANNED_ABSENCE))
@pytest.mark.parametrize("known", ["-", "D", "dg"])
def test_what_somebody_wants_so_is_neither_news_nor_the_end_of_it(flag, known):
    for flags in ("DOWN", "IDLE+DRAIN", "DOWN+DRAIN+NOT_RESPONDING", "IDLE"):
        group = shown(f"{flags}+{flag}", "Reboot ASAP")
        assert ledger.conditions_of(group) is None
        kept = record(known) if known == "-" else record(known)._replace(details=group.details)
        assert ledger.seen(record(known), group, READ, NOW) == (kept, [])


@pytest.mark.parametrize(
    "reason", ["ResumeTimeout reached", "reboot timed out", "new kernel : reboot issued : reboot timed out"]
)
@pytest.mark.parametrize("flag", ["POWERING_UP", "POWERED_DOWN", "REBOOT_ISSUED", "MAINTENANCE"])
def test_what_did_not_come_back_as_planned(flag, reason):
    _after, states = ledger.seen(record("-"), shown(f"DOWN+{flag}+NOT_RESPONDING", reason), READ, NOW)
    assert states == ["down"]


def test_after_the_maintenance_it_is_news():
    known, states = ledger.seen(Record("n1"), shown("DOWN+MAINTENANCE"), READ, NOW)
    assert states == []
    assert ledger.seen(known, shown("DOWN"), READ, NOW)[1] == ["down"]


@pytest.mark.parametrize(
    ("known", "flags", "by_slurmctld", "news"),
    [
        ("D", "DOWN", True, ["down"]),
        ("Df", "DOWN+NOT_RESPONDING", True, ["down"]),
        # Somebody sees to these, who knew of the maintenance.
        ("D", "DOWN", False, []),
        ("Dd", "DOWN+DRAIN", True, []),
        ("d", "IDLE+DRAIN", True, []),
        ("D", "IDLE", True, ["up"]),
    ],
)
def test_a_node_that_went_down_in_a_maintenance_is_news_after_it(known, flags, by_slurmctld, news):
    """A trigger told it, and the playbooks left it alone."""
    reason = {"by_slurmctld": by_slurmctld, "since": CHANGED - 10}
    during, states = ledger.seen(record(known, fell=[CHANGED]), shown(f"{flags}+MAINTENANCE", **reason), READ, NOW)
    assert (during.conditions, during.fell, states) == (read(known), (CHANGED,), [])
    after, states = ledger.seen(during, shown(flags, **reason), READ, NOW)
    assert states == news
    assert after.flaps(NOW) == (2 if "down" in news else 1)
    assert ledger.seen(after, shown(flags, **reason), NOW, NOW + 1)[1] == []


@pytest.mark.parametrize("busy", sorted(BUSY))
def test_a_node_that_still_has_jobs_is_draining(busy):
    assert ledger.conditions_of(shown(f"{busy}+DRAIN")) == {"draining"}
    assert ledger.conditions_of(shown(f"DOWN+{busy}+DRAIN")) == {"down", "draining"}
    assert ledger.conditions_of(shown(busy)) == frozenset()


FELL = {"reason": "Not responding", "since": CHANGED + 500, "by_slurmctld": True}


@pytest.mark.parametrize(
    ("known", "flags", "keys", "news"),
    [
        ("D", "DOWN", {}, ["down"]),
        ("D", "DOWN+NOT_RESPONDING", {}, ["down"]),
        ("D", "DOWN+FAIL", {}, ["fail", "down"]),
        # The reason was there when it was told.
        ("D", "DOWN", {"since": CHANGED - 10}, []),
        # Slurm gives whole seconds, and its clock is another one.
        ("D", "DOWN", {"since": CHANGED + ledger.CLOCKS}, []),
        # A person, or a playbook of ours, gave a new reason to a node that stayed down.
        ("D", "DOWN", {"by_slurmctld": False}, []),
        # Drained, a node that comes back keeps its reason.
        ("Dd", "DOWN+DRAIN", {}, []),
        # Planned, as it is.
        ("D", "DOWN+REBOOT_ISSUED", {}, []),
        # For nodes that are not down a reason tells nothing.
        ("d", "IDLE+DRAIN", {}, []),
        ("D", "IDLE+FAIL", {}, ["fail"]),
    ],
)
def test_a_node_that_fell_again_unseen(known, flags, keys, news):
    before = record(known, fell=[CHANGED])
    after, states = ledger.seen(before, shown(flags, **{**FELL, **keys}), READ, NOW)
    assert states == news
    assert after.flaps(NOW) == (2 if "down" in news else 1)
    # Once.
    assert ledger.seen(after, shown(flags, **{**FELL, **keys}), NOW, NOW + 1)[1] == []


@pytest.mark.parametrize(
    ("unwatched", "since", "news"),
    [
        (CHANGED + 100, CHANGED + 500, ["drained", "down"]),
        # Its reason was there when somebody watched.
        (CHANGED + 100, CHANGED + 50, []),
        # It was told while no snapshot came.
        (CHANGED - 100, CHANGED - 1, []),
        (float("inf"), CHANGED + 500, []),
    ],
)
def test_what_happened_while_nobody_watched_is_news(unwatched, since, news):
    """As where another listener did, and this one stood by: it was reported and ended, and is there anew."""
    before, group = record("Dd", fell=[CHANGED]), shown("DOWN+DRAIN", "another", since=since)
    after, states = ledger.seen(before, group, READ, NOW, unwatched)
    assert states == news
    assert after.flaps(NOW) == (2 if news else 1)


def test_flaps_are_counted_within_the_hour():
    known, counts = Record("n1"), []
    for minute in range(0, 180, 20):
        known, news = ledger.told(known, "down", minute * 60.0)
        assert news
        counts.append(known.flaps(minute * 60.0))
        known, news = ledger.told(known, "up", minute * 60.0 + 300)
        assert news
    assert counts == [1, 2, 3, 3, 3, 3, 3, 3, 3]
    assert len(known.fell) == 3
    assert known.flaps(1e9) == 0


def test_a_second_condition_is_no_flap():
    known = Record("n1")
    for state in ("draining", "drained", "down", "fail"):
        known, _news = ledger.told(known, state, NOW)
    assert known.flaps(NOW) == 1
    known, states = ledger.seen(Record("n1"), shown("DOWN+DRAIN+FAIL"), READ, NOW)
    assert (states, known.flaps(NOW)) == (["fail", "drained", "down"], 1)


def test_a_node_that_flaps_without_end_stays_small():
    known = Record("n1")
    for number in range(500):
        known, _news = ledger.told(known, "down", NOW + number)
        known, _news = ledger.told(known, "resume", NOW + number)
    assert len(known.fell) <= ledger.MOST_FLAPS + 1


def test_details_end_with_what_is_told():
    for state in ("down", "resume"):
        after, _news = ledger.told(record("d"), state, NOW)
        assert after.details == {}


def test_rows(tmp_path):
    core = Core(tmp_path / "db")
    records = [
        Record("n1", frozenset(("down", "drained")), 5.5, (1.0, 2.5), {"reason": "\ud800 ä"}),
        Record("n2", frozenset(), NOW),
        Record("n3", frozenset(("fail",)), NOW),
        Record("n4", frozenset(), NOW - ledger.FLAP_WINDOW - 1),
    ]
    with core.database.transaction() as connection:
        rows = Ledger(connection)
        rows.write(ledger.rows_of(records))
        assert list(rows.read(["n1", "n3", "n9"]).values()) == [records[0], records[2], Record("n9")]
        assert rows.unwell() == {"n1": records[0], "n3": records[2]}
        rows.write(ledger.rows_of([records[2]._replace(conditions=frozenset())]))
        assert list(rows.unwell()) == ["n1"]
        rows.prune(NOW)
        assert rows.read(["n2", "n4"]) == {"n2": records[1], "n4": Record("n4")}
        rows.forget(["n1", "n9", "n2"])
        assert rows.unwell() == {}
    core.close()


def test_every_state_is_a_condition_or_ends_some():
    assert set(STATES) == set(CONDITIONS) | set(ledger.ENDS)
    assert not set(CONDITIONS) & set(ledger.ENDS)
    assert set(itertools.chain(*ledger.ENDS.values())) <= set(CONDITIONS)
