# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of the double of AWX: what a launch takes, and the run of a playbook with ansible-runner."""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import awx_rules
import jinja2
import yaml
from awx_rules import Fields, RefusedError

if TYPE_CHECKING:
    from awx_double import Double

# What a launch may have, and the field of the template with which it is asked for.
ASKED = {
    **{
        name: f"ask_{name}_on_launch" for name in ("limit", "labels", "inventory", "job_type", "verbosity", "diff_mode")
    },
    "extra_vars": "ask_variables_on_launch",
}
FOLLOWING = ("always_nodes", "success_nodes", "failure_nodes")


class Jobs:
    """The jobs, each with what it was launched with.

    :param directory: for the private data of ansible-runner.
    """

    def __init__(self, double: Double, directory: Path) -> None:
        self._double, self._directory = double, directory
        self._jobs: dict[int, Fields] = {}
        self._running: dict[int, threading.Lock] = {}

    def seen_by(self, user: int) -> list[Fields]:
        """Return the jobs whose templates a user sees."""
        double = self._double
        templates = double.objects["job_templates"]
        return [
            it for it in self._jobs.values() if double.rights.sees(user, "job_templates", templates[it["job_template"]])
        ]

    def job(self, number: int) -> Fields:
        return dict(self._jobs[number])

    def have_label(self, label: int) -> bool:
        return any(
            label == it["id"] for job in self._jobs.values() for it in job["summary_fields"]["labels"]["results"]
        )

    def output(self, number: int) -> str:
        """Return what the playbook of a job has printed."""
        path = self._directory / str(number) / "artifacts/job/stdout"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def launch(self, template: Fields, body: Fields) -> Fields:
        """Launch a job, and return it.

        :raises RefusedError: as AWX refuses the answers to a survey.
        """
        double = self._double
        variables = body.get("extra_vars", {})
        variables = yaml.safe_load(variables) if isinstance(variables, str) else variables
        survey = double.surveys.get(template["id"], {}) if template["survey_enabled"] else {}
        if errors := awx_rules.errors_of_answers(survey, variables):
            raise RefusedError(variables_needed_to_start=errors)
        if double.updates.is_failed(double.objects["projects"][template["project"]]):
            raise RefusedError(project="Missing a revision, as the project update failed.")
        asked = {question["variable"] for question in survey.get("spec", [])}
        taken = (
            variables if template["ask_variables_on_launch"] else {it: variables[it] for it in asked & variables.keys()}
        )
        defaults = {it["variable"]: it["default"] for it in survey.get("spec", []) if it.get("default") is not None}
        # AWX launches a job without what the template does not ask for, and says so.
        ignored = {name: it for name, it in body.items() if not template.get(ASKED.get(name, ""), False)}
        ignored.pop("extra_vars", None)
        if taken != variables:
            ignored["extra_vars"] = {it: variables[it] for it in variables.keys() - taken.keys()}
        given = {name: it for name, it in body.items() if name not in ignored}
        labels = {*double.related.get((template["id"], "labels"), []), *given.get("labels", [])}
        number = double.next_id()
        self._jobs[number] = job = {
            **{"id": number, "type": "job", "url": f"/api/v2/jobs/{number}/", "name": template["name"]},
            **{"job_template": template["id"], "status": "pending", "failed": False, "created": time.time()},
            "limit": given.get("limit", template["limit"]),
            "job_type": given.get("job_type", template["job_type"]),
            "extra_vars": json.dumps({**(yaml.safe_load(template["extra_vars"]) or {}), **defaults, **taken}),
            "summary_fields": {"labels": {"results": [double.objects["labels"][it] for it in labels]}},
            **{"artifacts": {}, "started": None, "finished": None, "job_explanation": ""},
            "event_processing_finished": True,
        }
        threading.Thread(target=self._run, args=(job, template), daemon=True).start()
        return {"job": number, "ignored_fields": ignored, **job}

    def launch_workflow(self, template: Fields, body: Fields) -> Fields:
        """Launch a workflow, and return its job.

        :raises RefusedError: as AWX refuses the answers to a survey.
        """
        variables = body.get("extra_vars", {})
        if errors := awx_rules.errors_of_answers(self._double.surveys.get(template["id"], {}), variables):
            raise RefusedError(variables_needed_to_start=errors)
        nodes = self._double.objects["workflow_job_template_nodes"]
        own = [number for number, node in nodes.items() if node["workflow_job_template"] == template["id"]]
        children = {it for number in own for name in FOLLOWING for it in self._double.related.get((number, name), [])}
        for number in set(own) - children:
            threading.Thread(target=self._walk, args=(number, variables), daemon=True).start()
        return {"workflow_job": self._double.next_id(), "ignored_fields": {}}

    def _walk(self, number: int, variables: Fields) -> None:
        """Run the job of a node of a workflow, then those of the nodes that follow, with what it has set."""
        node = self._double.objects["workflow_job_template_nodes"][number]
        address = f"job_templates/{node['unified_job_template']}/launch/"
        status, answer = self._double.answer("POST", address, {}, {"extra_vars": variables})
        assert status == 201, answer
        job = self._jobs[answer["job"]]
        while not job["finished"]:
            time.sleep(0.2)
        for name in ("always_nodes", "failure_nodes" if job["failed"] else "success_nodes"):
            for following in self._double.related.get((number, name), []):
                self._walk(following, {**variables, **job["artifacts"]})

    def _run(self, job: Fields, template: Fields) -> None:
        if failed := self._failed_update(template):
            # What AWX says of a job that fails with the update that it waits for.
            job |= {"failed": True, "finished": time.time(), "status": "failed"}
            job["job_explanation"] = f"Previous Task Failed: {failed}"
        elif template["allow_simultaneous"]:
            self._play(job, template)
        else:
            with self._running.setdefault(template["id"], threading.Lock()):
                self._play(job, template)

    def _failed_update(self, template: Fields) -> str:
        """Update what is updated on the launch of a job, and return the name of what failed."""
        double = self._double
        project = double.objects["projects"][template["project"]]
        if project["scm_update_on_launch"] and not double.updates.succeeds("projects", project):
            return str(project["name"])
        for source in self._sources(template["inventory"]):
            if source["update_on_launch"] and not double.updates.succeeds("inventory_sources", source):
                return str(source["name"])
        return ""

    def _play(self, job: Fields, template: Fields) -> None:
        private = self._directory / str(job["id"])
        private.mkdir(parents=True)
        job |= {"status": "running", "started": time.time()}
        numbers = self._double.related.get((template["id"], "credentials"), [])
        variables, environment = self.injected(numbers, private)
        variables |= {**json.loads(job["extra_vars"]), "awx_job_id": job["id"]}
        options = [word for path in self._inventories(template["inventory"]) for word in ("--inventory", path)]
        options = options or ["--inventory", ","]
        options += ["--limit", job["limit"]] if job["limit"] else []
        options += ["--check"] if job["job_type"] == "check" else []
        settings = {
            "extravars": json.dumps(variables),
            "envvars": json.dumps(environment),
            "cmdline": shlex.join(options),
        }
        (private / "env").mkdir()
        for name, text in settings.items():
            (private / "env" / name).write_text(text, encoding="utf-8")
        command = ["ansible-runner", "run", str(private), "--ident", "job", "--quiet"]
        command += [
            "--project-dir",
            str(self._double.updates.clone(template["project"])),
            "--playbook",
            template["playbook"],
        ]
        # A process of its own: this one has threads, and must not fork.
        is_failed = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0
        job["artifacts"] = _artifacts(private)
        job |= {"failed": is_failed, "finished": time.time(), "status": "failed" if is_failed else "successful"}

    def _sources(self, inventory: int) -> list[Fields]:
        return [it for it in self._double.objects["inventory_sources"].values() if it["inventory"] == inventory]

    def _inventories(self, inventory: int) -> list[str]:
        """Return the files with what was last read of an inventory's sources."""
        paths = [self._double.updates.inventory(source["id"]) for source in self._sources(inventory)]
        return [str(path) for path in paths if path.exists()]

    def injected(self, credentials: list[int], private: Path) -> tuple[Fields, Fields]:
        """Return the variables and the environment that credentials inject; write their files."""
        variables: Fields = {}
        environment: Fields = {}
        for number in credentials:
            credential = self._double.objects["credentials"][number]
            injectors = self._double.objects["credential_types"][credential["credential_type"]]["injectors"]
            names = dict(credential["inputs"])
            files: Fields = {}
            for label, text in injectors.get("file", {}).items():
                path = private / f"{number}-{label}"
                path.write_text(_render(text, names), encoding="utf-8")
                files[label.partition(".")[2]] = str(path)
            names["tower"] = {"filename": files.get("", files)}
            variables |= {name: _render(text, names) for name, text in injectors.get("extra_vars", {}).items()}
            environment |= {name: _render(text, names) for name, text in injectors.get("env", {}).items()}
        return variables, environment


def _artifacts(private: Path) -> Fields:
    """Return what a playbook has set with set_stats."""
    for path in (private / "artifacts/job/job_events").glob("*.json"):
        event = json.loads(path.read_text(encoding="utf-8"))
        if event["event"] == "playbook_on_stats":
            return dict(event["event_data"].get("artifact_data", {}))
    return {}


def _render(text: str, names: Fields) -> str:
    return jinja2.Environment(autoescape=False).from_string(text).render(names)  # noqa: S701 - no HTML
