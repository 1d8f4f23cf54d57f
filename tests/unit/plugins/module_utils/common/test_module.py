# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS, execute
from ansible_collections.hpc.slurm.plugins.module_utils.common.plan import Change, Plan
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

CHANGE = Change("thing", "size", 1, 2)


class Recorder:
    """A planner that counts the plans, writes and readings."""

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
    return ConflictError("changed meanwhile")


def test_changes_are_written_and_read_back() -> None:
    recorder = Recorder([CHANGE])
    assert recorder.execute() == {
        "size": "stored",
        "changed": True,
        "diff": {"before": {"thing": {"size": 1}}, "after": {"thing": {"size": 2}}},
        "warnings": ["mind"],
    }
    assert (recorder.written, recorder.read) == (1, 1)


def test_check_mode_writes_nothing_and_returns_the_same() -> None:
    recorder = Recorder([CHANGE])
    result = recorder.execute(check_mode=True)
    assert (recorder.written, recorder.read) == (0, 0)
    assert result == {**Recorder([CHANGE]).execute(), "size": "predicted"}


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_empty_plan_writes_nothing(check_mode: bool) -> None:
    recorder = Recorder([])
    result = recorder.execute(check_mode)
    assert (recorder.written, recorder.read) == (0, 0)
    assert (result["changed"], result["diff"]) == (False, {"before": {}, "after": {}})


def test_without_reading_back_the_prediction_is_the_result() -> None:
    recorder = Recorder([CHANGE], reads_back=False)
    assert recorder.execute()["size"] == "predicted"
    assert recorder.written == 1


def test_after_a_conflict_the_module_plans_again() -> None:
    recorder = Recorder([CHANGE], [conflict()] * (ATTEMPTS - 1))
    assert recorder.execute()["size"] == "stored"
    assert (recorder.plans, recorder.written, recorder.read) == (ATTEMPTS, ATTEMPTS, 1)


def test_a_conflict_that_stays_is_an_error() -> None:
    recorder = Recorder([CHANGE], [conflict()] * 10)
    with pytest.raises(ConflictError):
        recorder.execute()
    assert (recorder.plans, recorder.written, recorder.read) == (3, 3, 0)


def test_another_error_is_raised_at_once() -> None:
    recorder = Recorder([CHANGE], [SlurmError("no rights")])
    with pytest.raises(SlurmError, match="no rights"):
        recorder.execute()
    assert (recorder.plans, recorder.written) == (1, 1)


def changed_after(*writes: Callable[[], None], read_back: Callable[[], dict[str, Any]] | None = None) -> Any:
    """Execute a plan of these writes, which fails, and return C(changed) of the error."""
    plan = Plan({}, [CHANGE], writes, read_back)
    with pytest.raises(SlurmError) as caught:
        execute(lambda slurm, params: plan, FakeSlurm({}), {}, check_mode=False)
    return caught.value.result()["changed"]


def fail(error: SlurmError) -> Callable[[], Any]:
    def raise_it() -> None:
        raise error

    return raise_it


def test_an_error_says_whether_anything_was_written() -> None:
    def written() -> None:
        pass

    assert changed_after(fail(SlurmError("no rights"))) is False
    assert changed_after(written, fail(SlurmError("no rights"))) is True
    assert changed_after(written, fail(conflict())) is True
    assert changed_after(fail(SlurmError("some of them", details={"changed": True}))) is True
    assert changed_after(written, read_back=fail(SlurmError("gone"))) is True


def test_an_error_says_whether_an_earlier_attempt_wrote() -> None:
    def plan(slurm: Any, params: dict[str, Any]) -> Plan:
        return Plan({}, [CHANGE], [fail(conflicts.pop(0))]) if conflicts else Plan({})

    partly = ConflictError("all but some", details={"changed": True})
    conflicts = [partly]
    assert execute(plan, FakeSlurm({}), {}, check_mode=False)["changed"] is True
    conflicts = [partly, conflict(), conflict()]
    with pytest.raises(ConflictError, match="changed meanwhile") as caught:
        execute(plan, FakeSlurm({}), {}, check_mode=False)
    assert caught.value.details == {"changed": True}


@pytest.mark.parametrize("changes", [[], [CHANGE]])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_plan_that_waits(changes: list[Change], check_mode: bool) -> None:
    done: list[str] = []

    def wait() -> dict[str, Any]:
        done.append("waited")
        return {"waited": 1.5}

    plan = Plan({"size": "predicted"}, changes, [lambda: done.append("written")], lambda: {"size": "read"}, [], wait)
    result = execute(lambda slurm, params: plan, FakeSlurm({}), {}, check_mode)
    if check_mode:
        assert (done, result["size"], "waited" in result) == ([], "predicted", False)
    else:
        assert done == ["written"] * len(changes) + ["waited"]
        assert (result["size"], result["waited"]) == ("read", 1.5)
    assert result["changed"] is bool(changes)


@pytest.mark.parametrize("changes", [[], [CHANGE]])
def test_an_error_while_waiting_says_whether_anything_was_changed(changes: list[Change]) -> None:
    def wait() -> dict[str, Any]:
        raise SlurmError("time is up", details={"running_jobs": {}})

    plan = Plan({}, changes, [lambda: None], wait=wait)
    with pytest.raises(SlurmError) as caught:
        execute(lambda slurm, params: plan, FakeSlurm({}), {}, check_mode=False)
    assert caught.value.result() == {
        "changed": bool(changes),
        "running_jobs": {},
        "msg": "time is up",
        "errno": None,
        "errno_name": None,
        "call": None,
    }
