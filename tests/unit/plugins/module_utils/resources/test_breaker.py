# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The circuit breaker: when it opens, what it keeps, and two tasks at the same time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.common.state_file import StateFile
from ansible_collections.hpc.slurm.plugins.module_utils.resources import breaker
from ansible_collections.hpc.slurm.plugins.module_utils.resources.breaker import plan_breaker
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

OPTIONS: dict[str, Any] = {"state": "counted", "nodes": None, "max_nodes": None, "max_partition": "", "window": 600}


class Clock:
    now = 1_790_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(breaker, "time", made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "breaker.json"


def cluster() -> FakeSlurm:
    """Twenty nodes, the first eight in a partition of their own, and the first in another one."""
    slurm = FakeSlurm({"n[1-20]": "IDLE"})
    for number in range(1, 21):
        partitions = ["all", *(["small"] if number <= 8 else []), *(["one"] if number == 1 else [])]
        slurm.records[f"n{number}"]["partitions"] = partitions
    return slurm


def run(file: Path, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return execute(plan_breaker, cluster(), {**OPTIONS, "path": str(file), **options}, check_mode)


@pytest.mark.parametrize(
    ("nodes", "limits", "why"),
    [
        ("n[1-3]", {"max_nodes": 3}, None),
        ("n[1-4]", {"max_nodes": 3}, "4 nodes went down, 3 are allowed within 600 s"),
        ("n1", {"max_nodes": 0}, "1 nodes went down, 0 are allowed within 600 s"),
        ("n[1-4]", {"max_partition": "50%"}, None),
        ("n[1-5]", {"max_partition": "50%"}, "5 of 8 nodes of partition small went down, 4 are allowed within 600 s"),
        # Fewer than five nodes exceed no percentage.
        ("n[1-4]", {"max_partition": "10%"}, None),
        ("n1", {"max_partition": "50%"}, None),
        ("n[1-4]", {"max_partition": "3"}, "4 of 20 nodes of partition all went down, 3 are allowed within 600 s"),
        ("n[9-18]", {"max_partition": "50%"}, None),
        ("n[9-19]", {"max_partition": "50%"}, "11 of 20 nodes of partition all went down, 10 are allowed within 600 s"),
        ("n[1-20]", {}, None),
        ("gone[1-4]", {"max_nodes": 3}, "4 nodes went down, 3 are allowed within 600 s"),
    ],
)
def test_when_it_opens(file: Path, clock: Clock, nodes: str, limits: dict[str, Any], why: str | None) -> None:
    found = run(file, nodes=[nodes], **limits)
    assert (found["open"], found["opened"], found["why"]) == (why is not None, why is not None, why)
    assert (found["changed"], found["nodes"]) == (True, nodes)


def test_the_window_slides(file: Path, clock: Clock) -> None:
    for nodes in ("n[1-2]", "n3"):
        assert not run(file, nodes=[nodes], max_nodes=3)["open"]
        clock.now += 400
    # The first ones are forgotten, and a node counts once.
    found = run(file, nodes=["n3,n4,n5"], max_nodes=3)
    assert (found["open"], found["nodes"]) == (False, "n[3-5]")
    assert run(file, nodes=["n6"], max_nodes=3)["open"]


def test_it_stays_open_until_it_is_closed(file: Path, clock: Clock) -> None:
    opened = run(file, nodes=["n[1-4]"], max_nodes=3)
    clock.now += 10_000
    again = run(file, nodes=["n9"], max_nodes=3)
    assert (again["open"], again["opened"], again["since"]) == (True, False, opened["since"])
    read = run(file)
    assert (read["open"], read["changed"]) == (True, False)
    assert run(file, state="closed")["changed"]
    assert not run(file, state="closed")["changed"]
    # What was counted before is forgotten.
    assert not run(file, nodes=["n1"], max_nodes=3)["open"]


def test_without_nodes_nothing_is_written_or_read_of_slurm(file: Path) -> None:
    slurm = cluster()
    result = execute(plan_breaker, slurm, {**OPTIONS, "path": str(file)}, False)
    assert not result["changed"] and not file.exists() and not slurm.reads


def test_check_mode(file: Path, clock: Clock) -> None:
    found = run(file, check_mode=True, nodes=["n[1-4]"], max_nodes=3)
    assert found["changed"] and found["opened"] and not file.exists()
    assert found["diff"]["after"]["breaker"]["why"] == "4 nodes went down, 3 are allowed within 600 s"


@pytest.mark.parametrize("content", ["", "[]", '{"fell": 7}', '{"fell": [["x", "n1"]]}', "\udce4"])
def test_a_damaged_file_is_no_closed_breaker(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SlurmError, match="remove it to begin anew"):
        run(file, nodes=["n1"])


@pytest.mark.parametrize("text", ["half", "120%", "-1"])
def test_a_wrong_limit_counts_nothing(file: Path, text: str) -> None:
    with pytest.raises(SlurmError, match="max_partition is a number of nodes, or a percentage"):
        run(file, nodes=["n1"], max_partition=text)
    assert not file.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    with pytest.raises(SlurmError, match=r"breaker\.json cannot be (read|written): .*"):
        run(tmp_path / "folder" / "breaker.json", nodes=["n1"])


def test_two_tasks_at_the_same_time(file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = StateFile.read

    def read_and_lose(self: StateFile) -> dict[str, Any] | None:
        """Return what the file has; after the first reading, another task counts a node."""
        found = read(self)
        reads.append(1)
        if len(reads) == 1:
            file.parent.mkdir()
            file.write_text(json.dumps(breaker.Breaker(((clock.now, "n9"),)).content()))
        return found

    monkeypatch.setattr(StateFile, "read", read_and_lose)
    assert run(file, nodes=["n1"])["changed"]
    assert breaker.Breaker.of(json.loads(file.read_text())).names() == {"n1", "n9"}


def test_a_write_over_another_content_is_refused(file: Path) -> None:
    StateFile(str(file)).write({"a": 1}, None)
    with pytest.raises(ConflictError):
        StateFile(str(file)).write({"a": 2}, None)
    assert json.loads(file.read_text()) == {"a": 1}
