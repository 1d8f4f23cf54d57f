# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the double of AWX takes and refuses, by the serializers, models and views of AWX 24.

Unlike AWX, which passes over a field that it does not know, it refuses one: in AWX its value would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import jinja2

Fields = dict[str, Any]

# The fields that are written, with their defaults. REQUIRED has none.
REQUIRED = object()
_NAMED: Fields = {"name": REQUIRED, "description": ""}
_ASKED = ("variables", "limit", "labels", "inventory", "tags", "skip_tags", "scm_branch")
_ASKED_OF_JOBS = ("job_type", "diff_mode", "verbosity", "credential", "execution_environment", "forks", "timeout")
FIELDS: dict[str, Fields] = {
    "organizations": {**_NAMED, "max_hosts": 0, "default_environment": None},
    "labels": {"name": REQUIRED, "organization": REQUIRED},
    "execution_environments": {**_NAMED, "organization": None, "image": REQUIRED, "credential": None, "pull": ""},
    "credential_types": {**_NAMED, "kind": REQUIRED, "inputs": {}, "injectors": {}},
    "credentials": {**_NAMED, "organization": REQUIRED, "credential_type": REQUIRED, "inputs": {}},
    "projects": {
        **_NAMED,
        **{
            "organization": None,
            "scm_type": "",
            "scm_url": "",
            "scm_branch": "",
            "scm_refspec": "",
            "credential": None,
        },
        **{"scm_clean": False, "scm_delete_on_update": False, "scm_track_submodules": False, "timeout": 0},
        **{"scm_update_on_launch": False, "scm_update_cache_timeout": 0, "allow_override": False},
        **{"default_environment": None, "signature_validation_credential": None},
    },
    "inventories": {
        **_NAMED,
        **{"organization": REQUIRED, "kind": "", "host_filter": None, "variables": ""},
        **{"prevent_instance_group_fallback": False},
    },
    "inventory_sources": {
        **_NAMED,
        **{"inventory": REQUIRED, "source": "", "source_path": "", "source_vars": "", "source_project": None},
        **{"scm_branch": "", "credential": None, "enabled_var": "", "enabled_value": "", "host_filter": ""},
        **{"overwrite": False, "overwrite_vars": False, "timeout": 0, "verbosity": 1, "limit": ""},
        **{"update_on_launch": False, "update_cache_timeout": 0, "execution_environment": None},
    },
    "job_templates": {
        **_NAMED,
        **{"job_type": "run", "inventory": None, "project": REQUIRED, "playbook": "", "scm_branch": "", "forks": 0},
        **{"limit": "", "verbosity": 0, "extra_vars": "---", "job_tags": "", "force_handlers": False, "skip_tags": ""},
        **{"start_at_task": "", "timeout": 0, "use_fact_cache": False, "execution_environment": None},
        **{"host_config_key": "", "survey_enabled": False, "become_enabled": False, "diff_mode": False},
        **{"allow_simultaneous": False, "job_slice_count": 1, "webhook_service": "", "webhook_credential": None},
        **{"prevent_instance_group_fallback": False, "ask_job_slice_count_on_launch": False},
        **{f"ask_{name}_on_launch": False for name in (*_ASKED, *_ASKED_OF_JOBS, "instance_groups")},
    },
    "workflow_job_templates": {
        **_NAMED,
        **{"organization": None, "extra_vars": "---", "survey_enabled": False, "allow_simultaneous": False},
        **{"inventory": None, "limit": None, "scm_branch": None, "webhook_service": "", "webhook_credential": None},
        **{"skip_tags": None, "job_tags": None},
        **{f"ask_{name}_on_launch": False for name in _ASKED},
    },
    "schedules": {
        **_NAMED,
        **{"unified_job_template": REQUIRED, "rrule": REQUIRED, "enabled": True},
    },
    "users": {"username": REQUIRED, "password": REQUIRED, "is_superuser": False},
    "workflow_job_template_nodes": {
        **{"workflow_job_template": REQUIRED, "unified_job_template": None, "identifier": REQUIRED, "extra_data": {}},
        **{"all_parents_must_converge": False, "inventory": None, "limit": None, "timeout": None},
    },
}
# The field with what a name is unique in, instead of the organisation; there is none for what has names of all of AWX.
SCOPES = {
    **{"inventory_sources": "inventory", "schedules": "unified_job_template"},
    **dict.fromkeys(("organizations", "execution_environments", "credential_types"), "none"),
}
# Sent by the modules, and read only: AWX passes over them.
READ_ONLY = {"credential_types": {"managed"}, "job_templates": {"organization"}}
REFERENCES = {
    **{"organization": "organizations", "project": "projects", "source_project": "projects"},
    **{"inventory": "inventories", "credential": "credentials", "credential_type": "credential_types"},
    **{"execution_environment": "execution_environments", "default_environment": "execution_environments"},
    **{"workflow_job_template": "workflow_job_templates"},
}

QUESTION_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("text", "textarea", "password", "multiplechoice"), (str,)),
    "multiselect": (str, list),
    "integer": (int,),
    "float": (int, float),
}
_INJECTORS = {"file": r"template(\.[a-zA-Z_]\w*)?", "env": r"[a-zA-Z_]\w*", "extra_vars": r"[a-zA-Z_{}][\w{}]*"}


class RefusedError(Exception):
    """What AWX answers with the status 400: by field."""

    def __init__(self, **errors: Any) -> None:
        super().__init__(str(errors))
        self.errors = errors


def expect_fields(kind: str, given: Fields) -> Fields:
    """Return the fields to write.

    :raises RefusedError: for one that there is not.
    """
    unknown = given.keys() - FIELDS[kind].keys() - READ_ONLY.get(kind, set())
    if unknown:
        raise RefusedError(**{name: [f"{kind} have no such field"] for name in unknown})
    return {name: value for name, value in given.items() if name in FIELDS[kind]}


def expect_complete(kind: str, content: Fields) -> None:
    missing = [
        name for name, default in FIELDS[kind].items() if default is REQUIRED and content.get(name) in (None, "")
    ]
    if missing:
        raise RefusedError(**{name: ["This field is required."] for name in missing})


def expect_credential_type(content: Fields) -> None:
    """Refuse a kind that is not for custom types, and injectors that use what the inputs do not have."""
    if content["kind"] not in ("cloud", "net"):
        raise RefusedError(kind=[f"Must be 'cloud' or 'net', not {content['kind']}"])
    for kind, injected in content["injectors"].items():
        if kind not in _INJECTORS or not all(re.fullmatch(_INJECTORS[kind], name) for name in injected):
            raise RefusedError(injectors=[f"{kind}: not a valid injector"])
        if kind == "env" and any(name.startswith("ANSIBLE_") for name in injected):
            raise RefusedError(injectors=["such an environment variable may affect Ansible"])
    names: Fields = {field["id"]: "EXAMPLE" for field in content["inputs"].get("fields", [])}
    files = content["injectors"].get("file", {})
    if "template" in files and len(files) > 1:
        raise RefusedError(injectors=["Must use multi-file syntax when injecting multiple files"])
    labels = {label.partition(".")[2]: "EXAMPLE_FILENAME" for label in files}
    names["tower"] = {"filename": labels.get("", labels)} if files else {}
    try:
        for template in _texts(content["injectors"]):
            jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(template).render(names)  # noqa: S701
    except jinja2.TemplateError as error:
        raise RefusedError(injectors=[f"uses an undefined field ({error})"]) from None


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    else:
        yield value


def expect_survey(survey: Fields) -> None:
    """Refuse a survey that AWX would refuse, with its only answer: error."""
    for name, type_ in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(survey.get(name), type_):
            raise RefusedError(error=f"Field '{name}' is missing from survey spec, or has another type.")
    if not survey["spec"]:
        raise RefusedError(error="'spec' doesn't contain any items.")
    variables = [question.get("variable") for question in survey["spec"]]
    for number, question in enumerate(survey["spec"]):
        if problem := _problem_of(question):
            raise RefusedError(error=f"{problem} in survey question {number}")
        if variables.count(question["variable"]) > 1:
            raise RefusedError(error=f"'variable' '{question['variable']}' duplicated in survey question {number}.")


def _problem_of(question: Fields) -> str:
    for name, type_ in (("type", str), ("question_name", str), ("variable", str), ("required", bool)):
        if not isinstance(question.get(name), type_):
            return f"'{name}' missing, or of another type,"
    default, choices = question.get("default", ""), question.get("choices")
    if question["type"] not in QUESTION_TYPES:
        return f"'{question['type']}' is not an allowed question type"
    if default != "" and not isinstance(default, QUESTION_TYPES[question["type"]]):
        return f"Default value {default} of another type"
    if any(not isinstance(question.get(name), (int, type(None))) for name in ("min", "max")):
        return "The min or max limit is expected to be integer"
    if question["type"] in ("multiplechoice", "multiselect"):
        if choices is None:
            return f"type {question['type']} must specify choices,"
        defaults = default.splitlines() if isinstance(default, str) else default
        if any(item not in choices for item in defaults):
            return "Default choice must be answered from the choices listed"
    return ""


def errors_of_answers(survey: Fields, answers: Fields) -> list[str]:
    """Return what is wrong with the variables of a launch."""
    return [problem for question in survey.get("spec", []) if (problem := _problem_of_answer(question, answers))]


def _problem_of_answer(question: Fields, answers: Fields) -> str:
    name, type_ = question["variable"], question["type"]
    if name not in answers:
        return f"'{name}' value missing" if question["required"] else ""
    value = answers[name]
    if type_ == "multiplechoice":
        # It is compared as it is: true is not the text "true".
        is_wrong = value not in question["choices"]
        return f"Value {value} for '{name}' expected to be one of {question['choices']}." if is_wrong else ""
    # A text is no integer, and true is none either.
    if isinstance(value, bool) or not isinstance(value, list if type_ == "multiselect" else QUESTION_TYPES[type_]):
        return f"Value {value} for '{name}' expected to be {type_}."
    if isinstance(value, list):
        wrong = [it for it in value if it not in question["choices"]]
        return f"Value {wrong[0]} for '{name}' expected to be one of {question['choices']}." if wrong else ""
    size = len(value) if isinstance(value, str) else value
    if question.get("min") is not None and size < question["min"]:
        return f"'{name}' value {value} is too small"
    return f"'{name}' value {value} is too large" if question.get("max") is not None and size > question["max"] else ""
