# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS, execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import FIELDS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.flags import as_flags
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.info import plan_info
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.plan import plan_reservation
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.records import DETAILS, details, load
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

NOW = 1_800_000_000
HOUR = 3600
YEAR = 365 * 24 * HOUR
OPTIONS: dict[str, Any] = {
    **dict.fromkeys((*FIELDS, "nodes", "flags", "start_time", "end_time", "duration")),
    "name": "r",
    "state": "present",
    "purge_nodes": False,
}
# Of each field a value, the same written otherwise, another one, and how an empty one is given.
VALUES: dict[str, tuple[Any, Any, Any, Any]] = {
    "users": (["alice", "root"], ["root ", "alice", "root"], ["bob"], []),
    "accounts": (["art", "physics"], ["physics", "art"], ["art"], []),
    "groups": (["a", "b"], ["b", "a"], ["c"], []),
    "qos": (["high", "low"], ["low", "high"], ["low"], []),
    "allowed_partitions": (["gpu", "main"], ["main", "gpu"], ["gpu"], []),
    "licenses": (["l:2", "m:1"], ["m", "l:2"], ["l:1"], []),
    "partition": ("main", " main ", "gpu", ""),
    "features": ("large", "large ", "small", ""),
    "burst_buffer": ("x", " x", "y", ""),
    "comment": ("why = this", " why = this ", "other", ""),
    "max_start_delay": ("90", "1:30:00", "2:00:00", ""),
}
# What Slurm refuses of an existing reservation, and the module before it.
UNCLEARABLE = ("allowed_partitions", "partition")
NEW_ONLY = ("features",)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock, stopped; tests set it."""
    times = [NOW]
    monkeypatch.setattr("time.time", lambda: float(times[0]))
    return times


@pytest.fixture
def slurm() -> FakeSlurm:
    fake = FakeSlurm({"n[1-6]": "IDLE"})
    fake.records["n6"]["partitions"] = ["main", "gpu"]
    fake.reserved.qos = {"high", "low"}
    fake.reserved.licenses = {"l", "m"}
    return fake


def run(slurm: FakeSlurm, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return execute(plan_reservation, slurm, {**OPTIONS, **given}, check_mode)


def exists(slurm: FakeSlurm, **given: Any) -> dict[str, Any]:
    """Make a reservation that has not started, of n1 and n2 for two hours, and forget that it was written."""
    times = {} if {"duration", "end_time"} & set(given) else {"duration": "120"}
    given = {"nodes": ["n[1-2]"], "flags": [], "start_time": str(NOW + HOUR), **times, **given}
    made = run(slurm, **given)["reservation"]
    slurm.writes.clear()
    return dict(made)


def iso(epoch: int) -> str:
    return datetime.fromtimestamp(epoch).strftime("%Y-%m-%dT%H:%M:%S")


def told_and_done(slurm: FakeSlurm, writes: int = 1, **given: Any) -> dict[str, Any]:
    """Do a task: check mode tells every field of what is done, it takes one write, and again it takes none."""
    predicted = run(slurm, check_mode=True, **given)
    assert sum(slurm.writes.values()) == 0
    done = run(slurm, **given)
    assert done == predicted
    assert (done["changed"], sum(slurm.writes.values())) == (bool(writes), writes)
    stored = next((it for it in load(slurm) if it["name"] == "r"), None)
    assert done["reservation"] == (None if stored is None else details(stored))
    again = run(slurm, **given)
    assert (again["changed"], again["reservation"]) == (False, done["reservation"])
    assert sum(slurm.writes.values()) == writes
    return done


# A new one.


def test_the_defaults_of_a_new_one(slurm: FakeSlurm) -> None:
    done = told_and_done(slurm, nodes=["n[2-3]"])
    assert done["reservation"] == {
        **{name: field.empty for name, field in FIELDS.items()},
        "name": "r",
        "nodes": ["n2", "n3"],
        "start_time": NOW,
        "end_time": NOW + YEAR,
        "duration": 525600,
        "flags": ["IGNORE_JOBS", "MAINT", "OVERLAP"],
        "users": ["root"],
    }
    assert set(done["diff"]["before"]["reservation r"].values()) == {None}
    assert done["diff"]["after"]["reservation r"]["nodes"] == ["n2", "n3"]


@pytest.mark.parametrize("field", ["accounts", "groups", "qos", "allowed_partitions"])
def test_root_is_not_in_a_reservation_for_others(slurm: FakeSlurm, field: str) -> None:
    assert told_and_done(slurm, nodes=["n1"], **{field: VALUES[field][0]})["reservation"]["users"] == []
    run(slurm, state="absent")
    assert run(slurm, nodes=["n1"], **{field: []})["reservation"]["users"] == ["root"]


@pytest.mark.parametrize("nodes", [None, [], [""]])
def test_a_new_one_needs_nodes(slurm: FakeSlurm, nodes: Any) -> None:
    with pytest.raises(SlurmError, match="there is no reservation r: give nodes to make it"):
        run(slurm, nodes=nodes)


def test_unknown_nodes(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match=r"the cluster has no node n\[7-8\]; nothing was changed"):
        run(slurm, nodes=["n[1,7-8]"])
    exists(slurm)
    with pytest.raises(SlurmError, match="the cluster has no node n9"):
        run(slurm, nodes=["n9"])
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize("name", ["", " ", "a b", "a\tb", "a,b", "a=b"])
def test_a_name_that_cannot_be(slurm: FakeSlurm, name: str) -> None:
    with pytest.raises(SlurmError, match="a reservation's name has no blanks, commas or equal signs"):
        run(slurm, name=name, nodes=["n1"])
    assert sum(slurm.reads.values()) == 0


@pytest.mark.parametrize(
    ("times", "start", "end"),
    [
        ({}, NOW, NOW + YEAR),
        ({"start_time": "now", "duration": "90"}, NOW, NOW + 5400),
        ({"start_time": "now+1hour"}, NOW + HOUR, NOW + HOUR + YEAR),
        ({"start_time": str(NOW + 60), "duration": "infinite"}, NOW + 60, NOW + 60 + YEAR),
        ({"start_time": iso(NOW + HOUR), "end_time": str(NOW + 3 * HOUR)}, NOW + HOUR, NOW + 3 * HOUR),
        ({"end_time": "now+2hours"}, NOW, NOW + 2 * HOUR),
    ],
)
def test_the_times_of_a_new_one(slurm: FakeSlurm, times: dict[str, str], start: int, end: int) -> None:
    made = told_and_done(slurm, nodes=["n1"], **times)["reservation"]
    assert (made["start_time"], made["end_time"], made["duration"]) == (start, end, (end - start) // 60)


def test_times_that_only_slurm_can_make_out(slurm: FakeSlurm) -> None:
    made = run(slurm, nodes=["n1"], start_time="tomorrow", duration="60")
    start = made["reservation"]["start_time"]
    assert NOW < start <= NOW + 25 * HOUR
    assert datetime.fromtimestamp(start).strftime("%H:%M") == "00:00"
    assert run(slurm, start_time="tomorrow")["changed"] is False


@pytest.mark.parametrize("end", [str(NOW), iso(NOW - HOUR), "now"])
def test_an_end_before_the_start(slurm: FakeSlurm, end: str) -> None:
    with pytest.raises(SlurmError, match="end_time is not after the start"):
        run(slurm, nodes=["n1"], end_time=end)


# Each field, given or not, of one that is there or not.


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(("field", "given"), [*itertools.product(VALUES, ("none", "same", "other", "empty"))])
def test_a_field(slurm: FakeSlurm, field: str, given: str, there: bool) -> None:
    value, same, other, empty = VALUES[field]
    # With accounts and without users and groups, which exclude each other, each of the fields can be anything.
    base = {"accounts": ["base"]} if field != "accounts" else {"users": ["root"]}
    if there:
        exists(slurm, **{**base, field: value})
    options = {**base, "nodes": ["n1"], field: {"none": None, "same": same, "other": other, "empty": empty}[given]}
    if not there:
        options.update(flags=[], start_time=str(NOW + HOUR))
    if there and field in (UNCLEARABLE if given == "empty" else NEW_ONLY if given == "other" else ()):
        with pytest.raises(SlurmError, match="make the reservation anew"):
            run(slurm, check_mode=True, **options)
        return
    done = told_and_done(slurm, int(not there or given in ("other", "empty")), **options)
    stored = FIELDS[field].normalise(other) if given == "other" else FIELDS[field].normalise(value)
    absent = given == "empty" or (given == "none" and not there)
    assert done["reservation"][field] == (FIELDS[field].empty if absent else stored)


@pytest.mark.parametrize("field", VALUES)
def test_what_is_normal_stays_so(field: str) -> None:
    value, same, _other, _empty = VALUES[field]
    normal = FIELDS[field].normalise(value)
    assert FIELDS[field].normalise(same) == normal
    if field != "max_start_delay":  # given in minutes, kept in seconds
        assert FIELDS[field].normalise(normal) == normal


def test_a_text_is_one_line(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match="a reservation's text is one line"):
        run(slurm, nodes=["n1"], comment="a\nb")


def test_slurm_wants_somebody_to_use_it(slurm: FakeSlurm) -> None:
    exists(slurm)
    with pytest.raises(SlurmError, match="lacks users, groups or accounts"):
        run(slurm, users=[])
    slurm.writes.clear()
    assert told_and_done(slurm, users=[], groups=["a"])["reservation"]["groups"] == ["a"]


def test_several_fields_are_one_write(slurm: FakeSlurm) -> None:
    exists(slurm)
    done = told_and_done(
        slurm, nodes=["n3"], comment="c", flags=["FLEX"], start_time=str(NOW + 60), duration="30", users=["bob"]
    )
    assert set(done["diff"]["after"]["reservation r"]) == {
        *("nodes", "comment", "flags", "start_time", "end_time", "duration", "users"),
    }


# Flags.


@pytest.mark.parametrize(
    ("there", "given", "after"),
    [
        ([], ["maint"], ["MAINT"]),
        (["MAINT"], ["MAINTENANCE"], ["MAINT"]),
        (["MAINT", "FLEX"], ["FLEX", "MAINT", "FLEX"], ["FLEX", "MAINT"]),
        (["MAINT", "FLEX"], ["IGNORE_RUNNING"], ["IGNORE_JOBS"]),
        (["MAINT", "FLEX"], [], []),
        (["OVERLAP"], ["OVERLAP", "STATIC_ALLOC", "USER_DEL"], ["OVERLAP", "STATIC", "USER_DELETE"]),
        ([], ["PURGE_COMP"], ["PURGE_COMP=00:05:00"]),
        (["PURGE_COMP"], ["PURGE_COMP=5"], ["PURGE_COMP=00:05:00"]),
        (["PURGE_COMP"], ["PURGE_COMP=1-02:00"], ["PURGE_COMP=1-02:00:00"]),
        (["PURGE_COMP=90:30"], [], []),
        (["MAINT"], ["MAINT", "SPEC_NODES", "ALL_NODES"], ["MAINT"]),
    ],
)
def test_flags_are_exact(slurm: FakeSlurm, there: list[str], given: list[str], after: list[str]) -> None:
    before = exists(slurm, flags=there)["flags"]
    done = told_and_done(slurm, int(before != after), flags=given)
    assert done["reservation"]["flags"] == after
    assert as_flags(after) == after


@pytest.mark.parametrize("flag", ["OVERLAP", "TIME_FLOAT", "NO_HOLD_JOBS_AFTER"])
def test_flags_that_stay(slurm: FakeSlurm, flag: str) -> None:
    exists(slurm, flags=[flag, "MAINT"])
    with pytest.raises(SlurmError, match=f"Slurm cannot take the flag {flag}.* from a reservation"):
        run(slurm, check_mode=True, flags=["MAINT"])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["MANT"], "a reservation has no flag MANT: did you mean MAINT"),
        (["MAINT=1"], "the flag MAINT "),
        (["PURGE_COMP=x"], "PURGE_COMP is no duration"),
        (["REPLACE"], "Slurm does not give the flag REPLACE to a reservation whose nodes are named"),
    ],
)
def test_flags_that_cannot_be(slurm: FakeSlurm, flags: list[str], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, check_mode=True, nodes=["n1"], flags=flags)


@pytest.mark.parametrize("flag", ["TIME_FLOAT", "FORCE_START", "SKIP"])
def test_flags_of_a_new_one_only(slurm: FakeSlurm, flag: str) -> None:
    exists(slurm)
    with pytest.raises(SlurmError, match=f"Slurm does not give the flag {flag} to a reservation that exists"):
        run(slurm, check_mode=True, flags=[flag])


# Nodes.


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"nodes": ["n1"]}, ["n1", "n2"]),
        ({"nodes": ["n[1-3]"]}, ["n1", "n2", "n3"]),
        ({"nodes": ["n3"]}, ["n1", "n2", "n3"]),
        ({"nodes": ["n3"], "purge_nodes": True}, ["n3"]),
        ({"nodes": ["n2,n1"], "purge_nodes": True}, ["n1", "n2"]),
        ({"nodes": ["n2"], "state": "absent"}, ["n1"]),
        ({"nodes": ["n[2-6]"], "state": "absent"}, ["n1"]),
        ({"nodes": ["n5", "gone7"], "state": "absent"}, ["n1", "n2"]),
        ({"nodes": [], "state": "absent"}, ["n1", "n2"]),
        ({"nodes": ["n[1-2]"], "state": "absent"}, None),
        ({"nodes": ["n[1-6]"], "state": "absent"}, None),
        ({"state": "absent"}, None),
    ],
)
def test_nodes(slurm: FakeSlurm, options: dict[str, Any], after: list[str] | None) -> None:
    exists(slurm)
    done = told_and_done(slurm, int(after != ["n1", "n2"]), **options)
    assert (done["reservation"] or {"nodes": None})["nodes"] == after
    assert slurm.writes["delete_reservation"] == int(after is None)


def test_nodes_that_are_none(slurm: FakeSlurm) -> None:
    exists(slurm)
    with pytest.raises(SlurmError, match="nodes is empty: name nodes, or use state=absent"):
        run(slurm, nodes=[])


@pytest.mark.parametrize("nodes", [None, ["n1"]])
def test_one_that_is_not_there_is_absent(slurm: FakeSlurm, nodes: Any) -> None:
    assert told_and_done(slurm, 0, state="absent", nodes=nodes)["reservation"] is None


def test_the_diff_of_one_that_goes(slurm: FakeSlurm) -> None:
    before = exists(slurm)
    sides = run(slurm, state="absent")["diff"]
    assert set(sides["after"]["reservation r"].values()) == {None}
    assert sides["before"]["reservation r"] == {name: before[name] for name in DETAILS if before[name] is not None}


# Times of one that is there.


@pytest.mark.parametrize(
    ("options", "start", "end"),
    [
        ({"start_time": str(NOW + HOUR)}, 1, 3),
        ({"start_time": iso(NOW + HOUR), "duration": "2:00:00"}, 1, 3),
        ({"start_time": str(NOW + 2 * HOUR)}, 2, 4),
        ({"start_time": str(NOW + 2 * HOUR), "duration": "60"}, 2, 3),
        ({"start_time": str(NOW + 2 * HOUR), "end_time": str(NOW + 8 * HOUR)}, 2, 8),
        ({"end_time": iso(NOW + 5 * HOUR)}, 1, 5),
        ({"duration": "240"}, 1, 5),
        ({"start_time": "now"}, 0, 2),
        ({"start_time": "now", "duration": "60"}, 0, 1),
        # Another moment on each run: for a new one.
        ({"start_time": "now+1hour"}, 1, 3),
        ({"start_time": "tomorrow"}, 1, 3),
        ({"start_time": "10:00", "end_time": "now+9hours"}, 1, 3),
        ({"end_time": "tomorrow"}, 1, 3),
    ],
)
def test_times(slurm: FakeSlurm, options: dict[str, Any], start: int, end: int) -> None:
    exists(slurm)
    made = told_and_done(slurm, int((start, end) != (1, 3)), **options)["reservation"]
    assert ((made["start_time"] - NOW) / HOUR, (made["end_time"] - NOW) / HOUR) == (start, end)
    assert made["duration"] == (end - start) * 60


def test_infinite_is_a_year_and_stays(slurm: FakeSlurm, clock: list[int]) -> None:
    exists(slurm, duration="infinite")
    clock[0] += 5 * HOUR
    assert run(slurm, duration="infinite")["changed"] is False
    assert told_and_done(slurm, duration="60-0")["reservation"]["duration"] == 86400


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"start_time": "now"}, False),
        ({"start_time": "now+1hour"}, False),
        ({"start_time": str(NOW + HOUR)}, False),
        ({"start_time": str(NOW + 5 * HOUR)}, True),
        ({"start_time": str(NOW)}, True),
    ],
)
def test_the_start_of_one_that_has_started(
    slurm: FakeSlurm, clock: list[int], options: dict[str, Any], refused: bool
) -> None:
    exists(slurm)
    clock[0] += HOUR
    if refused:
        with pytest.raises(SlurmError, match="the reservation r has started, its start cannot change"):
            run(slurm, check_mode=True, **options)
    else:
        told_and_done(slurm, 0, **options)


def test_the_end_of_one_that_has_started(slurm: FakeSlurm, clock: list[int]) -> None:
    exists(slurm)
    clock[0] += 2 * HOUR
    told_and_done(slurm, end_time=str(NOW + 9 * HOUR))


def test_a_recurring_one_moves_on_by_itself(slurm: FakeSlurm, clock: list[int]) -> None:
    task = {"flags": ["DAILY"], "start_time": str(NOW + HOUR), "end_time": str(NOW + 3 * HOUR)}
    exists(slurm, **task)
    slurm.reserved.stored["r"]["start_time"] += 24 * HOUR
    slurm.reserved.stored["r"]["end_time"] += 24 * HOUR
    for clock[0] in (NOW + 4 * HOUR, NOW + 26 * HOUR):  # between two occurrences, and in the second
        told_and_done(slurm, 0, **task)


# Two at once.


def test_somebody_else_makes_it_meanwhile(slurm: FakeSlurm) -> None:
    theirs = {"nodes": "n1", "users": "root", "starttime": "now", "duration": "infinite", "flags": "MAINT"}
    slurm.meanwhile.append(lambda: slurm.reserved.create("r", theirs, "scontrol create reservation"))
    done = run(slurm, nodes=["n2"])
    assert done["changed"] is True
    assert done["reservation"]["nodes"] == ["n1", "n2"]
    assert slurm.writes == {"create_reservation": 1, "update_reservation": 1}


def test_somebody_else_deletes_it_meanwhile(slurm: FakeSlurm) -> None:
    exists(slurm)
    slurm.meanwhile.append(lambda: slurm.reserved.delete("r", False, "scontrol delete reservationname=r"))
    done = run(slurm, state="absent")
    assert (done["changed"], done["reservation"]) == (False, None)
    exists(slurm)
    slurm.meanwhile.append(lambda: slurm.reserved.delete("r", False, "scontrol delete reservationname=r"))
    assert run(slurm, nodes=["n4"])["reservation"]["nodes"] == ["n4"]


def test_two_put_nodes_in_at_once(slurm: FakeSlurm) -> None:
    exists(slurm)
    slurm.meanwhile.append(lambda: slurm.reserved.update("r", {"nodes+": "n5"}, "scontrol"))
    assert run(slurm, nodes=["n3"])["reservation"]["nodes"] == ["n1", "n2", "n3", "n5"]


def test_a_conflict_that_stays(slurm: FakeSlurm) -> None:
    slurm.broken = ConflictError("taken", 2082, "ESLURM_RESERVATION_NAME_DUP")
    with pytest.raises(ConflictError, match="taken"):
        run(slurm, nodes=["n1"])
    assert slurm.writes == {"create_reservation": ATTEMPTS}


def test_one_that_jobs_use(slurm: FakeSlurm) -> None:
    exists(slurm)
    slurm.submit("--nodelist=n1", "--reservation=r")
    with pytest.raises(SlurmError, match="Requested reservation is in use"):
        run(slurm, state="absent")


def test_it_is_gone_when_it_is_read_back(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    exists(slurm)
    monkeypatch.setattr(slurm, "update_reservation", lambda name, fields: slurm.reserved.stored.clear())
    assert run(slurm, comment="c")["reservation"] is None


def test_an_ordinary_user_is_refused(slurm: FakeSlurm) -> None:
    slurm.asking = "alice"
    with pytest.raises(SlurmError, match="use become"):
        run(slurm, nodes=["n1"])


# slurm_reservation_info.


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["r", "s"]),
        ({"names": ["s", "nosuch"]}, ["s"]),
        ({"names": []}, []),
        ({"nodes": ["n[2-3]"]}, ["r"]),
        ({"nodes": ["n[1-6]"]}, ["r", "s"]),
        ({"nodes": ["n5"]}, []),
        ({"nodes": ["n4"], "names": ["r"]}, []),
    ],
)
def test_info(slurm: FakeSlurm, options: dict[str, Any], names: list[str]) -> None:
    exists(slurm)
    exists(slurm, name="s", nodes=["n4"], flags=["MAINT"])
    given = {"names": None, "nodes": None, **options}
    found = execute(plan_info, slurm, given, check_mode=False)
    assert list(found["reservations"]) == names
    assert all({*DETAILS, "state", "node_count", "tres"} <= set(it) for it in found["reservations"].values())
    assert (found["changed"], slurm.writes) == (False, {})
