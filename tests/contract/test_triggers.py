# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Triggers, on the fake and on a real controller."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common import trigger_events
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.plan import plan_present
from ansible_collections.hpc.slurm.tests.contract.cluster import PROGRAM, RealSlurm
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm


def ours(slurm: Slurm) -> list[dict[str, Any]]:
    return [found for found in slurm.triggers() if found["program"] == PROGRAM]


def set_down(slurm: Slurm, *selectors: str, **differing: Any) -> None:
    slurm.set_trigger(
        selectors=selectors or ["--node", "--down"], **{"offset": 0, "permanent": True, "program": PROGRAM, **differing}
    )


def test_a_trigger_is_set_listed_and_cleared(slurm: Slurm) -> None:
    set_down(slurm)
    (found,) = ours(slurm)
    assert isinstance(found.pop("id"), int)
    assert found == {
        "event": "down",
        "resource": "node",
        "resource_id": "*",
        "offset": 0,
        "permanent": True,
        "program": PROGRAM,
        "user": slurm.user(),
    }
    slurm.clear_trigger(ours(slurm)[0]["id"])
    assert ours(slurm) == []


def test_to_clear_a_trigger_that_does_not_exist_is_no_error(slurm: Slurm) -> None:
    set_down(slurm)
    number = ours(slurm)[0]["id"]
    slurm.clear_trigger(number)
    slurm.clear_trigger(number)
    assert ours(slurm) == []


def test_a_duplicate_is_refused(slurm: Slurm) -> None:
    set_down(slurm)
    with pytest.raises(ConflictError) as caught:
        set_down(slurm)
    assert (caught.value.errno, caught.value.name) == (2089, "ESLURM_TRIGGER_DUP")
    assert len(ours(slurm)) == 1


@pytest.mark.parametrize("differing", [{"permanent": False}, {"permanent": False, "offset": 5}])
def test_a_trigger_that_differs_is_no_duplicate(slurm: Slurm, differing: dict[str, Any]) -> None:
    set_down(slurm)
    set_down(slurm, **differing)
    assert [(found["permanent"], found["offset"]) for found in ours(slurm)] == [
        (True, 0),
        (differing["permanent"], differing.get("offset", 0)),
    ]


def test_a_trigger_for_unknown_nodes_is_refused(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(slurm, "--node=big00901,nosuch", "--down")
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert ours(slurm) == []


def test_a_trigger_for_an_unknown_job_is_refused(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(slurm, "--jobid=99999999", "--fini", permanent=False)
    assert (caught.value.errno, caught.value.name) == (2017, "ESLURM_INVALID_JOB_ID")


def test_strigger_reads_a_task_of_an_array_as_the_array(slurm: RealSlurm | FakeSlurm) -> None:
    """Which is why the module refuses the id of a task."""
    number = slurm.submit("--hold", "--array=1-3")
    set_down(slurm, f"--jobid={number}_2", "--fini", permanent=False)
    assert [found["resource_id"] for found in ours(slurm)] == [str(number)]


@pytest.mark.parametrize("differing", [{"program": "/no/such/program"}, {"permanent": False, "offset": 32001}])
def test_refusals_of_strigger_itself(slurm: Slurm, differing: dict[str, Any]) -> None:
    with pytest.raises(SlurmError, match="strigger --set: strigger: error: ") as caught:
        set_down(slurm, **differing)
    assert (caught.value.errno, caught.value.call) == (None, "strigger --set")


@pytest.mark.parametrize(
    "event", [kind for class_, kinds in trigger_events.CLASSES.items() if class_ != "job" for kind in kinds]
)
def test_every_event_is_listed_as_the_module_describes_it(slurm: Slurm, event: str) -> None:
    params = dict.fromkeys(("nodes", "job_id", "offset", "permanent", "purge_matching", "trigger_ids", "user"))
    params.update(event=event, program=PROGRAM)
    predicted = execute(plan_present, slurm, params, check_mode=True)
    done = execute(plan_present, slurm, params, check_mode=False)
    assert [{**found, "id": None} for found in done["triggers"]] == predicted["triggers"]
    assert (done["diff"], done["changed"], len(done["trigger_ids"])) == (predicted["diff"], True, 1)
    assert execute(plan_present, slurm, params, check_mode=False)["changed"] is False


def test_nodes_are_listed_as_they_were_given(slurm: Slurm) -> None:
    set_down(slurm, "--node=big[00901-00903,00905]", "--drained", permanent=False, offset=30)
    (found,) = ours(slurm)
    shown = {name: found[name] for name in ("resource_id", "event", "offset", "permanent")}
    assert shown == {
        "resource_id": "big[00901-00903,00905]",
        "event": "drained",
        "offset": 30,
        "permanent": False,
    }


def test_the_configuration_names_slurm_user(slurm: Slurm) -> None:
    assert slurm.config()["slurm_user_name"] == "slurm"


def test_an_ordinary_user_sets_no_trigger(ordinary: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(ordinary)
    assert (caught.value.errno, caught.value.name) == (2002, "ESLURM_ACCESS_DENIED")
    assert ours(ordinary) == []
