# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Odd texts of nodes, jobs and triggers: each is stored and read exactly or refused, and nothing else is affected."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.job.info import plan_info
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.plan import plan_trigger
from ansible_collections.hpc.slurm.tests.contract.cluster import NODE_OPTIONS, NODES, RealSlurm
from ansible_collections.hpc.slurm.tests.contract.odd_texts import ODD_TEXTS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

pytestmark = pytest.mark.texts

ODD, OTHER = NODES[:2]
every_text = pytest.mark.parametrize("name", ODD_TEXTS)
# What no text may be: pyslurm cuts it off at NUL, and what is not UTF-8 is not read as it was given.
NEVER = {"NUL", "not UTF-8"}
REFUSED = {
    "reason": {*NEVER, "one blank"},
    "comment": {*NEVER, "record", "line breaks"},
    "extra": {*NEVER, "record", "line breaks"},
}
# slurmctld splits a program at blanks, and knows no quotes.
REFUSED_IN_PROGRAM = {*NEVER, "quotes", "record", "tab", "line breaks", "Unicode blanks", "control characters"}
# Texts that other tools can be given, and that are read as they were given.
OTHER_TOOLS = sorted({*ODD_TEXTS} - NEVER)
ACCEPTED_BY_SBATCH = sorted({*ODD_TEXTS} - {*NEVER, "long"})


def change_node(slurm: Slurm, field: str, text: str) -> dict[str, Any]:
    given = {"state": "drained", "reason": text} if field == "reason" else {"attributes": {field: text}}
    return execute(plan_nodes, slurm, {**NODE_OPTIONS, "nodes": [ODD], "state": None, **given}, check_mode=False)


def texts_of(slurm: Slurm) -> dict[str, dict[str, Any]]:
    found = slurm.nodes(["reason", "comment", "extra"])
    return {name: found[name] for name in (ODD, OTHER)}


@every_text
def test_the_texts_of_a_node(slurm: RealSlurm | FakeSlurm, name: str) -> None:
    text = ODD_TEXTS[name]
    slurm.update_nodes(OTHER, state="DRAIN", reason="other")
    slurm.update_attributes(OTHER, {"comment": "other", "extra": "other"})
    try:
        for field in ("reason", "comment", "extra"):
            before = texts_of(slurm)
            if name in REFUSED[field]:
                with pytest.raises(SlurmError, match="NUL|UTF-8|one line|empty"):
                    change_node(slurm, field, text)
                assert texts_of(slurm) == before
            else:
                assert change_node(slurm, field, text)["nodes"][ODD][field] == text
                assert texts_of(slurm) == {**before, ODD: {**before[ODD], field: text}}
                assert change_node(slurm, field, text)["changed"] is False
    finally:
        slurm.update_attributes(f"{ODD},{OTHER}", {"comment": "", "extra": ""})


@pytest.mark.parametrize("name", ["record", "line breaks", "control characters"])
def test_a_node_whose_text_another_tool_has_set(slurm: RealSlurm | FakeSlurm, name: str) -> None:
    """It does not stop a task that is about this node."""
    try:
        slurm.update_attributes(ODD, {"comment": ODD_TEXTS[name]})
        assert texts_of(slurm)[ODD]["comment"] == ODD_TEXTS[name]
        assert change_node(slurm, "comment", "plain")["nodes"][ODD]["comment"] == "plain"
    finally:
        slurm.update_attributes(ODD, {"comment": ""})


def trigger_options(**given: Any) -> dict[str, Any]:
    names = ("nodes", "job_id", "offset", "permanent", "purge_matching", "trigger_ids", "user", "program", "event")
    return {**dict.fromkeys(names), "state": "present", **given}


@every_text
def test_the_program_of_a_trigger(slurm: RealSlurm | FakeSlurm, name: str) -> None:
    other = execute(plan_trigger, slurm, trigger_options(event="up", program="/bin/true other"), check_mode=False)
    options = trigger_options(event="down", program=f"/bin/true {ODD_TEXTS[name]}")
    if name in REFUSED_IN_PROGRAM:
        with pytest.raises(SlurmError, match="program has "):
            execute(plan_trigger, slurm, options, check_mode=False)
        assert slurm.triggers() == other["triggers"]
        return
    done = execute(plan_trigger, slurm, options, check_mode=False)
    assert [found["program"] for found in done["triggers"]] == [options["program"].strip()]
    assert slurm.triggers() == [*other["triggers"], *done["triggers"]]
    assert execute(plan_trigger, slurm, options, check_mode=False)["changed"] is False
    assert execute(plan_trigger, slurm, {**options, "state": "absent"}, check_mode=False)["changed"] is True
    assert slurm.triggers() == other["triggers"]


@pytest.mark.parametrize("name", OTHER_TOOLS)
def test_a_trigger_that_another_tool_has_set(slurm: RealSlurm | FakeSlurm, name: str) -> None:
    """It is read exactly, and can be removed."""
    program = f"/bin/true {ODD_TEXTS[name]}"
    slurm.set_trigger(selectors=["--node", "--down"], offset=0, permanent=True, program=program)
    slurm.set_trigger(selectors=["--node", "--up"], offset=0, permanent=True, program="/bin/true other")
    assert [found["program"] for found in slurm.triggers()] == [program, "/bin/true other"]
    options = trigger_options(state="absent", event="down", purge_matching="^/bin/true")
    assert execute(plan_trigger, slurm, options, check_mode=False)["changed"] is True
    assert [found["program"] for found in slurm.triggers()] == ["/bin/true other"]


def find_jobs(slurm: Slurm, **criteria: Any) -> dict[str, dict[str, Any]]:
    options = dict.fromkeys(("job_ids", "nodes", "states", "users", "partitions", "attributes"))
    found = execute(plan_info, slurm, {**options, "criteria": criteria, "steps": True}, check_mode=False)
    return found["jobs"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ACCEPTED_BY_SBATCH)
def test_the_texts_of_a_job(slurm: RealSlurm | FakeSlurm, name: str) -> None:
    text = ODD_TEXTS[name]
    number = slurm.submit_texts(name=text, comment=text)
    other = slurm.submit_texts(name="other", comment="other")
    assert {key: job["comment"] for key, job in find_jobs(slurm, name=text, state="PENDING").items()} == {
        str(number): text
    }
    found = find_jobs(slurm, state="PENDING", user_name=slurm.user())
    assert {key: (job["name"], job["comment"]) for key, job in found.items()} == {
        str(number): (text, text),
        str(other): ("other", "other"),
    }
