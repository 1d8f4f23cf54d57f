# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module slurm_maintenance on the fake cluster."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.maintenance import task
from ansible_collections.hpc.slurm.plugins.module_utils.resources.maintenance.identity import LONGEST, Identity
from ansible_collections.hpc.slurm.plugins.module_utils.resources.maintenance.task import plan_maintenance
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

OPTIONS: dict[str, Any] = {
    **dict.fromkeys(("partitions", "deadline", "start_time", "duration", "comment", "unneeded", "node", "why", "run")),
    "name": "kernel",
    "nodes": ["n[1-4]"],
    "strategy": "rolling",
    "max_unavailable": "2",
    "slots": 5,
    "expected_duration": "2:00:00",
    "max_failures": 3,
    "wait": False,
}


class Run:
    """A cluster, and tasks of the module."""

    def __init__(self, journal: Path) -> None:
        self.slurm = FakeSlurm({"n[1-4]": "IDLE"})
        for record in self.slurm.records.values():
            record["partitions"] = ["main"]
        self.options = {**OPTIONS, "journal": str(journal / "folder" / "journal.json")}
        self.run = ""

    def __call__(self, state: str, check_mode: bool = False, **given: Any) -> dict[str, Any]:
        options = {**self.options, "run": self.run, "state": state, **given}
        return execute(plan_maintenance, self.slurm, options, check_mode)

    def begin(self, **given: Any) -> dict[str, Any]:
        begun = self("begun", **given)
        self.run = begun["run"]
        return begun

    def claim(self) -> str | None:
        found: str | None = self("claimed")["node"]
        return found

    def held(self) -> dict[str, tuple[int, list[str]]]:
        return {it["name"]: (it["start_time"], it["flags"]) for it in self.slurm.reservations()}

    def job(self, node: str, minutes: int | None, user: str = "alice") -> int:
        number = max(self.slurm.queue, default=0) + 1
        end = int(time.time()) + 60 * (minutes or 0)
        job = {"id": number, "state": "RUNNING", "allocated_nodes": node, "user_name": user}
        self.slurm.queue[number] = {
            **FakeSlurm({}, jobs=[job]).queue[number],
            "time_limit": minutes,
            "end_time": None if minutes is None else end,
        }
        return number


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(task, "PAUSE", 0.0)
    monkeypatch.setattr(task, "OF_READ", 0.0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1234)
    return Run(tmp_path)


def test_each_node_is_done_once(run: Run) -> None:
    begun = run.begin()
    assert (begun["todo"], begun["turns"]) == (["n1", "n2", "n3", "n4"], 4)
    assert [run.claim(), run.claim()] == ["n1", "n2"]
    assert set(run.held()) == {"kernel-n1", "kernel-n2"}
    said = run("done", node="n1")
    assert "n1: done, in service (1 done, 1 away, 2 to come, end about" in said["line"]
    assert [run.claim(), run("done", node="n2")["node"], run.claim()] == ["n3", "n2", "n4"]
    for name in ("n3", "n4"):
        run("done", node=name)
    assert (run.claim(), run.held()) == (None, {})
    ended = run("ended")
    assert (ended["summary"], ended["stopped"], ended["changed"]) == (["4 done: n[1-4]"], "", False)
    # A second run changes nothing.
    writes = dict(run.slurm.writes)
    again = run.begin()
    assert (again["todo"], again["turns"], again["changed"], again["table"]) == (
        [],
        0,
        False,
        ["nothing is to be done"],
    )
    assert run("ended")["summary"] == ["4 done: n[1-4]"]
    assert dict(run.slurm.writes) == writes


def test_the_plan_says_what_holds_a_node(run: Run) -> None:
    run.job("n1", 60)
    run.job("n2", None)
    for minutes in (1, 2, 3, 4):
        run.job("n3", minutes, "bob")
    run.slurm.records["n4"].update(state=["IDLE", "DRAIN"], reason="fan", reason_user="jd")
    planned = run("planned", check_mode=True)
    assert planned["changed"] is False
    assert [(it["node"], it["obstacle"]) for it in planned["plan"] if it["obstacle"]] == [("n4", "DRAIN: fan (jd)")]
    header, *lines = planned["table"]
    assert header.split("  ")[0] == "node" and len(lines) == 4
    assert "jobs 1 of alice" in lines[0]
    assert "no time limit" in lines[1] and "when its jobs have ended" in lines[1]
    assert "jobs 3 of bob, 4 of bob, 5 of bob and 1 more" in lines[2]
    assert lines[3].split("  ", 1)[1].strip() == "left alone: DRAIN: fan (jd)"
    assert run.slurm.writes == {}


def test_a_busy_node_is_reserved_from_the_end_of_its_job(run: Run) -> None:
    number = run.job("n1", 60)
    run.job("n2", None)
    run.begin(nodes=["n[1-2]"])
    waiting = threading.Thread(target=lambda: claimed.append(run.claim()))
    claimed: list[str | None] = []
    run.options["nodes"] = ["n[1-2]"]
    waiting.start()
    until(lambda: set(run.held()) == {"kernel-n1", "kernel-n2"})
    held = run.held()
    assert held["kernel-n1"] == (run.slurm.queue[number]["end_time"], ["MAINT", "SPEC_NODES"])
    # Of the one without a limit the reservation begins at the deadline, far away, so that no other such job begins.
    assert "IGNORE_JOBS" in held["kernel-n2"][1] and held["kernel-n2"][0] > time.time() + 86400
    # The job ends sooner: the reservation is moved, and the node is taken.
    del run.slurm.queue[number]
    waiting.join(timeout=30)
    assert claimed == ["n1"]
    assert run.held()["kernel-n1"][0] <= time.time()
    # The other job ends as well: the reservation that ignores jobs is made anew.
    run.slurm.queue.clear()
    assert run.claim() == "n2"
    assert run.held()["kernel-n2"][1] == ["MAINT", "SPEC_NODES"]


def until(happened: Any, limit: float = 30) -> None:
    end = time.monotonic() + limit
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_node_that_fails_is_drained_and_tried_once_a_run(run: Run) -> None:
    run.begin()
    assert run.claim() == "n1"
    said = run("failed", node="n1", why="'Flash' failed:\n no space")
    assert "n1: failed, drained: 'Flash' failed: no space (0 done, 1 failed, 0 away, 3 to come)" in said["line"]
    record = run.slurm.records["n1"]
    assert ("DRAIN" in record["state"], record["reason"]) == (
        True,
        "hpc.slurm.maintenance kernel failed: 'Flash' failed: no space",
    )
    # The next one is held already.
    assert set(run.held()) == {"kernel-n2"}
    assert run.claim() == "n2"
    run("done", node="n2")
    assert run("ended")["failed_nodes"] == "n1"
    run.begin()
    # It is drained: it needs no room.
    assert [run.claim(), run.claim()] == ["n1", "n3"]
    run("done", node="n1")
    assert run.slurm.records["n1"]["state"] == ["IDLE"]


def test_failures_in_a_row_stop_it(run: Run) -> None:
    run.options["max_unavailable"] = "4"
    run.begin()
    # Until one is done, no more are worked on than may fail.
    assert [run.claim() for _turn in range(3)] == ["n1", "n2", "n3"]
    for name in ("n1", "n2"):
        assert run("failed", node=name, why="x")["stopped"] == ""
    assert run("failed", node="n3", why="bad")["stopped"].startswith(
        "3 nodes in a row have failed: n[1-3], the last one"
    )
    assert run.claim() is None
    ended = run("ended")
    assert ended["summary"] == ["2 failed: n[1-2] (x)", "1 failed: n3 (bad)", "1 left alone: n4 (the run was stopped)"]


def test_failed_nodes_that_leave_no_room_stop_it(run: Run) -> None:
    run.options["max_unavailable"] = "1"
    run.begin()
    assert run.claim() == "n1"
    run("failed", node="n1", why="x")
    assert run("claimed")["why"] == "n1 failed, and with them no other node may be away"


def test_a_killed_run_goes_on(run: Run) -> None:
    run.begin()
    assert [run.claim(), run.claim()] == ["n1", "n2"]
    first = run.run
    run("done", node="n1")
    begun = run.begin(unneeded=["n4"])
    assert begun["todo"] == ["n2", "n3"]
    assert begun["warnings"] == ["n2 was in work by another run, which must have ended: its work begins anew"]
    # What still runs of the first one gets nothing.
    with pytest.raises(SlurmError, match="another run has taken maintenance kernel over"):
        run("claimed", run=first)
    with pytest.raises(SlurmError, match="n2 is not in work by this run"):
        run("done", run=first, node="n2")
    assert run.claim() == "n2"
    run("done", node="n2")
    assert run.claim() == "n3"
    # It is killed again, and its journal is lost: what goes on is read from Slurm.
    Path(run.options["journal"]).unlink()
    run.begin(unneeded=["n[1-2]", "n4"])
    assert run.claim() == "n3"
    # Its tasks were cancelled.
    ended = run("ended")
    assert ended["report"]["n3"]["outcome"] == "failed"
    assert "DRAIN" in run.slurm.records["n3"]["state"]
    assert run.held() == {}


def test_interrupted_work_stays_out_of_service_when_the_node_goes_down(run: Run) -> None:
    run.begin()
    assert run.claim() == "n1"
    run.begin()
    run.slurm.records["n1"].update(state=["DOWN"], reason="Not responding", reason_user="slurm")
    assert run.claim() == "n2"
    ended = run("ended")
    assert ended["report"]["n1"]["why"].startswith("DOWN: Not responding")
    assert "kernel-n1" in run.held()


def test_a_node_that_others_take_is_given_up(run: Run) -> None:
    run.options["nodes"] = ["n[1-2]"]
    run.begin()
    run.job("n1", 60)
    assert run.claim() == "n2"
    claimed: list[Any] = []
    thread = threading.Thread(target=lambda: claimed.append(run("claimed")))
    thread.start()
    until(lambda: "kernel-n1" in run.held())
    run.slurm.records["n1"].update(state=["IDLE", "DRAIN"], reason="fan", reason_user="jd")
    thread.join(timeout=30)
    assert claimed[0]["node"] is None
    run("done", node="n2")
    assert run("ended")["report"]["n1"] == {"outcome": "left alone", "why": "DRAIN: fan (jd)", "seconds": None}
    assert run.held() == {}


def test_reservations_of_others_are_left_alone(run: Run) -> None:
    run.slurm.create_reservation("mine", {"nodes": "n1", "starttime": "now+1hour", "duration": "60", "users": "root"})
    run.slurm.create_reservation("late", {"nodes": "n2", "starttime": "now+3hours", "duration": "60", "users": "root"})
    planned = run("planned")
    assert {it["node"]: it["obstacle"] for it in planned["plan"]} == {
        "n1": "reservation mine",
        "n2": None,
        "n3": None,
        "n4": None,
    }


def test_drains(run: Run) -> None:
    run.options.update(strategy="drain", comment="new kernel")
    run.begin()
    assert [run.claim(), run.claim()] == ["n1", "n2"]
    assert run.slurm.records["n1"]["reason"] == "hpc.slurm.maintenance kernel: new kernel"
    assert run.held() == {}
    run("done", node="n1")
    assert run.slurm.records["n1"]["state"] == ["IDLE"]
    run("failed", node="n2", why="x")
    assert run.slurm.records["n2"]["reason"] == "hpc.slurm.maintenance kernel failed: x"
    # What is drained for later is returned at the end, and what has failed stays.
    run.job("n3", 60)
    run.slurm.update_nodes("n3", state="DRAIN", reason="hpc.slurm.maintenance kernel: new kernel")
    run("ended")
    assert [("DRAIN" in run.slurm.records[name]["state"]) for name in ("n2", "n3")] == [True, False]


def test_a_window(run: Run) -> None:
    start = int(time.time()) + 3600
    run.options.update(strategy="window", start_time=str(start), duration="2:00:00", comment="racks")
    run.job("n1", None)
    begun = run.begin()
    assert (begun["turns"], begun["window"]) == (0, [start, start + 7200])
    [(name, (begins, flags))] = run.held().items()
    assert (name, begins, flags) == ("kernel", start, ["IGNORE_JOBS", "MAINT", "SPEC_NODES"])
    assert dict(run.slurm.writes) == {"create_reservation": 1}
    assert "the window begins at" in run("ended")["report"]["n1"]["why"]
    # Later.
    run.slurm.reserved.stored["kernel"].update(start_time=int(time.time()) - 60)
    content = json.loads(Path(run.options["journal"]).read_text(encoding="utf-8"))
    content["window"] = [int(time.time()) - 60, start]
    Path(run.options["journal"]).write_text(json.dumps(content), encoding="utf-8")
    assert run.begin()["turns"] == 4
    assert [run.claim() for _turn in range(3)] == ["n2", "n3", "n4"]
    run("done", node="n2")
    run("failed", node="n3", why="x")
    [reservation] = run.slurm.reservations()
    assert reservation["nodes"] == "n[1,4]"
    # The window has ended. What is not done stays reserved.
    content = json.loads(Path(run.options["journal"]).read_text(encoding="utf-8"))
    content["window"][1] = int(time.time()) - 1
    Path(run.options["journal"]).write_text(json.dumps(content), encoding="utf-8")
    assert run.claim() is None
    run("done", node="n4")
    ended = run("ended")
    assert ended["report"]["n1"] == {
        "outcome": "left alone",
        "why": "jobs on it had not ended when it was too late to begin",
        "seconds": None,
    }
    [reservation] = run.slurm.reservations()
    assert (reservation["nodes"], reservation["end_time"] > time.time() + 300 * 86400) == ("n1", True)


def test_after_the_deadline_nothing_is_held(run: Run) -> None:
    run.job("n1", None)
    run.begin()
    fields = {"starttime": "now+1hour", "duration": "60", "users": "root", "comment": "hpc.slurm.maintenance kernel"}
    run.slurm.create_reservation("kernel-n1", {"nodes": "n1", **fields})
    late = str(int(time.time()) - 1)
    assert run("claimed", deadline=late)["why"] == "it is too late to begin another node"
    assert run.held() == {}
    why = {name: it["why"] for name, it in run("ended", deadline=late)["report"].items()}
    assert why["n1"] == "jobs on it had not ended when it was too late to begin"
    assert why["n2"] == "it was too late to begin"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "two words"}, "letters, digits"),
        ({"nodes": ["x"]}, "the cluster has no node x"),
        ({"max_unavailable": "0"}, "none of the 4 nodes of partition main"),
        ({"max_unavailable": "few"}, "max_unavailable is a number of nodes"),
        ({"deadline": "soon"}, "deadline is not a time"),
        ({"expected_duration": "long"}, "expected_duration is not a duration"),
        ({"strategy": "window"}, "strategy=window needs start_time and duration"),
        ({"strategy": "window", "start_time": "tomorrow", "duration": "60"}, "a date and a time"),
    ],
)
def test_what_is_refused(run: Run, given: dict[str, Any], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run.begin(**given)
    assert run.slurm.writes == {}


def test_a_journal_of_something_else(run: Run) -> None:
    path = Path(run.options["journal"])
    path.parent.mkdir()
    path.write_text('{"nodes": 3}', encoding="utf-8")
    with pytest.raises(SlurmError, match="the journal has something unknown"):
        run("planned")


def test_marks() -> None:
    identity = Identity.of("kernel")
    assert identity.text(None) == "hpc.slurm.maintenance kernel"
    assert identity.text("a\n b") == "hpc.slurm.maintenance kernel: a b"
    assert len(identity.failure("x" * 1000)) == LONGEST
    for comment, own in (
        (None, False),
        ("hpc.slurm.maintenance kernel", True),
        ("hpc.slurm.maintenance kernel: x", True),
        ("hpc.slurm.maintenance kernel2", False),
        ("hpc.slurm.maintenance kernel-2: x", False),
        ("see hpc.slurm.maintenance kernel", False),
    ):
        assert identity.owns({"comment": comment}) is own
    assert identity.owns_drain(["IDLE", "DRAIN"], "hpc.slurm.maintenance kernel failed: x : Not responding")
    assert identity.has_failed(["IDLE", "DRAIN"], "hpc.slurm.maintenance kernel failed: x : Not responding")
    assert not identity.has_failed(["IDLE", "DRAIN"], "hpc.slurm.maintenance kernel: x")
    assert not identity.owns_drain(["IDLE"], "hpc.slurm.maintenance kernel")
