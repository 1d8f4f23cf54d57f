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
    assert sorted(caught.value.details["not_reached"]) == ["n1", "n2", "n3"]


@pytest.mark.parametrize("reason", ["kernel : reboot timed out", "reboot timed out"])
def test_a_wait_ends_where_slurm_gives_up_on_the_reboot(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "DOWN", reason="old : reboot timed out")
    slurm.records["n3"]["reason_user"] = "slurm"  # which is rebooted again
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
            "not_reached": {"n2": ["DOWN", "NOT_RESPONDING"], "n3": ["DOWN", "DRAIN", "REBOOT_REQUESTED"]},
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


@pytest.mark.parametrize(
    ("state", "reason", "user", "skipped"),
    [
        ("IDLE", None, None, None),
        ("IDLE+DRAIN", "bad DIMM", "alice", "it is out of service for another reason: 'bad DIMM'"),
        ("DOWN", "bad DIMM", "root", "it is out of service for another reason: 'bad DIMM'"),
        ("IDLE+FAIL", "bad fan", "root", "it is out of service for another reason: 'bad fan'"),
        ("IDLE+DRAIN", None, None, "it is out of service, without a reason"),
        (
            "DOWN+DRAIN",
            "bad DIMM : Not responding",
            "slurm",
            "it is out of service for another reason: 'bad DIMM : Not ",
        ),
        # This task's own reason, also after a reboot that timed out.
        ("IDLE+DRAIN", "kernel", "root", None),
        ("DOWN+DRAIN", "kernel : reboot issued : reboot timed out", "slurm", None),
        ("IDLE+DRAIN", "kernel : do not touch", "alice", "it is out of service for another reason"),
        # slurmctld itself found the node down.
        ("DOWN", "Not responding", "slurm", None),
    ],
)
def test_nodes_out_of_service_for_another_reason_are_skipped(
    state: str, reason: str | None, user: str | None, skipped: str | None
) -> None:
    slurm = cluster(state, "IDLE")
    slurm.records["n1"].update(reason=reason, reason_user=user)
    before = slurm.nodes()["n1"]
    for check_mode in (True, False):
        outcome = run(slurm, check_mode, **rebooting(nodes=["n[1-2]"]))
        assert outcome["changed_nodes"] == (["n2"] if skipped else ["n1", "n2"])
        assert outcome["skipped_nodes"].get("n1", "").startswith(skipped or "")
        assert bool(skipped) == ("n1" in outcome["skipped_nodes"])
    assert (slurm.nodes()["n1"] == before) is bool(skipped)


def test_a_skipped_node_gets_no_attributes_either() -> None:
    slurm = cluster("IDLE+DRAIN", reason="bad DIMM")
    outcome = run(slurm, **rebooting(nodes=["n1"], attributes={"comment": "c"}))
    assert (outcome["changed"], list(outcome["skipped_nodes"])) == (False, ["n1"])
    # One that has booted since is not about to be rebooted, whatever its reason.
    slurm.records["n1"]["boot_time"] = 1800000001
    assert run(slurm, **rebooting(nodes=["n1"], attributes={"comment": "c"}))["changed_nodes"] == ["n1"]


@pytest.mark.parametrize("options", [{"include_out_of_service": True}, {"only_reason": "DIMM"}])
def test_a_task_can_include_nodes_out_of_service(options: dict[str, Any]) -> None:
    slurm = cluster("IDLE+DRAIN", reason="bad DIMM")
    predicted = run(slurm, check_mode=True, **rebooting(nodes=["n1"], **options))
    assert predicted["diff"] == {
        "before": {
            "n1": {
                "state": ["IDLE", "DRAIN"],
                "reason": "bad DIMM",
                "reason_user": "alice",
                "next_state": None,
                "state_after_reboot": None,
            }
        },
        "after": {
            "n1": {
                "state": ["IDLE", "DRAIN", "REBOOT_REQUESTED"],
                "reason": "kernel",
                "reason_user": "root",
                "next_state": "RESUME",
                "state_after_reboot": ["IDLE"],
            }
        },
    }
    assert run(slurm, **rebooting(nodes=["n1"], **options)) == predicted


@pytest.mark.parametrize(
    ("state", "next_state", "after"),
    [
        ("IDLE", "resume", ["IDLE"]),
        ("IDLE", "down", ["DOWN"]),
        ("MIXED+DRAIN", "resume", ["IDLE"]),
        ("DOWN+DRAIN", "resume", ["IDLE"]),
        ("DOWN+DRAIN+NOT_RESPONDING", "down", ["DOWN", "NOT_RESPONDING"]),
        ("IDLE+FAIL", "resume", ["IDLE", "FAIL"]),
        ("IDLE+FAIL", "down", ["DOWN", "FAIL"]),
    ],
)
def test_the_state_after_the_reboot(state: str, next_state: str, after: list[str]) -> None:
    slurm = cluster(state, reason="theirs")
    task = rebooting(nodes=["n1"], next_state=next_state, include_out_of_service=True)
    predicted = run(slurm, check_mode=True, **task)
    assert predicted["nodes"]["n1"]["state_after_reboot"] == after
    assert run(slurm, **task) == predicted


def test_a_pending_reboot_without_a_next_state_keeps_a_drain() -> None:
    slurm = cluster("IDLE+DRAIN+REBOOT_REQUESTED", "DOWN+DRAIN+REBOOT_ISSUED")
    slurm.records["n2"]["next_state"] = "UNDRAIN"
    nodes = run(slurm, **rebooting(nodes=["n[1-2]"]))["nodes"]
    assert [node["state_after_reboot"] for node in nodes.values()] == [["IDLE", "DRAIN"], ["IDLE"]]


def test_slurm_user_is_read_only_where_it_matters() -> None:
    slurm = cluster("IDLE", "IDLE+DRAIN", "IDLE+DRAIN")
    slurm.records["n3"]["reason"] = "kernel"
    run(slurm, check_mode=True, **rebooting(nodes=["n[1,3]"]))
    assert slurm.reads["config"] == 0
    run(slurm, check_mode=True, **rebooting(nodes=["n[1-3]"]))
    assert slurm.reads["config"] == 1
