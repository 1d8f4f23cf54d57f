# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.description import FIELDS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.trigger.helpers import (
    URL,
    run_module,
    set_trigger,
)


def test_warnings(slurm: FakeSlurm) -> None:
    assert run_module(slurm, event="down", program="/bin/true")["warnings"] == []
    (named,) = run_module(slurm, event="down", program="/bin/true", nodes=["n1"])["warnings"]
    assert "no longer in slurm.conf" in named
    (idle,) = run_module(slurm, event="idle", program="/bin/true")["warnings"]
    assert "at every pass of slurmctld" in idle
    assert run_module(slurm, event="idle", program="/bin/true", permanent=False)["warnings"] == []


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
    predicted = run_module(slurm, check_mode=True, **described)
    assert (slurm.trigger_records, sum(slurm.writes.values()), predicted["changed"]) == ([], 0, True)
    assert (predicted["trigger_ids"], predicted["triggers"][0]["id"]) == ([], None)
    done = run_module(slurm, **described)
    assert [{**found, "id": None} for found in done["triggers"]] == predicted["triggers"]
    assert {**done, "triggers": 0, "trigger_ids": 0} == {**predicted, "triggers": 0, "trigger_ids": 0}
    assert done["diff"]["after"] == {"trigger (new)": {name: done["triggers"][0][name] for name in FIELDS}}
    assert set(done["diff"]["before"]["trigger (new)"].values()) == {None}
    again = run_module(slurm, **described)
    assert (again["changed"], again["triggers"], slurm.writes) == (False, done["triggers"], {"set_trigger": 1})
    gone = run_module(slurm, "absent", **described)
    assert (gone["changed"], gone["triggers"], slurm.trigger_records) == (True, [], [])
    assert run_module(slurm, "absent", **described)["changed"] is False


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
def test_a_trigger_that_differs_is_another_trigger(slurm: FakeSlurm, differing: dict[str, Any]) -> None:
    first = set_trigger(slurm)
    second = set_trigger(slurm, **differing)
    assert slurm.trigger_records == [first, second]
    assert set_trigger(slurm) == first


def test_nodes_are_a_set(slurm: FakeSlurm) -> None:
    set_trigger(slurm, nodes=["n[1-3]"])
    assert run_module(slurm, event="down", program="/bin/true", nodes=["n3", "n2", "n1", "n2"])["changed"] is False


def test_triggers_of_another_user_do_not_count(slurm: FakeSlurm) -> None:
    set_trigger(slurm)
    slurm.trigger_records[0]["user"] = "alice"
    assert run_module(slurm, event="down", program="/bin/true", purge_matching="true")["changed"] is True
    assert [found["user"] for found in slurm.trigger_records] == ["alice", "slurm"]


def test_purge_removes_outdated_triggers_only(slurm: FakeSlurm) -> None:
    old = set_trigger(slurm, program="/bin/true http://old")
    kept = [
        set_trigger(slurm, program="/bin/true else"),
        set_trigger(slurm, event="drained", program="/bin/true http://old"),
        set_trigger(slurm, job_id="7", program="/bin/true http://old"),
    ]
    given = {"event": "down", "program": "/bin/true http://new", "purge_matching": "http://"}
    predicted = run_module(slurm, check_mode=True, **given)
    done = run_module(slurm, **given)
    assert (predicted["diff"], slurm.trigger_records) == (done["diff"], [*kept, done["triggers"][0]])
    assert done["diff"]["before"][f"trigger {old['id']}"]["program"] == "/bin/true http://old"
    assert set(done["diff"]["after"][f"trigger {old['id']}"].values()) == {None}
    assert run_module(slurm, **given)["changed"] is False


def test_the_new_trigger_is_set_before_the_old_one_is_removed(slurm: FakeSlurm) -> None:
    set_trigger(slurm, program="/bin/true old")
    seen: list[int] = []
    slurm.meanwhile = [lambda: seen.append(len(slurm.trigger_records))] * 2
    run_module(slurm, event="down", program="/bin/true new", purge_matching="/bin/true")
    assert (seen, len(slurm.trigger_records)) == ([1, 2], 1)


def test_purge_alone_is_a_change(slurm: FakeSlurm) -> None:
    set_trigger(slurm, program="/bin/true old")
    set_trigger(slurm)
    done = run_module(slurm, event="down", program="/bin/true", purge_matching="old$")
    assert (done["changed"], len(slurm.trigger_records), slurm.writes["set_trigger"]) == (True, 1, 2)


def test_another_process_sets_the_same_trigger_meanwhile(slurm: FakeSlurm) -> None:
    other = {"selectors": ["--node", "--down"], "offset": 0, "permanent": True, "program": "/bin/true"}
    slurm.meanwhile.append(lambda: FakeSlurm.set_trigger(slurm, **other))  # type: ignore[arg-type]
    result = run_module(slurm, event="down", program="/bin/true")
    # The second plan finds the trigger: this task changed nothing.
    assert (result["changed"], result["trigger_ids"]) == (False, [1])


@pytest.mark.parametrize("check_mode", [False, True])
def test_another_user_than_slurm_user_gets_advice(slurm: FakeSlurm, check_mode: bool) -> None:
    slurm.asking = "root"
    with pytest.raises(
        SlurmError, match=r"SlurmUser \(slurm\), and this task runs as root: use become_user: slurm"
    ) as caught:
        run_module(slurm, event="down", program="/bin/true", check_mode=check_mode)
    assert (caught.value.errno, caught.value.name) == (2002, "ESLURM_ACCESS_DENIED")
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_missing_program_is_refused(slurm: FakeSlurm, check_mode: bool) -> None:
    with pytest.raises(SlurmError, match="the program /no/such is missing on this host, or slurm may not execute it"):
        run_module(slurm, event="down", program="/no/such thing", check_mode=check_mode)
    assert sum(slurm.writes.values()) == 0


def test_unknown_nodes_are_refused(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match="ESLURM_INVALID_NODE_NAME"):
        run_module(slurm, event="down", program="/bin/true", nodes=["n[1-9]"])


def test_a_write_that_fails(slurm: FakeSlurm) -> None:
    slurm.broken = SlurmError("no controller")
    with pytest.raises(SlurmError, match="no controller"):
        run_module(slurm, event="down", program="/bin/true")
    slurm.broken = ConflictError("twice", 2089, "ESLURM_TRIGGER_DUP")
    with pytest.raises(ConflictError):
        run_module(slurm, event="down", program="/bin/true")
    assert slurm.writes == {"set_trigger": 1 + ATTEMPTS}


# Absent.


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
def test_absent(with_triggers: FakeSlurm, given: dict[str, Any], removed: list[int]) -> None:
    before = list(with_triggers.trigger_records)
    predicted = run_module(with_triggers, "absent", check_mode=True, **given)
    assert (with_triggers.trigger_records, sum(with_triggers.writes.values())) == (before, 0)
    done = run_module(with_triggers, "absent", **given)
    assert done == predicted
    assert with_triggers.trigger_records == [found for found in before if found["id"] not in removed]
    assert sorted(done["diff"]["before"]) == [f"trigger {number}" for number in removed]
    assert (done["changed"], with_triggers.writes["clear_trigger"]) == (bool(removed), len(removed))


def test_a_trigger_that_disappears_meanwhile_is_no_error(with_triggers: FakeSlurm) -> None:
    with_triggers.meanwhile.append(with_triggers.trigger_records.clear)
    assert run_module(with_triggers, "absent", trigger_ids=[1])["changed"] is True


def test_triggers_of_others_cannot_be_cleared(with_triggers: FakeSlurm) -> None:
    with_triggers.trigger_records[0]["user"] = "alice"
    with pytest.raises(SlurmError, match="ESLURM_ACCESS_DENIED"):
        run_module(with_triggers, "absent", trigger_ids=[1])


@pytest.mark.parametrize("state", ["present", "absent"])
def test_purge_matching_must_be_a_regular_expression(with_triggers: FakeSlurm, state: str) -> None:
    with pytest.raises(SlurmError, match=r"purge_matching is not a regular expression: '\['"):
        run_module(with_triggers, state, event="down", program="/bin/true", purge_matching="[")
    assert sum(with_triggers.writes.values()) == 0
