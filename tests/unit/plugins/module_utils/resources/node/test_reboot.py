# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state rebooted."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import waiting
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import cluster, run


def rebooting(**given: Any) -> dict[str, Any]:
    return {"nodes": ["n[1-3]"], "state": "rebooted", "booted_after": "1800000000", "reason": "kernel", **given}


def test_a_reboot_is_requested_once() -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE+DRAIN+REBOOT_REQUESTED")
    slurm.records["n2"]["boot_time"] = 1800000001
    predicted = run(slurm, check_mode=True, **rebooting())
    assert slurm.writes == {}
    done = run(slurm, **rebooting())
    assert done == predicted
    assert done["changed_nodes"] == ["n1"]
    assert done["nodes"]["n1"]["state"] == ["IDLE", "DRAIN", "REBOOT_REQUESTED"]
    assert done["nodes"]["n1"]["reason"] == "kernel"
    assert slurm.writes == {"reboot_nodes": 1}
    assert run(slurm, **rebooting())["changed"] is False
    assert slurm.writes == {"reboot_nodes": 1}


def test_a_boot_at_the_given_time_is_not_later() -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    for record in slurm.records.values():
        record["boot_time"] = 1800000000
    assert run(slurm, **rebooting())["changed_nodes"] == ["n1", "n2", "n3"]


def test_a_wait_ends_when_all_nodes_have_booted_and_respond(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    looks = iter(("DOWN+DRAIN+REBOOT_ISSUED", "IDLE+NOT_RESPONDING", "IDLE"))

    def boot(_seconds: float) -> None:
        state = next(looks).split("+")
        for record in slurm.records.values():
            record.update(state=state, boot_time=1800000001 if "IDLE" in state else None)

    monkeypatch.setattr(waiting.time, "sleep", boot)
    assert run(slurm, **rebooting(wait=True))["nodes"]["n3"]["state"] == ["IDLE"]


def test_a_wait_for_a_reboot_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    with pytest.raises(SlurmError, match=r"n\[1-3\] did not come back from the reboot") as caught:
        run(slurm, **rebooting(wait=True, wait_timeout=0))
    assert caught.value.details["changed"] is True
    assert sorted(caught.value.details["not_back"]) == ["n1", "n2", "n3"]


@pytest.mark.parametrize("reason", ["kernel : reboot timed out", "reboot timed out"])
def test_a_wait_ends_where_slurm_gives_up_on_the_reboot(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "DOWN", reason="old : reboot timed out")  # n3 is rebooted anew
    looks = []

    def boot(_seconds: float) -> None:
        looks.append("look")
        slurm.records["n1"].update(state=["IDLE"], boot_time=1800000001)
        if len(looks) > 1:
            slurm.records["n2"].update(state=["DOWN", "NOT_RESPONDING"], reason=reason)

    monkeypatch.setattr(waiting.time, "sleep", boot)
    with pytest.raises(SlurmError) as caught:
        run(slurm, **rebooting(wait=True))
    assert caught.value.message == (
        f"n2 did not come back from the reboot, and Slurm does not wait any longer ({reason}): check their consoles "
        "and the log of slurmd"
    )
    assert (len(looks), caught.value.details) == (
        2,
        {
            "changed": True,
            "not_back": {"n2": ["DOWN", "NOT_RESPONDING"], "n3": ["DOWN", "DRAIN", "REBOOT_REQUESTED"]},
        },
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"booted_after": None}, "state=rebooted needs booted_after"),
        ({"state": "drained"}, "booted_after is for state=rebooted"),
        ({"booted_after": "now"}, "booted_after is a fixed time"),
        ({"booted_after": "tomorrow"}, "booted_after is a fixed time"),
    ],
)
def test_booted_after_is_required_and_fixed(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(cluster("IDLE", "IDLE", "IDLE"), **rebooting(**given))
