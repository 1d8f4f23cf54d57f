# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is set up in AWX fits the playbooks, and the rulebook for AWX fits the one without it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from jinja2 import Template

CHECKOUT = Path(__file__).resolve().parents[2]
SPECS: dict[str, Any] = yaml.safe_load((CHECKOUT / "roles/common/meta/argument_specs.yml").read_text(encoding="utf-8"))[
    "argument_specs"
]
# Ansible's loader knows !unsafe.
AWX: dict[str, Any] = DataLoader().load_from_file(str(CHECKOUT / "playbooks/vars/awx.yml"))
TEMPLATES: list[dict[str, Any]] = AWX["awx_templates"]
QUESTIONS = [(template, question) for template in TEMPLATES for question in template["survey"]]
# The types of questions for each type of an option. AWX gives a playbook texts, which Ansible converts.
TYPES = {
    "str": {"text", "textarea", "multiplechoice"},
    "path": {"text"},
    "list": {"text"},
    "int": {"integer"},
    "bool": {"multiplechoice"},
}
# Run by hand where they are needed, and what AWX itself is set up with.
WITHOUT_TEMPLATE = {"access", "awx_setup", "check_access", "disarm", "listener", "listener_removed", "pyslurm"}


def load_rulebook(name: str) -> dict[str, Any]:
    [ruleset] = yaml.safe_load((CHECKOUT / f"rulebooks/{name}.yml").read_text(encoding="utf-8"))
    return dict(ruleset)


def actions(rule: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the actions of a rule, each with its kind."""
    return [item for action in rule.get("actions", [rule.get("action")]) for item in action.items()]


def spec_of(template: dict[str, Any]) -> dict[str, Any]:
    return dict(SPECS[template["playbook"].removesuffix(".yml")]["options"])


def test_every_playbook_has_its_job_template() -> None:
    playbooks = {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")} - WITHOUT_TEMPLATE
    assert {template["name"] for template in TEMPLATES} == {f"hpc.slurm.{name}" for name in playbooks}
    assert {template["playbook"] for template in TEMPLATES} == {f"{name}.yml" for name in playbooks}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["name"])
def test_a_survey_asks_for_what_its_playbook_needs(template: dict[str, Any]) -> None:
    asked = {question["variable"] for question in template["survey"] if question["required"]}
    assert {name for name, option in spec_of(template).items() if option.get("required")} <= asked


@pytest.mark.parametrize(
    ("template", "question"), QUESTIONS, ids=[f"{it['name']} {asked['variable']}" for it, asked in QUESTIONS]
)
def test_a_question_is_for_a_variable_of_its_playbook(template: dict[str, Any], question: dict[str, Any]) -> None:
    option = spec_of(template)[question["variable"]]
    assert question["type"] in TYPES[option["type"]]
    choices = ["false", "true"] if option["type"] == "bool" else option.get("choices")
    assert question.get("choices") == choices
    if "default" in question:
        default = option["default"]
        assert question["default"] == (str(default).lower() if option["type"] == "bool" else default)


@pytest.mark.parametrize(
    ("template", "question"), QUESTIONS, ids=[f"{it['name']} {asked['variable']}" for it, asked in QUESTIONS]
)
def test_a_question_can_be_left_unanswered_or_has_an_answer(template: dict[str, Any], question: dict[str, Any]) -> None:
    # AWX refuses a launch without an answer to a required question, whatever its default.
    assert not (question["required"] and "default" in question)
    # And it takes an empty text for an answer.
    assert (question.get("min") == 1) == (question["required"] or question["type"] == "integer")
    assert all(isinstance(choice, str) for choice in question.get("choices", []))


def test_the_workflow_asks_what_the_maintenance_asks() -> None:
    [maintenance] = [template for template in TEMPLATES if template["playbook"] == "maintenance.yml"]
    assert AWX["awx_workflow"]["survey"] == maintenance["survey"]


def test_an_injected_variable_is_one_of_the_playbooks() -> None:
    injected = {name for it in AWX["awx_credential_types"] for name in it["injectors"].get("extra_vars", {})}
    assert injected == {"hpc_slurm_token_file", "hpc_slurm_ca_file", "hpc_slurm_client_certfile"}
    assert injected <= {option for spec in SPECS.values() for option in spec["options"]}


def test_both_rulebooks_have_the_same_source_and_rules() -> None:
    here, awx = load_rulebook("node_events"), load_rulebook("node_events_awx")
    [source], [other] = here["sources"], awx["sources"]
    assert {**source, "filters": None} == {**other, "filters": None}
    assert [(it["name"], it["condition"]) for it in here["rules"]] == [
        (it["name"], it["condition"]) for it in awx["rules"]
    ]
    for rule, same in zip(here["rules"], awx["rules"]):
        expected = [
            ("run_job_template", given["name"]) if kind == "run_playbook" else (kind, given.get("name"))
            for kind, given in actions(rule)
        ]
        assert [(kind, given.get("name")) for kind, given in actions(same)] == expected


def test_the_rulebook_runs_templates_that_take_what_it_gives() -> None:
    templates = {template["name"]: template for template in TEMPLATES}
    for rule in load_rulebook("node_events_awx")["rules"]:
        for kind, given in actions(rule):
            if kind == "run_job_template":
                template = templates[given["name"]]
                assert template.get("ask_limit_on_launch", True)
                asked = {question["variable"] for question in template["survey"] if question["required"]}
                assert set(given["job_args"].get("extra_vars", {})) == asked


@pytest.mark.parametrize(
    ("length", "bytes_of_name", "is_limited"), [(1, 5, True), (9_000, 10, True), (9_500, 10, False), (2_000, 60, False)]
)
def test_a_limit_is_as_long_as_an_argument_can_be(length: int, bytes_of_name: int, is_limited: bool) -> None:
    hosts = [f"{number:0{bytes_of_name}}" for number in range(length)]
    [rule] = [it for it in load_rulebook("node_events_awx")["rules"] if it["name"] == "Handle a node that went down"]
    template = rule["action"]["run_job_template"]["job_args"]["limit"]
    limit = Template(template).render(event={"meta": {"hosts": hosts}})
    assert limit == (",".join(["slurm_controller*", *hosts]) if is_limited else "all")
    assert len(limit.encode()) < 128 * 1024


@pytest.mark.parametrize("name", ["execution", "decision"])
def test_an_environment_has_this_release_of_the_collection(name: str) -> None:
    galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
    path = CHECKOUT / f"extensions/environments/{name}-environment.yml"
    environment = yaml.safe_load(path.read_text(encoding="utf-8"))
    archive = f"hpc-slurm-{galaxy['version']}.tar.gz"
    assert environment["additional_build_files"] == [{"src": f"../../{archive}", "dest": "collections"}]
    assert environment["dependencies"]["galaxy"]["collections"][0]["name"] == f"collections/{archive}"


@pytest.mark.parametrize(("answering", "status"), [("ctl1 ctl2", 0), ("ctl2", 0), ("", 1)])
def test_the_command_of_the_inventory_asks_all_controllers(tmp_path: Path, answering: str, status: int) -> None:
    """That of docs/awx.md: the first controller that answers is the only one whose answer is read."""
    page = (CHECKOUT / "docs/awx.md").read_text(encoding="utf-8")
    [text] = re.findall(r"^   plugin: hpc.slurm.slurm\n(?:   (?!```).*\n)+", page, re.MULTILINE)
    ssh = tmp_path / "ssh"
    find_host = "for word; do case $word in slurm@*) host=${word#slurm@}; host=${host%%.*};; esac; done"
    answer = f'case " {answering} " in *" $host "*) echo "{{}}";; *) exit 255;; esac'
    ssh.write_text("\n".join(["#!/bin/sh", find_host, answer, ""]), encoding="ascii")
    ssh.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HPC_SLURM_SSH_KEY": "/key"}
    done = subprocess.run(yaml.safe_load(text)["command"], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (status, "{}\n" if answering else "")
