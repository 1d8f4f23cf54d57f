# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS, execute
from ansible_collections.hpc.slurm.plugins.module_utils.common.plan import Change, Plan, diff_of
from ansible_collections.hpc.slurm.plugins.module_utils.common.waiting import Wait, wait_until_none
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

CHANGE = Change("thing", "size", 1, 2)


class Recorder:
    """A planner of one plan, which counts what is done with it."""

    def __init__(
        self, changes: list[Change], failures: list[SlurmError] | None = None, reads_back: bool = True
    ) -> None:
        self.changes, self.failures, self.reads_back = changes, failures or [], reads_back
        self.plans = self.written = self.read = 0

    def plan(self, slurm: Any, params: dict[str, Any]) -> Plan:
        self.plans += 1
        read_back = self.reading if self.reads_back else None
        return Plan({"size": "predicted"}, self.changes, [self.write], read_back, ["mind"])

    def write(self) -> None:
        self.written += 1
        if self.failures:
            raise self.failures.pop(0)

    def reading(self) -> dict[str, Any]:
        self.read += 1
        return {"size": "stored"}

    def execute(self, check_mode: bool = False) -> dict[str, Any]:
        return execute(self.plan, FakeSlurm({}), {}, check_mode)


def conflict() -> ConflictError:
    return ConflictError("moved meanwhile")


def test_changes_are_written_and_what_is_stored_is_returned() -> None:
    recorder = Recorder([CHANGE])
    assert recorder.execute() == {
        "size": "stored",
        "changed": True,
        "diff": {"before": {"thing": {"size": 1}}, "after": {"thing": {"size": 2}}},
        "warnings": ["mind"],
    }
    assert (recorder.written, recorder.read) == (1, 1)


def test_check_mode_writes_nothing_and_tells_the_same() -> None:
    recorder = Recorder([CHANGE])
    outcome = recorder.execute(check_mode=True)
    assert (recorder.written, recorder.read) == (0, 0)
    assert outcome == {**Recorder([CHANGE]).execute(), "size": "predicted"}


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_empty_plan_writes_nothing(check_mode: bool) -> None:
    recorder = Recorder([])
    outcome = recorder.execute(check_mode)
    assert (recorder.written, recorder.read) == (0, 0)
    assert (outcome["changed"], outcome["diff"]) == (False, {"before": {}, "after": {}})


def test_without_reading_back_the_prediction_is_the_result() -> None:
    recorder = Recorder([CHANGE], reads_back=False)
    assert recorder.execute()["size"] == "predicted"
    assert recorder.written == 1


def test_a_conflict_is_planned_anew() -> None:
    recorder = Recorder([CHANGE], [conflict()] * (ATTEMPTS - 1))
    assert recorder.execute()["size"] == "stored"
    assert (recorder.plans, recorder.written, recorder.read) == (ATTEMPTS, ATTEMPTS, 1)


def test_a_conflict_that_stays_is_told() -> None:
    recorder = Recorder([CHANGE], [conflict()] * 10)
    with pytest.raises(ConflictError):
        recorder.execute()
    assert (recorder.plans, recorder.written, recorder.read) == (3, 3, 0)


def test_another_failure_is_told_at_once() -> None:
    recorder = Recorder([CHANGE], [SlurmError("no rights")])
    with pytest.raises(SlurmError, match="no rights"):
        recorder.execute()
    assert (recorder.plans, recorder.written) == (1, 1)


def planned(*writes: Callable[[], None], read_back: Callable[[], dict[str, Any]] | None = None) -> Any:
    """Execute a plan of these writes, and return what the failure says of changes."""
    plan = Plan({}, [CHANGE], writes, read_back)
    with pytest.raises(SlurmError) as caught:
        execute(lambda slurm, params: plan, FakeSlurm({}), {}, check_mode=False)
    return caught.value.result()["changed"]


def fail(error: SlurmError) -> Callable[[], Any]:
    def raise_it() -> None:
        raise error

    return raise_it


def test_a_failure_tells_whether_something_was_written_before() -> None:
    def written() -> None:
        pass

    assert planned(fail(SlurmError("no rights"))) is False
    assert planned(written, fail(SlurmError("no rights"))) is True
    assert planned(written, fail(conflict())) is True
    assert planned(fail(SlurmError("some of them", details={"changed": True}))) is True
    assert planned(written, read_back=fail(SlurmError("gone"))) is True


def test_what_an_earlier_attempt_wrote_is_told() -> None:
    def plan(slurm: Any, params: dict[str, Any]) -> Plan:
        return Plan({}, [CHANGE], [fail(conflicts.pop(0))]) if conflicts else Plan({})

    partly = ConflictError("all but some", details={"changed": True})
    conflicts = [partly]
    assert execute(plan, FakeSlurm({}), {}, check_mode=False)["changed"] is True
    conflicts = [partly, conflict(), conflict()]
    with pytest.raises(ConflictError, match="moved meanwhile") as caught:
        execute(plan, FakeSlurm({}), {}, check_mode=False)
    assert caught.value.details == {"changed": True}


def test_difference_keeps_objects_apart() -> None:
    changes = [Change("a", "x", None, 1), Change("a", "y", 0, ""), Change("b", "x", [], [1])]
    assert diff_of(changes) == {
        "before": {"a": {"x": None, "y": 0}, "b": {"x": []}},
        "after": {"a": {"x": 1, "y": ""}, "b": {"x": [1]}},
    }


# Waiting.


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 100.0, list[float]()
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def late(left: dict[str, Any], waited: float) -> SlurmError:
    return SlurmError(f"{sorted(left)} after {waited}")


def test_nothing_to_wait_for(clock: Clock) -> None:
    assert wait_until_none(Wait(dict, late), 10) == 0
    assert clock.pauses == []


def test_a_wait_looks_soon_and_then_seldom(clock: Clock) -> None:
    assert wait_until_none(Wait(lambda: {"a": 1} if clock.now < 117 else {}, late), 60) == 17.5
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_wait_that_takes_too_long(clock: Clock) -> None:
    with pytest.raises(SlurmError, match=r"\['a'\] after 4.0"):
        wait_until_none(Wait(lambda: {"a": 1}, late), 4)
    assert clock.pauses == [0.5, 1.0, 2.0, 0.5]  # and looks a last time when time is up


def test_without_time_it_looks_once(clock: Clock) -> None:
    with pytest.raises(SlurmError, match=r"\['a'\] after 0.0"):
        wait_until_none(Wait(lambda: {"a": 1}, late), 0)
    assert clock.pauses == []


@pytest.mark.parametrize("changes", [[], [CHANGE]])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_plan_that_waits(changes: list[Change], check_mode: bool) -> None:
    done: list[str] = []

    def wait() -> dict[str, Any]:
        done.append("waited")
        return {"waited": 1.5}

    plan = Plan({"size": "predicted"}, changes, [lambda: done.append("written")], lambda: {"size": "read"}, [], wait)
    outcome = execute(lambda slurm, params: plan, FakeSlurm({}), {}, check_mode)
    if check_mode:
        assert (done, outcome["size"], "waited" in outcome) == ([], "predicted", False)
    else:
        assert done == ["written"] * len(changes) + ["waited"]
        assert (outcome["size"], outcome["waited"]) == ("read", 1.5)
    assert outcome["changed"] is bool(changes)


@pytest.mark.parametrize("changes", [[], [CHANGE]])
def test_a_wait_that_fails_tells_whether_something_was_changed(changes: list[Change]) -> None:
    def wait() -> dict[str, Any]:
        raise SlurmError("late", details={"running_jobs": {}})

    plan = Plan({}, changes, [lambda: None], wait=wait)
    with pytest.raises(SlurmError) as caught:
        execute(lambda slurm, params: plan, FakeSlurm({}), {}, check_mode=False)
    assert caught.value.result() == {
        "changed": bool(changes),
        "running_jobs": {},
        "msg": "late",
        "errno": None,
        "errno_name": None,
        "call": None,
    }
