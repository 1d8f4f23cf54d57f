# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.description import describe
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.trigger.helpers import (
    params,
    run_module,
    set_trigger,
)


@pytest.mark.parametrize(
    ("given", "selectors", "resource", "permanent"),
    [
        ({"event": "down"}, ["--node", "--down"], "node", True),
        ({"event": "down", "permanent": False}, ["--node", "--down"], "node", False),
        ({"event": "fail", "nodes": ["n[2-3]", "n1"]}, ["--node=n[1-3]", "--fail"], "node", True),
        ({"event": "fail", "nodes": []}, ["--node", "--fail"], "node", True),
        ({"event": "down", "offset": 30, "permanent": False}, ["--node", "--down"], "node", False),
        ({"event": "down", "offset": 0, "permanent": True}, ["--node", "--down"], "node", True),
        ({"event": "reconfig"}, ["--reconfig"], "node", True),
        ({"event": "down", "job_id": "7"}, ["--jobid=7", "--down"], "job", False),
        ({"event": "time", "job_id": "7", "offset": -60}, ["--jobid=7", "--time"], "job", False),
        ({"event": "burst_buffer"}, ["--burst_buffer"], "other", False),
        ({"event": "primary_slurmdbd_failure"}, ["--primary_slurmdbd_failure"], "slurmdbd", False),
        ({"event": "backup_slurmctld_failure", "permanent": True}, ["--backup_slurmctld_failure"], "slurmctld", True),
    ],
)
def test_describe(given: dict[str, Any], selectors: list[str], resource: str, permanent: bool) -> None:
    wanted = describe(params(program="/bin/true", **given))
    assert (wanted.selectors(), wanted.resource, wanted.permanent) == (selectors, resource, permanent)
    assert wanted.offset == given.get("offset", 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"event": "down", "permanent": True, "offset": 5}, "permanent with an offset loses events"),
        # Permanent by default, for nodes.
        ({"event": "down", "offset": 5}, "permanent with an offset loses events"),
        ({"event": "fini", "job_id": "7", "permanent": True}, "a job's trigger cannot be permanent"),
        ({"event": "drained", "job_id": "7"}, "a job has no event drained; there are: time, fini, up, down, fail"),
        ({"event": "down", "job_id": "7", "nodes": ["n1"]}, "nodes and job_id exclude each other"),
        ({"event": "reconfig", "nodes": ["n1"]}, "the event reconfig is not about nodes"),
        ({"event": "primary_database_failure", "nodes": ["n1"]}, "is not about nodes"),
        ({"event": "fini"}, "the event fini is about a job: give its job_id"),
        ({"event": "time", "nodes": ["n1"]}, "the event time is about a job: give its job_id"),
        ({"event": "down", "nodes": ["@all"]}, "not a hostlist"),
    ],
)
def test_combinations_that_are_refused(slurm: FakeSlurm, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SlurmError, match=message):
        run_module(slurm, program="/bin/true", **given)
    assert (sum(slurm.reads.values()), sum(slurm.writes.values())) == (0, 0)


@pytest.mark.parametrize("job_id", ["7_1", "7+1", "x", "", "-7", "7.0"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_job_id_that_strigger_would_read_as_another(slurm: FakeSlurm, state: str, job_id: str) -> None:
    with pytest.raises(SlurmError, match="job_id is not a number: .*; a trigger is about a whole array"):
        run_module(slurm, state, event="fini", job_id=job_id, program="/bin/true")
    assert slurm.trigger_records == []


def test_the_same_job_in_another_notation(slurm: FakeSlurm) -> None:
    set_trigger(slurm, event="fini", job_id="7")
    assert run_module(slurm, event="fini", job_id=" 07 ", program="/bin/true")["changed"] is False
    assert run_module(slurm, "absent", job_id="07")["changed"] is True


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("", "must start with an absolute path"),
        ("   ", "must start with an absolute path"),
        ("true", "must start with an absolute path"),
        ("./true x", "must start with an absolute path"),
        ("/bin/true 'a b'", "has quotes or backslashes"),
        ('/bin/true "a"', "has quotes or backslashes"),
        ("/bin/true a\\ b", "has quotes or backslashes"),
        ("/bin/true\n/bin/false", "has control characters"),
        ("/bin/true\ta", "has control characters"),
        ("/bin/true \x1b", "has control characters"),
        ("/bin/true" + " x" * 62, "program has 63 words, slurmctld passes 62"),
    ],
)
def test_programs_that_slurmctld_cannot_run(slurm: FakeSlurm, program: str, message: str) -> None:
    with pytest.raises(SlurmError, match=message):
        run_module(slurm, event="down", program=program)
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize("program", ["/bin/true", "/bin/true  two  blanks", "/bin/true" + " x" * 61, " /bin/true x \n"])
def test_programs_are_set_as_they_are_listed(slurm: FakeSlurm, program: str) -> None:
    once = describe(params(event="down", program=program)).program
    assert describe(params(event="down", program=once)).program == once == program.strip()
    assert set_trigger(slurm, program=program)["program"] == once
    assert run_module(slurm, event="down", program=program)["changed"] is False
    assert run_module(slurm, "absent", program=program)["changed"] is True
