# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that count nodes that are unavailable: one at a time, and waiting for room."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import capacity
from ansible_collections.hpc.slurm.plugins.module_utils.common.capacity import NoRoomError, Room, capacity_lock
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import params


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The lock is in a folder of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(capacity, "PAUSE", 0.0)
    return tmp_path


def cluster() -> FakeSlurm:
    slurm = FakeSlurm({"n[1-4]": "IDLE"})
    for record in slurm.records.values():
        record["partitions"] = ["main"]
    return slurm


def drain(slurm: FakeSlurm, node: str, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    options = params(nodes=[node], state="drained", max_unavailable="1", **given)
    return execute(plan_nodes, slurm, options, check_mode, Room(options))


def when_counted(slurm: FakeSlurm, counts: int, call: Callable[[], None]) -> None:
    """Call a function when nodes have been read so many times."""
    read = slurm.nodes

    def nodes(*args: Any, **kwargs: Any) -> Any:
        if slurm.reads["nodes"] == counts:
            call()
        return read(*args, **kwargs)

    slurm.nodes = nodes  # type: ignore[method-assign]


def test_it_waits_for_room() -> None:
    slurm = cluster()
    drain(slurm, "n1")
    when_counted(slurm, slurm.reads["nodes"] + 3, lambda: slurm.update_nodes("n1", state="RESUME"))
    assert drain(slurm, "n2", wait_for_capacity=True)["changed_nodes"] == ["n2"]


def test_it_fails_at_once_or_when_time_is_up() -> None:
    slurm = cluster()
    drain(slurm, "n1")
    with pytest.raises(NoRoomError, match="^max_unavailable: partition main"):
        drain(slurm, "n2")
    with pytest.raises(NoRoomError, match="^after 0 s there is no room: max_unavailable: partition main"):
        drain(slurm, "n2", wait_for_capacity=True, wait_timeout=0)
    with pytest.raises(NoRoomError, match="^max_unavailable"):
        drain(slurm, "n2", check_mode=True, wait_for_capacity=True)
    assert slurm.records["n2"]["state"] == ["IDLE"]


def test_many_at_the_same_time_never_take_too_many() -> None:
    slurm, most = cluster(), []
    failures: list[BaseException] = []

    def host(node: str) -> None:
        try:
            drain(slurm, node, wait_for_capacity=True)
            most.append(sum("DRAIN" in it["state"] for it in slurm.records.values()))
            slurm.update_nodes(node, state="RESUME")
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    threads = [threading.Thread(target=host, args=(f"n{number}",)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert (failures, most) == ([], [1, 1, 1, 1])


def test_without_a_limit_nothing_is_locked(folder: Path) -> None:
    options = params(nodes=["n1"], state="drained")
    assert execute(plan_nodes, cluster(), options, False, Room(options))["changed"]
    assert list(folder.iterdir()) == []


def test_a_lock_that_cannot_be_made(folder: Path) -> None:
    (folder / "hpc-slurm-capacity-1234.lock").symlink_to("/etc/passwd")
    with pytest.raises(SlurmError, match="cannot be made"), capacity_lock():
        pass
