# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states powered_down and powered_up."""

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import waiting
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.power import POWER_DOWN_MODES, PowerDown, PowerUp
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import cluster, run

STATES = [
    f"{base}{flags}"
    for base in ("IDLE", "MIXED", "DOWN")
    for flags in (
        "",
        "+FAIL",
        "+POWER_DOWN",
        "+DRAIN+POWER_DOWN",
        "+POWERING_DOWN",
        "+POWERED_DOWN",
        "+POWERED_DOWN+POWER_DOWN",
        "+POWERED_DOWN+POWER_UP",
        "+NOT_RESPONDING+POWERING_UP",
        "+DRAIN+REBOOT_REQUESTED",
    )
]


@pytest.mark.parametrize(
    ("state", "idle", "asap", "force", "up"),
    [
        ("IDLE", False, False, False, True),
        ("MIXED", False, False, False, True),
        ("IDLE+POWER_DOWN", True, False, True, False),
        ("MIXED+POWER_DOWN", True, False, False, False),
        ("MIXED+DRAIN+POWER_DOWN", True, True, False, False),
        ("IDLE+POWERING_DOWN", True, True, True, False),
        ("IDLE+POWERED_DOWN", True, True, True, False),
        ("IDLE+POWERED_DOWN+POWER_UP", False, False, False, True),
        ("IDLE+POWERING_UP+NOT_RESPONDING", False, False, False, True),
        ("IDLE+POWERED_DOWN+POWER_DOWN+POWER_UP", True, False, True, False),
    ],
)
def test_reached(state: str, idle: bool, asap: bool, force: bool, up: bool) -> None:
    node = {"state": state.split("+")}
    reached = {mode: PowerDown.of({"power_down_mode": mode}).is_reached(node) for mode in POWER_DOWN_MODES}
    assert reached == {"idle": idle, "asap": asap, "force": force}
    assert PowerUp.of({}).is_reached(node) is up


@pytest.mark.parametrize("mode", POWER_DOWN_MODES)
@pytest.mark.parametrize("state", STATES)
def test_check_mode_predicts_the_power_down(state: str, mode: str) -> None:
    slurm = cluster(state, reason="theirs")
    task = {"state": "powered_down", "power_down_mode": mode, "include_out_of_service": True}
    predicted = run(slurm, check_mode=True, **task)
    assert run(slurm, **task) == predicted
    assert slurm.writes["update_nodes"] == int(predicted["changed"])
    assert run(slurm, **task)["changed"] is False


@pytest.mark.parametrize("state", [state for state in STATES if "POWER_DOWN" not in state and "POWERING" not in state])
def test_check_mode_predicts_the_power_up(state: str) -> None:
    slurm = cluster(state, reason="theirs")
    predicted = run(slurm, check_mode=True, state="powered_up")
    assert run(slurm, state="powered_up") == predicted
    assert predicted["changed"] is (state.endswith("POWERED_DOWN"))
    assert run(slurm, state="powered_up")["changed"] is False


@pytest.mark.parametrize("flag", ["POWER_DOWN", "POWERING_DOWN", "POWERED_DOWN+POWER_DOWN"])
def test_a_node_that_is_being_powered_down_cannot_be_powered_up(flag: str) -> None:
    slurm = cluster("IDLE+POWERED_DOWN", f"IDLE+{flag}")
    with pytest.raises(SlurmError, match="^n2 is being powered down, and Slurm ignores a request to power it up"):
        run(slurm, nodes=["n[1-2]"], state="powered_up")
    assert slurm.writes == {}


@pytest.mark.parametrize("mode", POWER_DOWN_MODES)
def test_nodes_out_of_service_for_another_reason_are_skipped(mode: str) -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE", "DOWN", reason="bad DIMM")
    slurm.records["n3"].update(reason="Not responding", reason_user="slurm")
    outcome = run(slurm, nodes=["n[1-3]"], state="powered_down", power_down_mode=mode)
    assert outcome["changed_nodes"] == ["n2", "n3"]
    assert outcome["skipped_nodes"] == {"n1": "it is out of service for another reason: 'bad DIMM'"}
    assert slurm.records["n1"]["state"] == ["IDLE", "DRAIN"]


def test_asap_drains_with_the_reason_of_slurmctld() -> None:
    slurm = cluster("MIXED")
    node = run(slurm, state="powered_down", power_down_mode="asap")["nodes"]["n1"]
    assert node == {"state": ["MIXED", "DRAIN", "POWER_DOWN"], "reason": "POWER_DOWN_ASAP", "reason_user": None}


@pytest.mark.parametrize("state", ["powered_down", "powered_up"])
def test_a_reason_is_refused(state: str) -> None:
    with pytest.raises(SlurmError, match=f"reason cannot be given with state={state}"):
        run(cluster("IDLE"), state=state, reason="why")


def test_max_unavailable_does_not_apply() -> None:
    assert run(cluster("IDLE"), state="powered_down", max_unavailable="0")["changed"] is True


def changing(slurm: FakeSlurm, states: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the nodes be in one of these states after each pause of a wait."""
    following = iter(states)

    def change(_seconds: float) -> None:
        state, _space, reason = next(following).partition(" ")
        for record in slurm.records.values():
            record.update(state=state.split("+"), reason=reason or None)

    monkeypatch.setattr(waiting.time, "sleep", change)


@pytest.mark.parametrize(
    ("before", "state", "states"),
    [
        ("IDLE", "powered_down", ["IDLE+POWERING_DOWN", "IDLE+POWERED_DOWN+POWER_DOWN", "IDLE+POWERED_DOWN"]),
        ("IDLE+POWERED_DOWN", "powered_up", ["IDLE+NOT_RESPONDING+POWERING_UP", "IDLE+NOT_RESPONDING", "IDLE"]),
    ],
)
def test_a_wait_ends_when_the_state_is_reached(
    before: str, state: str, states: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = cluster(before, before)
    changing(slurm, states, monkeypatch)
    outcome = run(slurm, nodes=["n[1-2]"], state=state, wait=True)
    assert outcome["nodes"]["n2"]["state"] == states[-1].split("+")


@pytest.mark.parametrize(("before", "state"), [("IDLE", "powered_down"), ("IDLE+POWERED_DOWN", "powered_up")])
def test_a_wait_times_out(before: str, state: str) -> None:
    with pytest.raises(SlurmError, match="after 0 s n1 did not power (down|up): check") as caught:
        run(cluster(before), state=state, wait=True, wait_timeout=0)
    assert list(caught.value.details["not_reached"]) == ["n1"]


def test_a_wait_ends_where_slurm_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE+POWERED_DOWN")
    changing(slurm, ["IDLE+NOT_RESPONDING+POWERING_UP", "DOWN+POWERED_DOWN ResumeTimeout reached"], monkeypatch)
    with pytest.raises(SlurmError) as caught:
        run(slurm, state="powered_up", wait=True)
    assert caught.value.message == (
        "n1 did not power up, and Slurm does not wait any longer (ResumeTimeout reached): check their consoles and the "
        "log of ResumeProgram"
    )


def test_a_stronger_mode_than_the_pending_one_is_requested() -> None:
    slurm = cluster("MIXED")
    # The drain of asap is not one for another reason.
    changed = [run(slurm, state="powered_down", power_down_mode=mode)["changed"] for mode in ("idle", "asap", "force")]
    assert changed == [True, True, True]
