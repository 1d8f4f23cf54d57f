# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWX: what awx_setup makes, and the rulebook that runs job templates. Runs inside the lab.

The suite playbooks runs it on a double of AWX (awx_double.py), the suite awx on a real AWX, whose address is in
HPC_SLURM_AWX. awx.awx, ansible-rulebook, ansible-runner, the playbooks and Slurm are real in both.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx_client import Awx
from awx_double import Double
from awx_rights import PASSWORD
from awx_site import BROKEN, REPAIRED, RULEBOOK_USER, Site, changed
from story import CHECKOUT, Rulebook, node, synced, wait_until
from test_guard_rails import set_down
from test_reactions import resume

pytestmark = pytest.mark.playbooks

# The last one is ansible-rulebook's own.
LABELS = {"hpc.slurm", "lab", "Activated by Event-Driven Ansible"}
VARIABLES: dict[str, Any] = yaml.safe_load(
    (CHECKOUT / "playbooks/vars/awx.yml").read_text(encoding="utf-8").replace("!unsafe ", "")
)
TEMPLATES: dict[str, list[dict[str, Any]]] = {it["name"]: it["survey"] for it in VARIABLES["awx_templates"]}
# Answers to the questions that must be answered.
ANSWERS = {
    **{"hpc_slurm_nodes": "node8", "hpc_slurm_reason": "ticket 12", "hpc_slurm_only_reason": "ticket"},
    **{"hpc_slurm_maintenance": "awx", "hpc_slurm_reservation": "awx"},
}
# And to those of which one must be answered: nodes or partitions, tasks or a reboot.
CHOSEN = {name: {"hpc_slurm_nodes": "node8"} for name in ("hpc.slurm.drain", "hpc.slurm.reboot", "hpc.slurm.resume")}
CHOSEN["hpc.slurm.maintenance"] = {"hpc_slurm_nodes": "node8", "hpc_slurm_reboot": "slurm"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real AWX, or of a double."""
    if real := os.environ.get("HPC_SLURM_AWX"):
        yield real
        return
    double = Double(tmp_path_factory.mktemp("double"))
    yield double.url
    double.stop()


@pytest.fixture(scope="module")
def awx(url: str, site: Site) -> Awx:
    """AWX, set up, for its administrator."""
    admin = Awx.of_user(url, "admin", PASSWORD)
    for name in (RULEBOOK_USER, "stranger"):
        assert admin.post("users/", username=name, password=PASSWORD)[0] == 201
    assert changed(site.set_up(admin)) > 0
    return admin


@pytest.fixture(scope="module")
def user(awx: Awx) -> Awx:
    """AWX for the rulebook's user."""
    return Awx.of_user(awx.url, RULEBOOK_USER, PASSWORD)


def test_set_up_again_changes_nothing(awx: Awx, site: Site) -> None:
    """Also with slashes at the end of URLs and folders."""
    output = site.set_up(awx, url_end="/", playbooks="./playbooks/")
    assert changed(output) == 0, output


def test_what_is_set_up(awx: Awx) -> None:
    down = awx.template("hpc.slurm.node_down")
    assert down["playbook"] == "playbooks/node_down.yml" and down["allow_simultaneous"]
    assert down["ask_limit_on_launch"] and down["ask_variables_on_launch"] and down["ask_labels_on_launch"]
    assert awx.names("job_templates", down["id"], "labels") == {"hpc.slurm"}
    credentials = {"hpc.slurm listener token", "hpc.slurm listener certificates"}
    assert awx.names("job_templates", down["id"], "credentials") == credentials
    assert not awx.template("hpc.slurm.maintenance")["allow_simultaneous"]
    [maintenance] = awx.find_all("workflow_job_template_nodes", identifier="maintenance")
    [report] = awx.find_all(f"workflow_job_template_nodes/{maintenance['id']}/always_nodes")
    assert report["identifier"] == "report"


def test_the_user_of_the_rulebook_has_what_it_needs(awx: Awx, user: Awx) -> None:
    [organization] = user.find_all("organizations")
    assert organization["name"] == "Slurm"
    assert {it["name"] for it in user.find_all("unified_job_templates")} >= set(TEMPLATES)
    label = {"name": "of the rulebook", "organization": organization["id"]}
    assert user.post("labels/", **label)[0] == 201
    assert user.post("projects/", name="x", organization=organization["id"])[0] == 403
    # Who is no member of the organisation does not see it, and would run jobs without labels.
    stranger = Awx.of_user(awx.url, "stranger", PASSWORD)
    assert (stranger.find_all("organizations"), stranger.find_all("unified_job_templates")) == ([], [])
    assert stranger.post("labels/", **label)[0] == 403


def test_a_playbook_is_new(awx: Awx, site: Site) -> None:
    """As after an upgrade of the collection's repository."""
    project = awx.find("projects", name="hpc.slurm", organization__name="Slurm")["id"]
    inventory = awx.find("inventories", name="hpc.slurm", organization__name="Slurm")["id"]
    template = {"name": "new", "project": project, "inventory": inventory, "playbook": "playbooks/new.yml"}
    report = yaml.safe_load((CHECKOUT / "playbooks/report.yml").read_text(encoding="utf-8"))
    site.commit(site.playbooks, **{"playbooks/new.yml": report})
    status, content = awx.post("job_templates/", **template)
    assert (status, content) == (400, {"playbook": ["Playbook not found for project."]})
    assert changed(site.set_up(awx)) == 1
    assert awx.post("job_templates/", **template)[0] == 201


def content_of(awx: Awx, organization: str) -> dict[str, Any]:
    """Return what an organisation has that a set-up of another one could change."""
    fields = {
        "job_templates": ("project", "inventory", "execution_environment", "playbook"),
        "projects": ("scm_url", "scm_branch"),
        "execution_environments": ("image", "name"),
        "inventory_sources": ("source_project", "credential", "execution_environment"),
    }
    content: dict[str, Any] = {}
    for kind, names in fields.items():
        for found in awx.find_all(kind, organization__name=organization):
            content[f"{kind} {found['id']}"] = [found[name] for name in names]
            if kind == "job_templates":
                content[f"credentials {found['id']}"] = awx.names(kind, found["id"], "credentials")
    return content


def test_a_second_organisation_leaves_the_first_alone(awx: Awx, site: Site) -> None:
    before = content_of(awx, "Slurm")
    key = site.directory / "key"
    key.write_text("key of the second organisation", encoding="ascii")
    more = {"organization": "Second", "image": "hpc-slurm-of-the-second", "rulebook_user": ""}
    assert changed(site.set_up(awx, **more)) > 0
    assert content_of(awx, "Slurm") == before
    second = content_of(awx, "Second")
    assert len(second) > len(TEMPLATES) and not second.keys() & before.keys()
    [environment] = awx.find_all("execution_environments", organization__name="Second")
    assert environment["image"] == more["image"]
    assert changed(site.set_up(awx)) == 0
    assert changed(site.set_up(awx, **more)) == 0
    number = awx.template("hpc.slurm.report", "Second")["id"]
    status, job = awx.post(f"job_templates/{number}/launch/")
    assert status == 201, job
    ended = awx.ended(f"jobs/{job['id']}/")
    assert ended["status"] == "successful", awx.output(ended)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"type": "multiplechoice"}, "must specify choices"),
        ({"type": "multiplechoice", "choices": ["rolling"], "default": "window"}, "answered from the choices"),
        ({"type": "hostlist"}, "allowed question type"),
        ({"type": "integer", "default": "3"}, "Default value 3"),
        ({"type": "text", "required": "yes"}, "'required'"),
        ({"type": "text", "min": "1"}, "expected to be integer"),
    ],
)
def test_a_survey_that_awx_refuses(awx: Awx, question: dict[str, Any], message: str) -> None:
    path = f"job_templates/{awx.template('hpc.slurm.drain')['id']}/survey_spec/"
    before = awx.request("GET", path)
    status, content = awx.post(path, **survey_of(question))
    assert (status, message in content["error"]) == (400, True), content
    assert awx.request("GET", path) == before


def survey_of(question: dict[str, Any]) -> dict[str, Any]:
    asked = {"question_name": "Strategy", "variable": "hpc_slurm_strategy", "required": True, **question}
    return {"name": "", "description": "", "spec": [asked]}


def test_answers_that_awx_refuses(awx: Awx) -> None:
    before = len(awx.jobs("hpc.slurm.drain"))
    for answers, message in (
        ({"hpc_slurm_nodes": "node1"}, "'hpc_slurm_reason' value missing"),
        ({"hpc_slurm_reason": ""}, "is too small"),
        ({"hpc_slurm_reason": "x", "hpc_slurm_nodes": ["node1"]}, "expected to be"),
        # Choices are texts.
        ({"hpc_slurm_reason": "x", "hpc_slurm_wait": True}, "expected to be one of"),
        ({"hpc_slurm_reason": "x", "hpc_slurm_wait": "yes"}, "expected to be one of"),
        ({"hpc_slurm_reason": "x", "hpc_slurm_wait_timeout": "60"}, "expected to be"),
    ):
        status, content = awx.launch("hpc.slurm.drain", extra_vars=answers)
        assert status == 400 and message in " ".join(content["variables_needed_to_start"])
    for template in ("hpc.slurm.maintenance", "hpc.slurm.unreserve", "hpc.slurm.node_down"):
        names = {it["variable"]: "" for it in TEMPLATES[template] if it["required"]}
        assert awx.launch(template, extra_vars=names)[0] == 400
    assert len(awx.jobs("hpc.slurm.drain")) == before


def answers_to(template: str, is_form: bool) -> dict[str, Any]:
    """Return what a form sends of which only the necessary questions are filled in, or the answers to these alone."""
    survey = TEMPLATES[template]
    necessary = {it["variable"]: ANSWERS[it["variable"]] for it in survey if it["required"]} | CHOSEN.get(template, {})
    others = {it["variable"]: it.get("default", "") for it in survey if not it["required"]}
    return {**others, **necessary} if is_form else necessary


# An event is notified of, and a listener synced with, by a rulebook only.
@pytest.mark.parametrize("template", sorted(TEMPLATES.keys() - {"hpc.slurm.notify", "hpc.slurm.sync"}))
def test_a_survey_with_its_defaults_and_without(awx: Awx, template: str) -> None:
    required = [it["variable"] for it in TEMPLATES[template] if it["required"]]
    if required:
        status, content = awx.launch(template)
        assert (status, len(content["variables_needed_to_start"])) == (400, len(required))
    given = []
    for is_form in (True, False):
        job = awx.run(template, extra_vars=answers_to(template, is_form), job_type="check")
        variables = json.loads(job["extra_vars"])
        given.append({name: it for name, it in variables.items() if it != ""})
    # AWX fills in the defaults that are not given.
    assert given[0] == given[1]


def test_a_person_drains_and_resumes_nodes_with_the_surveys(awx: Awx) -> None:
    """With what the form gives for questions that were left empty."""
    answers = {"hpc_slurm_nodes": "node[1,3],node7", "hpc_slurm_partitions": "", "hpc_slurm_reason": "ticket 12"}
    answers |= {"hpc_slurm_max_unavailable": "", "hpc_slurm_wait": "true"}
    try:
        job = awx.run("hpc.slurm.drain", extra_vars=answers, limit="controller")
        assert job["limit"] == "controller"
        assert [node(f"node{number}")[1] for number in (1, 2, 3, 7)] == ["ticket 12", "", "ticket 12", "ticket 12"]
        output = awx.output(awx.run("hpc.slurm.report", extra_vars={"hpc_slurm_nodes": ""}))
        assert '"nodes": "node[1,3,7]"' in output and '"why": "ticket 12"' in output
        answers = {"hpc_slurm_nodes": "node[1-8]", "hpc_slurm_partitions": "", "hpc_slurm_only_reason": "ticket"}
        awx.run("hpc.slurm.resume", extra_vars=answers)
        assert [node(f"node{number}")[1] for number in (1, 3, 7)] == ["", "", ""]
    finally:
        resume([f"node{number}" for number in range(1, 9)])


def test_the_workflow_maintains_a_node_and_reports_it(awx: Awx, site: Site) -> None:
    tasks = [{"name": "Work", "ansible.builtin.debug": {"msg": "worked on {{ hpc_slurm_node_name }}"}}]
    (site.directory / "work.yml").write_text(yaml.safe_dump(tasks), encoding="utf-8")
    answers = {"maintenance": f"awx-{time.time():.0f}", "maintenance_tasks": str(site.directory / "work.yml")}
    answers |= {"nodes": "node8", "reboot": "none", "strategy": "drain", "max_unavailable": "1"}
    answers |= dict.fromkeys(("partitions", "start_time", "duration", "deadline", "comment"), "")
    found = awx.find("workflow_job_templates", name="hpc.slurm.maintenance_and_report", organization__name="Slurm")
    given = {f"hpc_slurm_{key}": value for key, value in answers.items()}
    before = len(awx.jobs("hpc.slurm.report"))
    status, answer = awx.post(f"workflow_job_templates/{found['id']}/launch/", extra_vars=given)
    assert status == 201, answer
    wait_until("the report", 240, lambda: [it for it in awx.jobs("hpc.slurm.report")[before:] if it["finished"]])
    maintenance, report = awx.jobs("hpc.slurm.maintenance")[-1], awx.jobs("hpc.slurm.report")[-1]
    assert "worked on node8" in awx.output(maintenance)
    assert (maintenance["status"], report["status"]) == ("successful", "successful"), awx.output(report)
    groups = json.loads(report["extra_vars"])["hpc_slurm_maintenance_report"]
    assert [group["nodes"] for group in groups] == ["node8"] and groups[0]["decision"] in awx.output(report)


def test_a_job_runs_while_neither_the_inventory_nor_a_repository_can_be_read(awx: Awx, site: Site) -> None:
    source = "hpc.slurm slurm.yml"
    away = {path: path.with_suffix(".away") for path in (site.inventory, site.playbooks)}
    try:
        site.commit(site.inventory, **{"slurm.yml": site.nodes(command=["false"])})
        assert awx.update("inventory_sources", source)["status"] == "failed"
        for path, other in away.items():
            path.rename(other)
        assert awx.update("inventory_sources", source)["status"] == "failed"
        answers = {"hpc_slurm_nodes": "node2"}
        job = awx.run("hpc.slurm.node_down", extra_vars=answers, limit="slurm_controller*,node2")
        assert "node2" in awx.output(job)
        # Why no schedule updates the playbooks.
        assert awx.update("projects", "hpc.slurm")["status"] == "failed"
        assert awx.launch("hpc.slurm.node_down", extra_vars=answers)[0] == 400
    finally:
        for path, other in away.items():
            other.rename(path)
        site.commit(site.inventory, **{"slurm.yml": site.nodes()})
    assert awx.update("projects", "hpc.slurm")["status"] == "successful"
    assert awx.update("inventory_sources", source)["status"] == "successful"


def test_a_job_takes_the_longest_limit_that_the_rulebook_gives(awx: Awx) -> None:
    names = [f"node{number:06}" for number in range(100_000 // 11)]
    job = awx.run("hpc.slurm.report", limit=",".join(["slurm_controller*", *names]))
    assert len(job["limit"]) > 99_000


def test_labels_of_events_are_removed_with_their_jobs(awx: Awx, site: Site) -> None:
    organization = awx.find("organizations", name="Slurm")["id"]

    def make(name: str) -> int:
        status, label = awx.post("labels/", name=f"eda-event-uuid-{name}", organization=organization)
        assert status == 201, label
        return int(label["id"])

    used = make("of-a-job")
    awx.run("hpc.slurm.report", labels=[used])
    # More than an object can have.
    for number in range(105):
        make(str(number))
    assert changed(site.set_up(awx)) == 1
    assert [it["id"] for it in awx.find_all("labels", name__startswith="eda-event-uuid-")] == [used]
    assert awx.names("job_templates", awx.template("hpc.slurm.notify")["id"], "labels") == {"hpc.slurm"}


@pytest.fixture
def rulebook(user: Awx, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rulebook]:
    monkeypatch.setenv("EDA_JOB_TEMPLATE_REFRESH_DELAY", "0.5")
    files = {"token_file": site.directory / "token", "certfile": site.directory / "listener.pem"}
    more = ["--controller-url", f"{user.url}/", "--controller-token", user.token]
    settings = {"sync_interval": 15, "retries_per_day": 1, **files}
    running = Rulebook(tmp_path, "hpc.slurm.node_events_awx", *more, **settings)
    try:
        with synced(running, 180):
            yield running
    finally:
        resume([f"node{number}" for number in range(1, 9)])


def expect_job(awx: Awx, job: dict[str, Any], nodes: list[str], hostlist: str) -> dict[str, Any]:
    """Check what a job of a reaction was launched with, and return the event."""
    given = json.loads(job["extra_vars"])
    event: dict[str, Any] = given["ansible_eda"]["event"]
    assert job["limit"] == ",".join(["slurm_controller*", *nodes])
    assert (given["hpc_slurm_nodes"], event["nodes"], event["hostlist"]) == (hostlist, nodes, hostlist)
    assert awx.labels(job) == {*LABELS, f"eda-event-uuid-{event['meta']['uuid']}"}
    return event


def test_a_job_repairs_a_node_and_is_repeated_within_its_budget_for_the_other(
    awx: Awx, site: Site, rulebook: Rulebook
) -> None:
    sync = awx.jobs("hpc.slurm.sync")[0]
    assert (sync["limit"], awx.labels(sync)) == ("slurm_controller*", LABELS)
    down = "hpc.slurm.node_down"
    before = len(awx.jobs(down))
    set_down(REPAIRED, BROKEN)
    wait_until("the job", 240, lambda: [job for job in awx.jobs(down)[before:] if job["finished"]])
    first = awx.jobs(down)[before]
    event = expect_job(awx, first, [REPAIRED, BROKEN], f"{REPAIRED[:-1]}[4-5]")
    assert first["status"] == "failed", awx.output(first)
    wait_until(f"{REPAIRED} in service", 60, lambda: node(REPAIRED) == ({"IDLE"}, ""))
    assert node(BROKEN)[1] == f"{down} {event['meta']['uuid']}: 'Turn it on' failed"
    wait_until("the nodes to be held", 240, lambda: rulebook.decisions("reaction recorded", outcome="held"))
    [(_when, held)] = rulebook.decisions("reaction recorded", outcome="held")
    assert held["nodes"] == BROKEN and "no retries are left today" in held["why"]
    # No other job comes after the next sync.
    seen = len(rulebook.decisions("snapshot compared"))
    wait_until("a sync after it", 120, lambda: len(rulebook.decisions("snapshot compared")) > seen)
    first, second = awx.jobs(down)[before:]
    assert expect_job(awx, second, [BROKEN], BROKEN)["retries_left"] == 0
    second = awx.ended(f"jobs/{second['id']}/")
    assert "DRAIN" in node(BROKEN)[0] and second["status"] == "failed"
