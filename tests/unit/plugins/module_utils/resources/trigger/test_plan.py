# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS, execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.description import FIELDS, describe
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.info import plan_info
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.plan import plan_trigger
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

OPTIONS = ("event", "nodes", "job_id", "offset", "program", "permanent", "trigger_ids", "user", "purge_matching")
URL = "/usr/bin/curl --config /etc/slurm/l.conf http://host:1/down --data-raw"


def params(state: str = "present", **given: Any) -> dict[str, Any]:
    return {**dict.fromkeys(OPTIONS), "state": state, **given}


@pytest.fixture
def slurm() -> FakeSlurm:
    return FakeSlurm({"n[1-4]": "IDLE"}, user="slurm", programs=["/bin/true", "/usr/bin/curl"], jobs=[{"id": 7}])


def run(slurm: FakeSlurm, state: str = "present", check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return execute(plan_trigger, slurm, params(state, **given), check_mode)


def arm(slurm: FakeSlurm, **given: Any) -> dict[str, Any]:
    """Arm a trigger, by default for nodes that go down, and return it."""
    return run(slurm, **{"event": "down", "program": "/bin/true", **given})["triggers"][0]


# What a task describes.


@pytest.mark.parametrize(
    ("given", "selectors", "resource", "permanent"),
    [
        ({"event": "down"}, ["--node", "--down"], "node", True),
        ({"event": "down", "permanent": False}, ["--node", "--down"], "node", False),
        ({"event": "fail", "nodes": ["n[2-3]", "n1"]}, ["--node=n[1-3]", "--fail"], "node", True),
        ({"event": "fail", "nodes": []}, ["--node", "--fail"], "node", True),
        ({"event": "down", "offset": 30, "permanent": False}, ["--node", "--down"], "node", False),
        ({"event": "down", "offset": 0, "permanent": True}, ["--node", "--down"], "node", True),
        ({"event": "reconfig"}, ["--reconfig"], "node", True),
        ({"event": "down", "job_id": "7"}, ["--jobid=7", "--down"], "job", False),
        ({"event": "time", "job_id": "7", "offset": -60}, ["--jobid=7", "--time"], "job", False),
        ({"event": "burst_buffer"}, ["--burst_buffer"], "other", False),
        ({"event": "primary_slurmdbd_failure"}, ["--primary_slurmdbd_failure"], "slurmdbd", False),
        ({"event": "backup_slurmctld_failure", "permanent": True}, ["--backup_slurmctld_failure"], "slurmctld", True),
    ],
)
def test_describe(given: dict[str, Any], selectors: list[str], resource: str, permanent: bool) -> None:
    wanted = describe(params(program="/bin/true", **given))
    assert (wanted.selectors(), wanted.resource, wanted.permanent) == (selectors, resource, permanent)
    assert wanted.offset == given.get("offset", 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"event": "down", "permanent": True, "offset": 5}, "permanent with an offset loses events"),
        # Permanent by default, for nodes.
        ({"event": "down", "offset": 5}, "permanent with an offset loses events"),
        ({"event": "fini", "job_id": "7", "permanent": True}, "a job's trigger cannot be permanent"),
        ({"event": "drained", "job_id": "7"}, "a job has no event drained; there are: time, fini, up, down, fail"),
        ({"event": "down", "job_id": "7", "nodes": ["n1"]}, "nodes and job_id exclude each other"),
        ({"event": "reconfig", "nodes": ["n1"]}, "the event reconfig is not about nodes"),
        ({"event": "primary_database_failure", "nodes": ["n1"]}, "is not about nodes"),
        ({"event": "fini"}, "the event fini is about a job: give its job_id"),
        ({"event": "time", "nodes": ["n1"]}, "the event time is about a job: give its job_id"),
        ({"event": "down", "nodes": ["@all"]}, "not a hostlist"),
    ],
)
def test_combinations_that_are_refused(slurm: FakeSlurm, given: dict[str, Any], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, program="/bin/true", **given)
    assert (sum(slurm.reads.values()), sum(slurm.writes.values())) == (0, 0)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("", "must start with an absolute path"),
        ("   ", "must start with an absolute path"),
        ("true", "must start with an absolute path"),
        ("./true x", "must start with an absolute path"),
        ("/bin/true 'a b'", "has quotes or backslashes"),
        ('/bin/true "a"', "has quotes or backslashes"),
        ("/bin/true a\\ b", "has quotes or backslashes"),
        ("/bin/true\n/bin/false", "holds control characters"),
        ("/bin/true\ta", "holds control characters"),
        ("/bin/true \x1b", "holds control characters"),
        ("/bin/true" + " x" * 62, "program has 63 words, slurmctld passes 62"),
    ],
)
def test_programs_that_slurmctld_cannot_run(slurm: FakeSlurm, program: str, words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, event="down", program=program)
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize("program", ["/bin/true", "/bin/true  two  blanks", "/bin/true" + " x" * 61, " /bin/true x \n"])
def test_programs_are_set_as_they_are_listed(slurm: FakeSlurm, program: str) -> None:
    once = describe(params(event="down", program=program)).program
    assert describe(params(event="down", program=once)).program == once == program.strip()
    assert arm(slurm, program=program)["program"] == once
    assert run(slurm, event="down", program=program)["changed"] is False
    assert run(slurm, "absent", program=program)["changed"] is True


def test_warnings(slurm: FakeSlurm) -> None:
    assert run(slurm, event="down", program="/bin/true")["warnings"] == []
    (named,) = run(slurm, event="down", program="/bin/true", nodes=["n1"])["warnings"]
    assert "no longer in slurm.conf" in named
    (idle,) = run(slurm, event="idle", program="/bin/true")["warnings"]
    assert "at every pass of slurmctld" in idle
    assert run(slurm, event="idle", program="/bin/true", permanent=False)["warnings"] == []


# Present.

DESCRIPTIONS = [
    {"event": "down"},
    {"event": "down", "nodes": ["n[1-3]"]},
    {"event": "drained", "offset": 30, "permanent": False},
    {"event": "reconfig"},
    {"event": "time", "job_id": "7", "offset": -60},
    {"event": "primary_database_failure"},
    {"event": "burst_buffer", "permanent": True},
]


@pytest.mark.parametrize("given", DESCRIPTIONS, ids=lambda given: given["event"])
def test_present_ladder(slurm: FakeSlurm, given: dict[str, Any]) -> None:
    described = {"program": URL, **given}
    predicted = run(slurm, check_mode=True, **described)
    assert (slurm.armed, sum(slurm.writes.values()), predicted["changed"]) == ([], 0, True)
    assert (predicted["trigger_ids"], predicted["triggers"][0]["id"]) == ([], None)
    done = run(slurm, **described)
    assert [{**found, "id": None} for found in done["triggers"]] == predicted["triggers"]
    assert {**done, "triggers": 0, "trigger_ids": 0} == {**predicted, "triggers": 0, "trigger_ids": 0}
    assert done["diff"]["after"] == {"trigger (new)": {name: done["triggers"][0][name] for name in FIELDS}}
    assert set(done["diff"]["before"]["trigger (new)"].values()) == {None}
    again = run(slurm, **described)
    assert (again["changed"], again["triggers"], slurm.writes) == (False, done["triggers"], {"set_trigger": 1})
    gone = run(slurm, "absent", **described)
    assert (gone["changed"], gone["triggers"], slurm.armed) == (True, [], [])
    assert run(slurm, "absent", **described)["changed"] is False


@pytest.mark.parametrize(
    "differing",
    [
        {"program": "/bin/true x"},
        {"event": "drained"},
        {"permanent": False},
        {"permanent": False, "offset": 5},
        {"nodes": ["n1"]},
        {"job_id": "7"},
    ],
)
def test_one_that_differs_is_another(slurm: FakeSlurm, differing: dict[str, Any]) -> None:
    first = arm(slurm)
    second = arm(slurm, **differing)
    assert slurm.armed == [first, second]
    assert arm(slurm) == first


def test_nodes_are_a_set(slurm: FakeSlurm) -> None:
    arm(slurm, nodes=["n[1-3]"])
    assert run(slurm, event="down", program="/bin/true", nodes=["n3", "n2", "n1", "n2"])["changed"] is False


def test_triggers_of_another_user_are_not_ours(slurm: FakeSlurm) -> None:
    arm(slurm)
    slurm.armed[0]["user"] = "alice"
    assert run(slurm, event="down", program="/bin/true", purge_matching="true")["changed"] is True
    assert [found["user"] for found in slurm.armed] == ["alice", "slurm"]


def test_purge_removes_what_is_outdated_and_nothing_else(slurm: FakeSlurm) -> None:
    old = arm(slurm, program="/bin/true http://old")
    kept = [
        arm(slurm, program="/bin/true else"),
        arm(slurm, event="drained", program="/bin/true http://old"),
        arm(slurm, job_id="7", program="/bin/true http://old"),
    ]
    given = {"event": "down", "program": "/bin/true http://new", "purge_matching": "http://"}
    predicted = run(slurm, check_mode=True, **given)
    done = run(slurm, **given)
    assert (predicted["diff"], slurm.armed) == (done["diff"], [*kept, done["triggers"][0]])
    assert done["diff"]["before"][f"trigger {old['id']}"]["program"] == "/bin/true http://old"
    assert set(done["diff"]["after"][f"trigger {old['id']}"].values()) == {None}
    assert run(slurm, **given)["changed"] is False


def test_the_new_trigger_is_there_before_the_old_one_goes(slurm: FakeSlurm) -> None:
    arm(slurm, program="/bin/true old")
    seen: list[int] = []
    slurm.meanwhile = [lambda: seen.append(len(slurm.armed))] * 2
    run(slurm, event="down", program="/bin/true new", purge_matching="/bin/true")
    assert (seen, len(slurm.armed)) == ([1, 2], 1)


def test_purge_alone_is_a_change_too(slurm: FakeSlurm) -> None:
    arm(slurm, program="/bin/true old")
    arm(slurm)
    done = run(slurm, event="down", program="/bin/true", purge_matching="old$")
    assert (done["changed"], len(slurm.armed), slurm.writes["set_trigger"]) == (True, 1, 2)


def test_somebody_else_sets_the_same_meanwhile(slurm: FakeSlurm) -> None:
    other = {"selectors": ["--node", "--down"], "offset": 0, "permanent": True, "program": "/bin/true"}
    slurm.meanwhile.append(lambda: FakeSlurm.set_trigger(slurm, **other))  # type: ignore[arg-type]
    outcome = run(slurm, event="down", program="/bin/true")
    # The second plan finds it there: this task changed nothing.
    assert (outcome["changed"], outcome["trigger_ids"]) == (False, [1])


@pytest.mark.parametrize("check_mode", [False, True])
def test_who_is_not_slurm_user_is_told_how_to_be(slurm: FakeSlurm, check_mode: bool) -> None:
    slurm.asking = "root"
    with pytest.raises(
        SlurmError, match=r"SlurmUser \(slurm\), and this task runs as root: use become_user: slurm"
    ) as caught:
        run(slurm, event="down", program="/bin/true", check_mode=check_mode)
    assert (caught.value.errno, caught.value.name) == (2002, "ESLURM_ACCESS_DENIED")
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_missing_program_is_told(slurm: FakeSlurm, check_mode: bool) -> None:
    with pytest.raises(SlurmError, match="the program /no/such is missing on this host, or slurm may not execute it"):
        run(slurm, event="down", program="/no/such thing", check_mode=check_mode)
    assert sum(slurm.writes.values()) == 0


def test_unknown_nodes_are_refused(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match="ESLURM_INVALID_NODE_NAME"):
        run(slurm, event="down", program="/bin/true", nodes=["n[1-9]"])


def test_a_failing_write_is_told(slurm: FakeSlurm) -> None:
    slurm.broken = SlurmError("no controller")
    with pytest.raises(SlurmError, match="no controller"):
        run(slurm, event="down", program="/bin/true")
    slurm.broken = ConflictError("twice", 2089, "ESLURM_TRIGGER_DUP")
    with pytest.raises(ConflictError):
        run(slurm, event="down", program="/bin/true")
    assert slurm.writes == {"set_trigger": 1 + ATTEMPTS}


# Absent.


@pytest.fixture
def armed(slurm: FakeSlurm) -> FakeSlurm:
    """Triggers 1 to 6."""
    arm(slurm)
    arm(slurm, event="drained", program=URL)
    arm(slurm, nodes=["n[1-2]"])
    arm(slurm, event="fini", job_id="7")
    arm(slurm, permanent=False, offset=30)
    arm(slurm, event="reconfig", program=URL)
    slurm.writes.clear()
    return slurm


ABSENT = [
    ({"trigger_ids": [1, 3, 99]}, [1, 3]),
    ({"trigger_ids": []}, []),
    ({"event": "down"}, [1, 3, 5]),
    ({"event": "up"}, []),
    ({"nodes": ["n2", "n1"]}, [3]),
    ({"nodes": ["n1"]}, []),
    ({"nodes": []}, [1, 2, 5, 6]),
    ({"job_id": "7"}, [4]),
    ({"job_id": "8"}, []),
    ({"program": URL}, [2, 6]),
    ({"program": "/usr/bin/curl"}, []),
    ({"purge_matching": "curl .*down"}, [2, 6]),
    ({"user": "slurm"}, [1, 2, 3, 4, 5, 6]),
    ({"user": "alice"}, []),
    ({"user": "slurm", "permanent": False}, [4, 5]),
    ({"user": "slurm", "permanent": True}, [1, 2, 3, 6]),
    ({"event": "down", "offset": 30}, [5]),
    ({"event": "down", "offset": 0}, [1, 3]),
    ({"event": "down", "purge_matching": "curl"}, []),
]


@pytest.mark.parametrize(("given", "removed"), ABSENT)
def test_absent(armed: FakeSlurm, given: dict[str, Any], removed: list[int]) -> None:
    before = list(armed.armed)
    predicted = run(armed, "absent", check_mode=True, **given)
    assert (armed.armed, sum(armed.writes.values())) == (before, 0)
    done = run(armed, "absent", **given)
    assert done == predicted
    assert armed.armed == [found for found in before if found["id"] not in removed]
    assert sorted(done["diff"]["before"]) == [f"trigger {number}" for number in removed]
    assert (done["changed"], armed.writes["clear_trigger"]) == (bool(removed), len(removed))


def test_one_that_goes_by_itself_meanwhile_is_no_failure(armed: FakeSlurm) -> None:
    armed.meanwhile.append(armed.armed.clear)
    assert run(armed, "absent", trigger_ids=[1])["changed"] is True


def test_triggers_of_others_cannot_be_cleared(armed: FakeSlurm) -> None:
    armed.armed[0]["user"] = "alice"
    with pytest.raises(SlurmError, match="ESLURM_ACCESS_DENIED"):
        run(armed, "absent", trigger_ids=[1])


@pytest.mark.parametrize("state", ["present", "absent"])
def test_purge_matching_must_be_a_regular_expression(armed: FakeSlurm, state: str) -> None:
    with pytest.raises(SlurmError, match=r"purge_matching is not a regular expression: '\['"):
        run(armed, state, event="down", program="/bin/true", purge_matching="[")
    assert sum(armed.writes.values()) == 0


# slurm_trigger_info.


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"event": "down"}, [1, 3, 5]),
        ({"user": "slurm"}, [1, 2, 3, 4, 5, 6]),
        ({"user": "alice"}, []),
        ({"job_id": "7"}, [4]),
        ({"program": "http://"}, [2, 6]),
        ({"program": "http://", "event": "drained"}, [2]),
    ],
)
def test_info(armed: FakeSlurm, given: dict[str, Any], ids: list[int]) -> None:
    options = {**dict.fromkeys(("event", "user", "job_id", "program")), **given}
    outcome = execute(plan_info, armed, options, check_mode=False)
    assert [found["id"] for found in outcome["triggers"]] == ids
    assert (outcome["changed"], sum(armed.writes.values())) == (False, 0)


def test_info_wants_a_regular_expression(armed: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match=r"program is not a regular expression: '\*'"):
        plan_info(armed, {"event": None, "user": None, "job_id": None, "program": "*"})
