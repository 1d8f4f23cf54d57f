# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWX: what awx_setup makes, and the rulebook that runs job templates. Runs inside the lab.

AWX is a double (awx_double.py); awx.awx, ansible-rulebook, ansible-runner, the playbooks and Slurm are real.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx_double import TOKEN, Double
from story import CHECKOUT, Rulebook, node, synced, variables, wait_until
from test_guard_rails import set_down
from test_reactions import resume

MENDED, BROKEN = "node4", "node5"
# The last one is ansible-rulebook's own.
pytestmark = pytest.mark.playbooks

LABELS = {"hpc.slurm", "lab", "Activated by Event-Driven Ansible"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site's repository: its inventory and its tasks; and the files of the listener."""
    made = tmp_path_factory.mktemp("awx")
    variables(made, 0)
    controllers = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
    del controllers["all"]["children"]["slurm_nodes"]
    controllers["all"]["vars"]["hpc_slurm_repair_tasks"] = str(made / "repair.yml")
    (made / "controllers.yml").write_text(yaml.safe_dump(controllers), encoding="utf-8")
    (made / "slurm.yml").write_text("plugin: hpc.slurm.slurm\nnodes: ['node[1-8]']\n", encoding="ascii")
    fails = {"name": "Turn it on", "ansible.builtin.fail": None, "when": f"inventory_hostname == '{BROKEN}'"}
    (made / "repair.yml").write_text(yaml.safe_dump([fails]), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def awx(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    """A double of AWX that is set up."""
    double = Double(tmp_path_factory.mktemp("jobs"))
    assert changed(set_up(double, directory)) > 0
    yield double
    double.stop()


def set_up(double: Double, directory: Path) -> str:
    """Run awx_setup, and return its output."""
    given = {"image": "hpc-slurm", "project_url": f"file://{CHECKOUT}", "inventory_url": f"file://{directory}"}
    given |= {"token_file": str(directory / "token"), "ca_file": str(directory / "ca.pem")}
    (directory / "awx.yml").write_text(yaml.safe_dump({f"hpc_slurm_awx_{name}": it for name, it in given.items()}))
    command = ["ansible-playbook", "hpc.slurm.awx_setup", "--extra-vars", f"@{directory / 'awx.yml'}"]
    environment = {**os.environ, **double.environment()}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def changed(output: str) -> int:
    """Return how many tasks changed something."""
    [number] = re.findall(r"changed=(\d+)", output)
    return int(number)


def launch(double: Double, template: str, **body: Any) -> tuple[int, Any]:
    """Launch a job template, and return the status and the content of the answer."""
    number = double.find("job_templates", template)["id"]
    return double.answer("POST", f"job_templates/{number}/launch/", {}, body)


def finished(double: Double, template: str, status: str) -> dict[str, Any]:
    """Return the only job of a template when it has ended."""
    wait_until(f"the job of {template}", 60, lambda: all(job["finished"] for job in double.jobs.of(template)))
    [job] = double.jobs.of(template)
    assert job["status"] == status, double.jobs.output(job)
    return job


def test_set_up_again_changes_nothing(awx: Double, directory: Path) -> None:
    before = len(awx.writes)
    output = set_up(awx, directory)
    assert changed(output) == 0, output
    assert awx.writes[before:] == []


def test_what_is_set_up(awx: Double) -> None:
    down = awx.find("job_templates", "hpc.slurm.node_down")
    assert down["playbook"] == "playbooks/node_down.yml" and down["allow_simultaneous"]
    assert down["ask_limit_on_launch"] and down["ask_variables_on_launch"] and down["ask_labels_on_launch"]
    assert awx.names(down["id"], "labels") == ["hpc.slurm"]
    assert set(awx.names(down["id"], "credentials")) == {"hpc.slurm listener token", "hpc.slurm listener certificates"}
    assert not awx.find("job_templates", "hpc.slurm.maintenance")["allow_simultaneous"]
    maintenance, report = sorted(awx.objects["workflow_job_template_nodes"].values(), key=lambda it: it["identifier"])
    assert awx.related[maintenance["id"], "always_nodes"] == [report["id"]]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ({"type": "multiplechoice"}, "must specify choices"),
        ({"type": "multiplechoice", "choices": ["rolling"], "default": "window"}, "answered from the choices"),
        ({"type": "hostlist"}, "not an allowed question type"),
        ({"type": "integer", "default": "3"}, "Default value 3"),
        ({"type": "text", "required": "yes"}, "'required' missing"),
        ({"type": "text", "min": "1"}, "expected to be integer"),
    ],
)
def test_a_survey_that_awx_refuses(awx: Double, question: dict[str, Any], told: str) -> None:
    number = awx.find("job_templates", "hpc.slurm.drain")["id"]
    before = awx.surveys[number]
    status, content = awx.answer("POST", f"job_templates/{number}/survey_spec/", {}, survey_of(question))
    assert (status, told in content["error"]) == (400, True), content
    assert awx.surveys[number] == before


def survey_of(question: dict[str, Any]) -> dict[str, Any]:
    asked = {"question_name": "Strategy", "variable": "hpc_slurm_strategy", "required": True, **question}
    return {"name": "", "description": "", "spec": [asked]}


def test_the_module_fails_with_such_a_survey(awx: Double) -> None:
    given = {"name": "hpc.slurm.drain", "organization": "Slurm", "survey_spec": survey_of({"type": "multiplechoice"})}
    command = ["ansible", "localhost", "--module-name", "awx.awx.job_template", "--args", json.dumps(given)]
    environment = {**os.environ, **awx.environment()}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode != 0 and "must specify choices" in done.stdout, done.stdout


def test_a_field_that_awx_does_not_have(awx: Double) -> None:
    status, content = awx.answer("POST", "labels/", {}, {"name": "x", "organization": 1, "colour": "red"})
    assert (status, list(content)) == (400, ["colour"])


def test_answers_that_awx_refuses(awx: Double) -> None:
    for answers, told in (
        ({"hpc_slurm_nodes": "node1"}, "'hpc_slurm_reason' value missing"),
        ({"hpc_slurm_reason": ""}, "is too small"),
        ({"hpc_slurm_reason": "x", "hpc_slurm_nodes": ["node1"]}, "expected to be text"),
        ({"hpc_slurm_reason": "x", "hpc_slurm_wait": True}, "expected to be multiplechoice"),
        ({"hpc_slurm_reason": "x", "hpc_slurm_wait": "yes"}, "expected to be one of"),
        ({"hpc_slurm_reason": "x", "hpc_slurm_wait_timeout": "60"}, "expected to be integer"),
    ):
        given = {"hpc_slurm_wait": "false", "hpc_slurm_wait_timeout": 60, **answers}
        status, content = launch(awx, "hpc.slurm.drain", extra_vars=given)
        assert status == 400 and told in " ".join(content["variables_needed_to_start"])
    assert awx.jobs.of("hpc.slurm.drain") == []


def test_a_person_drains_and_resumes_nodes_with_the_surveys(awx: Double) -> None:
    """With what the form gives for questions that were left empty."""
    answers = {"hpc_slurm_nodes": "node[1,3],node7", "hpc_slurm_partitions": "", "hpc_slurm_reason": "ticket 12"}
    answers |= {"hpc_slurm_max_unavailable": "", "hpc_slurm_wait": "false"}
    status, job = launch(
        awx, "hpc.slurm.drain", extra_vars={**answers, "hpc_slurm_wait_timeout": 60}, limit="controller"
    )
    assert (status, job["ignored_fields"], job["limit"]) == (201, {}, "controller")
    try:
        finished(awx, "hpc.slurm.drain", "successful")
        assert [node(f"node{number}")[1] for number in (1, 2, 3, 7)] == ["ticket 12", "", "ticket 12", "ticket 12"]
        launch(awx, "hpc.slurm.report", extra_vars={"hpc_slurm_nodes": ""})
        told = awx.jobs.output(finished(awx, "hpc.slurm.report", "successful"))
        assert '"nodes": "node[1,3,7]"' in told and '"why": "ticket 12"' in told
        answers = {"hpc_slurm_nodes": "node[1-8]", "hpc_slurm_partitions": "", "hpc_slurm_only_reason": "ticket"}
        launch(awx, "hpc.slurm.resume", extra_vars=answers)
        finished(awx, "hpc.slurm.resume", "successful")
        assert [node(f"node{number}")[1] for number in (1, 3, 7)] == ["", "", ""]
    finally:
        resume([f"node{number}" for number in range(1, 9)])


def test_the_workflow_maintains_a_node_and_reports_it(awx: Double, directory: Path) -> None:
    tasks = [{"name": "Work", "ansible.builtin.debug": {"msg": "worked on {{ hpc_slurm_node_name }}"}}]
    (directory / "work.yml").write_text(yaml.safe_dump(tasks), encoding="utf-8")
    name = f"awx-{time.time():.0f}"
    answers = {"maintenance": name, "maintenance_tasks": str(directory / "work.yml"), "nodes": "node8"}
    answers |= {"reboot": "none", "strategy": "drain", "max_unavailable": "1"}
    answers |= dict.fromkeys(("partitions", "start_time", "duration", "deadline", "comment"), "")
    number = awx.find("workflow_job_templates", "hpc.slurm.maintenance_and_report")["id"]
    given = {f"hpc_slurm_{key}": value for key, value in answers.items()}
    before = len(awx.jobs.of("hpc.slurm.report"))
    status, _answer = awx.answer("POST", f"workflow_job_templates/{number}/launch/", {}, {"extra_vars": given})
    assert status == 201
    wait_until("the report", 120, lambda: [it for it in awx.jobs.of("hpc.slurm.report")[before:] if it["finished"]])
    [maintenance], report = awx.jobs.of("hpc.slurm.maintenance"), awx.jobs.of("hpc.slurm.report")[-1]
    assert "worked on node8" in awx.jobs.output(maintenance)
    assert (maintenance["status"], report["status"]) == ("successful", "successful"), awx.jobs.output(report)
    told = json.loads(report["extra_vars"])["hpc_slurm_maintenance_report"]
    assert [group["nodes"] for group in told] == ["node8"] and told[0]["decision"] in awx.jobs.output(report)


@pytest.fixture
def rulebook(awx: Double, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rulebook]:
    monkeypatch.setenv("EDA_JOB_TEMPLATE_REFRESH_DELAY", "0.5")
    files = {"token_file": directory / "token", "certfile": directory / "listener.pem"}
    more = ["--controller-url", awx.url, "--controller-token", TOKEN]
    settings = {"sync_interval": 15, "retries_per_day": 1, **files}
    running = Rulebook(tmp_path, "hpc.slurm.node_events_awx", *more, **settings)
    try:
        with synced(running, 120):
            yield running
    finally:
        resume([f"node{number}" for number in range(1, 9)])


def expect_job(job: dict[str, Any], nodes: list[str], hostlist: str) -> dict[str, Any]:
    """Check what a job of a reaction was launched with, and return the event."""
    given = json.loads(job["extra_vars"])
    event: dict[str, Any] = given["ansible_eda"]["event"]
    assert job["limit"] == ",".join(["slurm_controller*", *nodes])
    assert (given["hpc_slurm_nodes"], event["nodes"], event["hostlist"]) == (hostlist, nodes, hostlist)
    assert set(job["labels"]) == {*LABELS, f"eda-event-uuid-{event['meta']['uuid']}"}
    assert job["ignored_fields"] == {}
    return event


def test_a_job_repairs_a_node_and_is_repeated_within_its_budget_for_the_other(awx: Double, rulebook: Rulebook) -> None:
    sync = awx.jobs.of("hpc.slurm.sync")[0]
    assert (sync["limit"], set(sync["labels"])) == ("slurm_controller*", LABELS)
    set_down(MENDED, BROKEN)
    down = "hpc.slurm.node_down"
    wait_until("the job", 120, lambda: awx.jobs.of(down) and awx.jobs.of(down)[0]["finished"])
    first = awx.jobs.of(down)[0]
    event = expect_job(first, [MENDED, BROKEN], f"{MENDED[:-1]}[4-5]")
    assert first["status"] == "failed", awx.jobs.output(first)
    wait_until(f"{MENDED} in service", 60, lambda: node(MENDED) == ({"IDLE"}, ""))
    assert node(BROKEN)[1] == f"{down} {event['meta']['uuid']}: 'Turn it on' failed"
    wait_until("the nodes to be held", 120, lambda: rulebook.decisions("reaction recorded", outcome="held"))
    [(_when, held)] = rulebook.decisions("reaction recorded", outcome="held")
    assert held["nodes"] == BROKEN and "no retries are left today" in held["why"]
    # No other job comes after the next sync.
    seen = len(rulebook.decisions("snapshot compared"))
    wait_until("a sync after it", 60, lambda: len(rulebook.decisions("snapshot compared")) > seen)
    first, second = awx.jobs.of(down)
    assert expect_job(second, [BROKEN], BROKEN)["retries_left"] == 0
    assert "DRAIN" in node(BROKEN)[0] and second["status"] == "failed"
