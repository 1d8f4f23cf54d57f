# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reservations, on the fake and on a real controller."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import FIELDS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.plan import plan_reservation
from ansible_collections.hpc.slurm.tests.contract.cluster import (
    NODES,
    RESERVATION,
    RESERVATION_OPTIONS,
    RealSlurm,
    has_accounting,
    job_records,
    until,
)
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm


def reserve(slurm: Slurm, **fields: str) -> None:
    defaults = {"nodes": "big[00901-00902]", "users": "root", "starttime": "now", "duration": "60"}
    slurm.create_reservation(RESERVATION, {**defaults, **fields})


def reserved(slurm: Slurm, name: str = RESERVATION) -> dict[str, Any] | None:
    return next((found for found in slurm.reservations() if found["name"] == name), None)


def test_a_reservation_is_made_listed_and_deleted(slurm: Slurm) -> None:
    before = int(time.time())
    reserve(slurm, duration="infinite", flags="MAINT,IGNORE_JOBS,OVERLAP", comment="a = b, c")
    found = reserved(slurm)
    assert found is not None
    assert before <= found.pop("start_time") <= time.time()
    assert found.pop("end_time") >= before + 365 * 24 * 3600
    cores = found.pop("core_count")
    assert cores > 0
    assert found == {
        **{name: field.empty for name, field in FIELDS.items()},
        "name": RESERVATION,
        "state": "ACTIVE",
        "nodes": "big[00901-00902]",
        "node_count": 2,
        "duration": 365 * 24 * 60,
        "flags": ["IGNORE_JOBS", "MAINT", "OVERLAP", "SPEC_NODES"],
        "users": ["root"],
        "tres": {"cpu": str(cores)},
        "comment": "a = b, c",
    }
    slurm.delete_reservation(RESERVATION)
    assert reserved(slurm) is None


@pytest.mark.parametrize(
    ("fields", "errno", "words"),
    [
        ({"nodes": "nosuch"}, 2018, "Invalid node name specified"),
        ({"users": ""}, None, "Either Users/Groups, AllowedPartitions, QOS and/or Accounts must be specified"),
        ({"users": "nosuchuser"}, None, "Unspecified error"),
        ({"users": "root", "groups": "root"}, None, "one or the other"),
        ({"partitionname": "nosuch"}, 2000, "Invalid partition name specified"),
        ({"allowedpartitions": "nosuch"}, 2000, "Invalid partition name specified"),
        ({"qos": "nosuch"}, 2066, "Invalid qos specification"),
        ({"licenses": "nosuch:1"}, 2048, "Invalid license specification"),
        ({"starttime": "2020-01-01T00:00:00"}, 2054, "Invalid time specified"),
        ({"starttime": "nonsense"}, None, "Invalid start time"),
        ({"flags": "NOSUCH"}, None, "Error parsing flags NOSUCH"),
        ({"nonsense": "1"}, None, "Unknown parameter nonsense=1"),
    ],
)
def test_a_reservation_that_is_refused(slurm: Slurm, fields: dict[str, str], errno: int | None, words: str) -> None:
    with pytest.raises(SlurmError, match=words) as caught:
        reserve(slurm, **fields)
    assert caught.value.errno == errno
    assert reserved(slurm) is None


def test_a_reservation_that_ends_before_it_starts(slurm: Slurm) -> None:
    fields = {"nodes": NODES[0], "users": "root", "starttime": "now", "endtime": "2020-01-01T00:00:00"}
    with pytest.raises(SlurmError, match="Start time cannot be after end time"):
        slurm.create_reservation(RESERVATION, fields)


def test_a_reservation_of_no_time_at_all_never_ends(slurm: Slurm) -> None:
    reserve(slurm, duration="0")
    found = reserved(slurm)
    assert found is not None
    assert found["end_time"] == 2**32 - 1


def test_a_name_that_is_taken(slurm: Slurm) -> None:
    reserve(slurm)
    with pytest.raises(ConflictError) as caught:
        reserve(slurm, nodes=NODES[4])
    assert (caught.value.errno, caught.value.name) == (2082, "ESLURM_RESERVATION_NAME_DUP")
    assert caught.value.call == "scontrol create reservation"


@pytest.mark.parametrize("flag", ["", "FLEX", "MAINT", "OVERLAP"])
@pytest.mark.parametrize("there", ["", "MAINT", "OVERLAP"])
def test_nodes_that_are_reserved_already(slurm: Slurm, flag: str, there: str) -> None:
    reserve(slurm, flags=there)
    fields = {"nodes": NODES[1], "users": "root", "starttime": "now", "duration": "60", "flags": flag}
    if flag in ("MAINT", "OVERLAP") or there:
        slurm.create_reservation(f"{RESERVATION}-2", fields)
        assert reserved(slurm, f"{RESERVATION}-2") is not None
    else:
        with pytest.raises(SlurmError) as caught:
            slurm.create_reservation(f"{RESERVATION}-2", fields)
        assert (caught.value.errno, caught.value.name) == (2058, "ESLURM_RESERVATION_OVERLAP")


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"nodes+": "big[00902-00903]"}, "nodes", "big[00901-00903]"),
        ({"nodes-": "big[00902-00903]"}, "nodes", "big00901"),
        ({"nodes-": "big00903"}, "nodes", "big[00901-00902]"),
        ({"nodes": "big00904"}, "nodes", "big00904"),
        ({"users": "slurm,root"}, "users", ["root", "slurm"]),
        ({"users": "+slurm,-root"}, "users", ["slurm"]),
        ({"users": "+slurm,+root"}, "users", ["root", "slurm"]),
        ({"accounts": "-physics"}, "accounts", ["-physics"]),
        ({"nodecnt": "1"}, "node_count", 1),
        ({"nodes": "ALL", "partitionname": "main"}, "partition", "main"),
        ({"users": "", "accounts": "physics"}, "accounts", ["physics"]),
        ({"users": "", "groups": "root"}, "users", []),
        ({"allowedpartitions": "main,big"}, "allowed_partitions", ["big", "main"]),
        ({"partitionname": "main"}, "partition", "main"),
        ({"burstbuffer": "x"}, "burst_buffer", "x"),
        ({"features": ""}, "features", None),
        ({"licenses": ""}, "licenses", []),
        ({"comment": "a = b,c"}, "comment", "a = b,c"),
        ({"maxstartdelay": "90"}, "max_start_delay", 5400),
        ({"flags": "+FLEX,-MAINT"}, "flags", ["FLEX", "SPEC_NODES"]),
        ({"flags": "FLEX"}, "flags", ["FLEX", "MAINT", "SPEC_NODES"]),
        ({"flags": "+OVERLAP"}, "flags", ["MAINT", "OVERLAP", "SPEC_NODES"]),
        ({"flags": "-FLEX"}, "flags", ["MAINT", "SPEC_NODES"]),
        ({"flags": "+PURGE_COMP"}, "flags", ["MAINT", "PURGE_COMP=00:05:00", "SPEC_NODES"]),
        ({"flags": "+PURGE_COMP=01:30:00"}, "flags", ["MAINT", "PURGE_COMP=01:30:00", "SPEC_NODES"]),
        ({"flags": ""}, "flags", ["MAINT", "SPEC_NODES"]),
        ({"duration": "30"}, "duration", 30),
        ({"duration": "infinite"}, "duration", 365 * 24 * 60),
        ({"endtime": "now+2hours"}, "duration", 120),
    ],
)
def test_a_field_of_a_reservation(slurm: Slurm, fields: dict[str, str], field: str, value: Any) -> None:
    reserve(slurm, flags="MAINT")
    if "groups" in fields and has_accounting(slurm):  # why the module refuses it
        with pytest.raises(SlurmError):
            slurm.update_reservation(RESERVATION, fields)
        return
    slurm.update_reservation(RESERVATION, fields)
    found = reserved(slurm)
    assert found is not None
    if field == "duration":  # the clock may have moved on between the two requests
        assert value <= found[field] <= value + 1
    else:
        assert found[field] == value


@pytest.mark.parametrize(
    ("set_to", "cleared", "field", "value"),
    [
        ({"comment": "c"}, {"comment": ""}, "comment", None),
        ({"burstbuffer": "x"}, {"burstbuffer": ""}, "burst_buffer", None),
        ({"maxstartdelay": "90"}, {"maxstartdelay": "0"}, "max_start_delay", None),
        ({"accounts": "physics"}, {"accounts": ""}, "accounts", []),
        ({"flags": "+PURGE_COMP"}, {"flags": "-PURGE_COMP"}, "flags", ["SPEC_NODES"]),
        # Taken, and nothing done: why the module refuses it.
        ({"allowedpartitions": "big"}, {"allowedpartitions": ""}, "allowed_partitions", ["big"]),
    ],
)
def test_a_field_of_a_reservation_is_cleared(
    slurm: Slurm, set_to: dict[str, str], cleared: dict[str, str], field: str, value: Any
) -> None:
    reserve(slurm)
    slurm.update_reservation(RESERVATION, set_to)
    slurm.update_reservation(RESERVATION, cleared)
    found = reserved(slurm)
    assert found is not None
    assert found[field] == value


@pytest.mark.parametrize(
    ("fields", "errno", "words"),
    [
        ({"nodes": "nosuch"}, 2053, "Requested reservation is invalid"),
        ({"nodes+": "nosuch"}, 2018, "Invalid node name specified"),
        ({"nodes-": "big[00901-00902]"}, 2053, "Requested reservation is invalid"),
        ({"users": ""}, 2080, "lacks users, groups or accounts"),
        ({"users": "-root"}, 2080, "lacks users, groups or accounts"),
        ({"users": "-slurm"}, 2010, "Invalid user id"),
        ({"users": "-slurm,-root"}, 2010, "Invalid user id"),
        ({"allowedpartitions": "-big"}, 2000, "Invalid partition name"),
        ({"allowedpartitions": ""}, 2000, "Invalid partition name"),
        ({"corecnt": "1"}, 2109, "Core-based reservation can not be updated"),
        ({"users": "nosuchuser"}, 2010, "Invalid user id"),
        ({"groups": "root"}, None, "only one or the other"),
        ({"users": "", "groups": "nosuch"}, 2113, "Invalid group id"),
        ({"partitionname": ""}, 2000, "Invalid partition name specified"),
        ({"allowedpartitions": "nosuch"}, 2000, "Invalid partition name"),
        ({"qos": ""}, 2066, "Invalid qos"),
        ({"features": "large"}, 2036, "not supported"),
        ({"licenses": "nosuch:5"}, 2048, "Invalid license specification"),
        ({"maxstartdelay": ""}, None, "Invalid duration maxstartdelay="),
        ({"flags": "-OVERLAP"}, None, "Error parsing flags -OVERLAP"),
        ({"flags": "+SPEC_NODES"}, None, "Error parsing flags"),
        ({"starttime": "now+1hour"}, 2104, "Reservation already started"),
        ({"starttime": "now"}, 2104, "Reservation already started"),
        ({"endtime": "2020-01-01T00:00:00"}, 2054, "Invalid time specified"),
        ({"nonsense": "1"}, None, "Unknown parameter nonsense=1"),
    ],
)
def test_a_change_of_a_reservation_that_is_refused(
    slurm: Slurm, fields: dict[str, str], errno: int | None, words: str
) -> None:
    reserve(slurm)
    before = reserved(slurm)
    with pytest.raises(SlurmError, match=words) as caught:
        slurm.update_reservation(RESERVATION, fields)
    assert caught.value.errno == errno
    assert reserved(slurm) == before


@pytest.mark.parametrize(
    ("fields", "start", "duration"),
    [
        ({"starttime": "now+2hours"}, 7200, 60),
        ({"starttime": "now+1hour", "duration": "10"}, 3600, 10),
        ({"starttime": "now+1hour", "endtime": "now+5hours"}, 3600, 240),
        ({"starttime": "now"}, 0, 60),
    ],
)
def test_a_new_start_moves_the_end(slurm: Slurm, fields: dict[str, str], start: int, duration: int) -> None:
    reserve(slurm, starttime="now+3hours")
    before = int(time.time())
    slurm.update_reservation(RESERVATION, fields)
    found = reserved(slurm)
    assert found is not None
    assert before + start <= found["start_time"] <= time.time() + start
    assert duration <= found["duration"] <= duration + 1
    assert found["state"] == ("INACTIVE" if start else "ACTIVE")


def test_a_duration_of_nothing(slurm: Slurm) -> None:
    """One that has started would end now."""
    reserve(slurm, starttime="now+3hours")
    with pytest.raises(SlurmError, match="Invalid time specified") as caught:
        slurm.update_reservation(RESERVATION, {"duration": "0"})
    assert caught.value.errno == 2054


def test_a_start_in_the_past(slurm: Slurm) -> None:
    reserve(slurm, starttime="now+3hours")
    with pytest.raises(SlurmError) as caught:
        slurm.update_reservation(RESERVATION, {"starttime": "2020-01-01T00:00:00"})
    assert caught.value.name == "ESLURM_INVALID_TIME_VALUE"


def test_a_reservation_that_is_not_there(slurm: Slurm) -> None:
    changes: list[Callable[[], None]] = [
        lambda: slurm.update_reservation(RESERVATION, {"comment": "x"}),
        lambda: slurm.delete_reservation(RESERVATION),
    ]
    for change in changes:
        with pytest.raises(ConflictError) as caught:
            change()
        assert (caught.value.errno, caught.value.name) == (2053, "ESLURM_RESERVATION_INVALID")


def test_a_reservation_in_use(slurm: RealSlurm | FakeSlurm) -> None:
    reserve(slurm, nodes="node5", users="slurm")
    number = slurm.submit(f"--reservation={RESERVATION}", "--nodelist=node5")
    until(lambda: [it["state"] for it in job_records(slurm, number)] == ["RUNNING"])
    with pytest.raises(SlurmError) as caught:
        slurm.delete_reservation(RESERVATION)
    assert (caught.value.errno, caught.value.name) == (2055, "ESLURM_RESERVATION_BUSY")


START = int(time.time()) + 7200
STEPS: list[dict[str, Any]] = [
    {"nodes": ["big[00901-00902]"]},
    {"nodes": ["big00903"]},
    {"nodes": ["big00903"], "state": "absent"},
    {"nodes": ["big[00902-00904]"], "purge_nodes": True},
    {"flags": ["MAINT", "OVERLAP", "FLEX", "PURGE_COMP"]},
    {"flags": ["MAINT", "OVERLAP", "PURGE_COMP=90"]},
    {"start_time": str(START), "duration": "2:00:00"},
    {"start_time": str(START + 600)},
    {"end_time": str(START + 6000)},
    {"duration": "infinite"},
    {"users": [], "accounts": ["physics"]},
    {"groups": ["root"], "accounts": []},
    {"groups": [], "users": ["slurm", "root"]},
    {"comment": "why = this", "burst_buffer": "x", "max_start_delay": "90", "partition": "big"},
    {"comment": "", "burst_buffer": "", "max_start_delay": ""},
    {"allowed_partitions": ["main", "big"]},
    {"start_time": "now"},
    {"state": "absent"},
]


def test_the_module_predicts_the_reservation(slurm: Slurm) -> None:
    """One life of a reservation: each step is predicted, done, and then needs nothing."""
    first = {"nodes": ["big00901"], "start_time": str(START - 600), "duration": "60"}
    for number, step in enumerate([first, *STEPS]):
        params = {**RESERVATION_OPTIONS, **step}
        predicted = execute(plan_reservation, slurm, params, check_mode=True)
        done = execute(plan_reservation, slurm, params, check_mode=False)
        if step.get("start_time") == "now":
            for outcome in (predicted, done):
                for field in ("start_time", "end_time"):
                    outcome["reservation"].pop(field)
                    outcome["diff"]["after"][f"reservation {RESERVATION}"].pop(field)
        assert done == predicted, (number, step)
        assert done["changed"] is True, (number, step)
        again = execute(plan_reservation, slurm, params, check_mode=False)
        assert again["changed"] is False, (number, step, again["diff"])
    assert reserved(slurm) is None


def run(slurm: Slurm, **options: Any) -> dict[str, Any]:
    """Run a task, and again, which changes nothing; return the reservation and whether the first run changed it."""
    params = {**RESERVATION_OPTIONS, **options}
    done = execute(plan_reservation, slurm, params, check_mode=False)
    again = execute(plan_reservation, slurm, params, check_mode=False)
    assert again["changed"] is False, (options, again["diff"])
    return {**(done["reservation"] or {}), "changed": done["changed"]}


# Lists of a reservation one after the other; a text: how the change is refused.
LISTS: list[tuple[str, list[tuple[list[str], str | None]]]] = [
    (
        "users",
        [
            (["-root"], None),
            (["-slurm"], None),
            (["-slurm", "-alice"], None),
            (["-alice"], None),
            (["root", "alice"], None),
            (["-root"], "cannot turn a list of allowed names"),
        ],
    ),
    (
        "accounts",
        [
            ([], None),
            (["-physics", "-art"], None),
            (["-art", "-chemistry"], None),
            ([], None),
            (["-art"], None),
            (["art"], None),
            (["-art"], "cannot turn a list of allowed names"),
        ],
    ),
    (
        "allowed_partitions",
        [
            (["-main"], None),
            (["-big"], None),
            (["-big", "-main"], None),
            (["main"], None),
            (["-main"], "cannot turn a list of allowed names"),
            ([], "cannot clear the list"),
        ],
    ),
]


@pytest.mark.parametrize(("field", "steps"), LISTS, ids=[name for name, _steps in LISTS])
def test_allowed_and_denied_names(slurm: Slurm, field: str, steps: list[tuple[list[str], str | None]]) -> None:
    base: dict[str, Any] = {"nodes": NODES[:1], **({} if field == "users" else {"users": ["root"]})}
    before = None
    for names, refused in steps:
        if refused:
            with pytest.raises(SlurmError, match=f"{field}: Slurm {refused}.*: delete and create the reservation"):
                run(slurm, **base, **{field: names})
        else:
            made = run(slurm, **base, **{field: names})
            assert (made[field], made["changed"]) == (sorted(names), True)
            before = sorted(names)
        found = reserved(slurm)
        assert found is not None
        assert found[field] == before


def test_denied_names_come_late_only_to_users_and_accounts(slurm: Slurm) -> None:
    reserve(slurm)
    for fields in ({"accounts": "-physics"}, {"users": "", "accounts": "+physics,-art"}):
        slurm.update_reservation(RESERVATION, fields)
    with pytest.raises(SlurmError, match="Slurm cannot add a list of denied names to an existing reservation"):
        run(slurm, allowed_partitions=["-main"])


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        ({"node_count": 2}, {"node_count": 2, "partition": "main", "flags": []}),
        ({"node_count": 2, "partition": "big"}, {"node_count": 2, "partition": "big", "flags": []}),
        ({"node_count": 1, "features": "large", "partition": "big"}, {"node_count": 1, "features": "large"}),
        ({"node_count": 2, "flags": ["REPLACE"]}, {"node_count": 2, "flags": ["REPLACE"]}),
        ({"node_count": 2, "flags": ["REPLACE_DOWN", "DAILY"]}, {"flags": ["DAILY", "REPLACE_DOWN"]}),
        ({"node_count": 2, "flags": ["MAINT", "IGNORE_JOBS", "OVERLAP"]}, {"node_count": 2}),
        ({"core_count": 3}, {"core_count": 3, "partition": "main", "flags": []}),
        ({"core_count": 5, "node_count": 2}, {"core_count": 5, "node_count": 2}),
        ({"core_count": 1, "nodes": ["node4"]}, {"core_count": 1, "nodes": ["node4"], "flags": []}),
        ({"nodes": ["ALL"], "partition": "main"}, {"partition": "main", "flags": ["IGNORE_JOBS", "MAINT", "OVERLAP"]}),
        ({"nodes": ["ALL"], "partition": "big", "flags": ["DAILY"]}, {"partition": "big", "flags": ["DAILY"]}),
        ({"nodes": ["ALL"]}, {"partition": None}),
        ({"licenses": ["lab:2"]}, {"licenses": ["lab:2"], "nodes": [], "node_count": 0, "flags": ["ANY_NODES"]}),
        (
            {"burst_buffer": "x", "flags": ["DAILY"]},
            {"burst_buffer": "x", "nodes": [], "flags": ["ANY_NODES", "DAILY"]},
        ),
    ],
)
def test_what_a_reservation_holds(slurm: Slurm, options: dict[str, Any], holds: dict[str, Any]) -> None:
    made = run(slurm, **options)
    assert {name: made[name] for name in holds} == holds
    assert (made["changed"], made["users"], made["duration"]) == (True, ["root"], 365 * 24 * 60)
    assert len(made["nodes"]) == made["node_count"]
    if options.get("nodes") == ["ALL"]:
        wanted = options.get("partition")
        nodes = slurm.nodes(("name", "partitions")).values()
        assert set(made["nodes"]) == {node["name"] for node in nodes if wanted in (None, *node["partitions"])}
    assert run(slurm, state="absent")["changed"] is True


@pytest.mark.parametrize(
    ("options", "errno", "words"),
    [
        ({"node_count": 9, "features": "nosuch"}, 2014, "Requested node configuration is not available"),
        ({"node_count": 9, "flags": ["DAILY"]}, 2016, "Requested nodes are busy"),
        ({"node_count": 1, "flags": ["REPLACE", "MAINT"]}, 2036, "not supported"),
        ({"tres": {"gres/nosuch": 1}}, 2115, "Invalid Trackable RESource"),
        ({"licenses": ["nosuch"]}, 2048, "Invalid license"),
    ],
)
def test_what_a_reservation_cannot_hold(slurm: Slurm, options: dict[str, Any], errno: int, words: str) -> None:
    with pytest.raises(SlurmError, match=words) as caught:
        run(slurm, **options)
    assert caught.value.errno == errno
    assert reserved(slurm) is None


def test_the_number_of_nodes_changes(slurm: Slurm) -> None:
    for count in (2, 3, 1):
        made = run(slurm, node_count=count)
        assert (made["node_count"], made["changed"]) == (count, True)
    assert len(run(slurm, nodes=["node6"])["nodes"]) in (1, 2)
    assert run(slurm, nodes=["ALL"], partition="main")["changed"] is True
    assert run(slurm, nodes=["node6"], state="absent")["changed"] is True
    assert "node6" not in run(slurm)["nodes"]


def test_cores_do_not_change(slurm: Slurm) -> None:
    run(slurm, core_count=2)
    for options in ({"nodes": ["node6"], "purge_nodes": True}, {"node_count": 3}):
        with pytest.raises(SlurmError, match="Core-based reservation can not be updated"):
            run(slurm, **options)
    assert run(slurm, licenses=["lab:1"], comment="c")["licenses"] == ["lab:1"]


def test_licenses_alone_get_nodes_later(slurm: Slurm) -> None:
    run(slurm, licenses=["lab:2"])
    with pytest.raises(SlurmError, match="Invalid license"):
        slurm.update_reservation(RESERVATION, {"licenses": ""})
    assert run(slurm, nodes=[NODES[0]], state="absent")["changed"] is False
    assert run(slurm, nodes=[NODES[0]], flags=[])["flags"] == []
    assert run(slurm, licenses=[])["licenses"] == []


@pytest.mark.parametrize("flag", ["MAINT", "OVERLAP"])
def test_why_reservations_of_chosen_nodes_have_no_flags_by_default(slurm: Slurm, flag: str) -> None:
    """With these flags Slurm chooses nodes that are reserved already."""
    run(slurm, nodes=["ALL"], partition="main", flags=[])
    fields = {"nodecnt": "1", "users": "root", "starttime": "now", "duration": "60"}
    with pytest.raises(SlurmError, match="Requested nodes are busy"):
        slurm.create_reservation(f"{RESERVATION}-2", fields)
    slurm.create_reservation(f"{RESERVATION}-2", {**fields, "flags": flag})
    found = reserved(slurm, f"{RESERVATION}-2")
    assert found is not None
    assert found["node_count"] == 1


def test_the_module_makes_one_with_its_defaults(slurm: Slurm) -> None:
    params = {**RESERVATION_OPTIONS, "nodes": NODES[:2]}
    made = execute(plan_reservation, slurm, params, check_mode=False)["reservation"]
    assert (made["flags"], made["users"]) == (["IGNORE_JOBS", "MAINT", "OVERLAP"], ["root"])
    assert (made["duration"], made["nodes"]) == (365 * 24 * 60, NODES[:2])
    assert execute(plan_reservation, slurm, params, check_mode=False)["changed"] is False


def test_an_ordinary_user_makes_no_reservation(ordinary: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        reserve(ordinary)
    assert (caught.value.errno, caught.value.name) == (2010, "ESLURM_USER_ID_MISSING")
    assert reserved(ordinary) is None


def test_an_occurrence_is_skipped(slurm: Slurm) -> None:
    reserve(slurm, starttime="now+2hours", flags="DAILY")
    before = reserved(slurm)
    assert before is not None
    given = {**RESERVATION_OPTIONS, "skip_until": str(before["start_time"] + 86401)}
    after = execute(plan_reservation, slurm, given, check_mode=False)["reservation"]
    # In the week in which the clocks change a day has another hour.
    assert abs(after["start_time"] - before["start_time"] - 2 * 86400) <= 3600
    assert after["duration"] == before["duration"]
    assert not execute(plan_reservation, slurm, given, check_mode=False)["changed"]


def test_a_reservation_that_does_not_recur_is_not_skipped(slurm: Slurm) -> None:
    reserve(slurm, flags="MAINT")
    with pytest.raises(SlurmError, match="Reservation given is not skipable"):
        slurm.skip_reservation(RESERVATION)
