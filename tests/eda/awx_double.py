# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of AWX for tests: the part of its API that the awx.awx modules and ansible-rulebook call.

Its answers have the form of AWX's serializers. A job template that is launched runs its playbook with ansible-runner.
A project is a directory, by a URL file://PATH. Nothing of it is used outside tests.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
from pathlib import Path
from typing import Any, Optional
from urllib.parse import parse_qsl, urlsplit

import awx_rules
from awx_jobs import Jobs
from awx_rules import FIELDS, REFERENCES, REQUIRED, Fields, RefusedError

TOKEN = "token-of-the-double-0123456789"
VERSION = "24.6.1"
# What AWX's list of all templates has.
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
TYPES = {"inventories": "inventory"}
RELATIONS = {
    **{"labels": "labels", "credentials": "credentials"},
    **dict.fromkeys(("always_nodes", "success_nodes", "failure_nodes"), "workflow_job_template_nodes"),
}


class NotFoundError(Exception):
    """What AWX answers with the status 404."""


class Double:
    """The objects, and the server.

    :param directory: for the files of jobs.
    """

    def __init__(self, directory: Path) -> None:
        self.objects: dict[str, dict[int, Fields]] = {kind: {} for kind in FIELDS}
        self.related: dict[tuple[int, str], list[int]] = {}
        self.surveys: dict[int, Fields] = {}
        # The requests that changed something or failed to.
        self.writes: list[tuple[str, str, int]] = []
        self.jobs = Jobs(self, directory)
        self._lock, self._last = threading.RLock(), 0
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self) -> dict[str, str]:
        """Return how the modules of awx.awx find it."""
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}

    def stop(self) -> None:
        """Listen no more; jobs that run go on."""
        self._server.shutdown()
        self._server.server_close()

    def find(self, kind: str, name: str) -> Fields:
        """Return an object by its name."""
        return next(it for it in self.objects[kind].values() if it["name"] == name)

    def names(self, number: int, relation: str) -> list[str]:
        """Return the names of the objects that are associated with one."""
        return [self.objects[RELATIONS[relation]][it]["name"] for it in self.related.get((number, relation), [])]

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def answer(self, method: str, path: str, query: dict[str, str], body: Fields) -> tuple[int, Any]:
        """Return the status and the content of an answer."""
        with self._lock:
            try:
                status, content = self._route(method, path.strip("/").split("/"), query, body)
            except RefusedError as refused:
                status, content = 400, refused.errors
            except NotFoundError:
                status, content = 404, {"detail": "No object matches the given query."}
            if method != "GET":
                self.writes.append((method, path, status))
            return status, content

    def _route(self, method: str, path: list[str], query: dict[str, str], body: Fields) -> tuple[int, Any]:
        match method, path:
            case "GET", ["config"]:
                return 200, {"version": VERSION}
            case "GET", ["unified_job_templates"]:
                return 200, self._page([it for kind in UNIFIED for it in self._list(kind)], query)
            case "GET", ["project_updates", number]:
                return 200, {"id": int(number), "status": "successful", "finished": "now", "failed": False}
            case _, [kind, number, relation] if kind in FIELDS and relation in RELATIONS:
                return self._relation(method, int(number), relation, query, body)
            case _, [kind, *_number] if kind in FIELDS and len(path) < 3:
                return self._route_object(method, path, query, body)
        return self._route_job(method, path, query, body)

    def _route_object(self, method: str, path: list[str], query: dict[str, str], body: Fields) -> tuple[int, Any]:
        match method, path:
            case "GET", [kind]:
                return 200, self._page(self._list(kind), query)
            case "POST", [kind]:
                return 201, self._create(kind, body)
            case "GET", [kind, number]:
                return 200, self.shown(kind, self._object(kind, number))
            case "PATCH", [kind, number]:
                return 200, self._update(kind, self._object(kind, number), body)
        raise NotFoundError

    def _route_job(self, method: str, path: list[str], query: dict[str, str], body: Fields) -> tuple[int, Any]:
        match method, path:
            case "GET", ["jobs"]:
                return 200, self._page(self.jobs.all(), query)
            case "GET", ["job_templates", number, "jobs"]:
                return 200, self._page([it for it in self.jobs.all() if it["job_template"] == int(number)], query)
            case "POST", ["job_templates", number, "launch"]:
                return 201, self.jobs.launch(self._object("job_templates", number), body)
            case "POST", ["workflow_job_templates", number, "launch"]:
                return 201, self.jobs.launch_workflow(self._object("workflow_job_templates", number), body)
            case _, ["job_templates" | "workflow_job_templates", number, "survey_spec"]:
                return 200, self._survey(method, int(number), body)
        raise NotFoundError

    def _object(self, kind: str, number: str | int) -> Fields:
        try:
            return self.objects[kind][int(number)]
        except (KeyError, ValueError):
            raise NotFoundError from None

    def _list(self, kind: str) -> list[Fields]:
        return [self.shown(kind, it) for it in self.objects[kind].values()]

    def _create(self, kind: str, body: Fields) -> Fields:
        defaults = {name: None if default is REQUIRED else default for name, default in FIELDS[kind].items()}
        content = {**defaults, **awx_rules.expect_fields(kind, body)}
        self._expect_valid(kind, content, own=None)
        number = self.next_id()
        self.objects[kind][number] = {"id": number, **content}
        return self.shown(kind, self.objects[kind][number])

    def _update(self, kind: str, found: Fields, body: Fields) -> Fields:
        content = {**found, **awx_rules.expect_fields(kind, body)}
        self._expect_valid(kind, content, own=found["id"])
        found.update(content)
        return self.shown(kind, found)

    def _expect_valid(self, kind: str, content: Fields, own: Optional[int]) -> None:
        awx_rules.expect_complete(kind, content)
        for name, target in REFERENCES.items():
            if content.get(name) is not None and content[name] not in self.objects[target]:
                raise RefusedError(**{name: [f'Invalid pk "{content[name]}" - object does not exist.']})
        if kind == "credential_types":
            awx_rules.expect_credential_type(content)
        if kind == "job_templates":
            self._expect_job_template(content)
        if kind == "inventory_sources" and content["source"] == "scm" and content["source_project"] is None:
            raise RefusedError(source_project=["Project required for scm type sources."])
        if kind == "workflow_job_template_nodes":
            return
        scope = "inventory" if kind == "inventory_sources" else "organization"
        same = [it for it in self.objects[kind].values() if it["name"] == content["name"] and it["id"] != own]
        if any(it.get(scope) == content.get(scope) for it in same):
            raise RefusedError(__all__=[f"{kind} with this name already exists."])

    def _expect_job_template(self, content: Fields) -> None:
        if content["inventory"] is None and not content["ask_inventory_on_launch"]:
            raise RefusedError(inventory=["You must either set a default value or ask to prompt on launch."])
        if not (self.directory(content["project"]) / content["playbook"]).is_file():
            raise RefusedError(playbook=["Playbook not found for project."])

    def directory(self, project: int) -> Path:
        """Return the directory of a project."""
        return Path(self.objects["projects"][project]["scm_url"].removeprefix("file://"))

    def _survey(self, method: str, number: int, body: Fields) -> Fields:
        if method == "GET":
            return self.surveys.get(number, {})
        if method == "POST":
            awx_rules.expect_survey(body)
        self.surveys[number] = body if method == "POST" else {}
        return {}

    def _relation(
        self, method: str, number: int, relation: str, query: dict[str, str], body: Fields
    ) -> tuple[int, Any]:
        known = self.related.setdefault((number, relation), [])
        if method == "GET":
            kind = RELATIONS[relation]
            return 200, self._page([self.shown(kind, self.objects[kind][it]) for it in known], query)
        self._object(RELATIONS[relation], body["id"])
        if body.get("disassociate"):
            known.remove(body["id"])
        elif body["id"] not in known:
            known.append(body["id"])
        return 204, None

    def shown(self, kind: str, found: Fields) -> Fields:
        """Return an object as AWX shows it."""
        url = f"/api/v2/{kind}/{found['id']}/"
        names = ("survey_spec", "launch", "labels", "credentials", "update")
        content = {
            **found,
            **{"type": TYPES.get(kind, kind.removesuffix("s")), "url": url},
            "related": {name: f"{url}{name}/" for name in names},
            "summary_fields": {},
        }
        if kind == "job_templates":
            content["organization"] = self.objects["projects"][found["project"]]["organization"]
        if kind == "projects":
            content |= {"scm_revision": "", "summary_fields": {"current_update": {"id": 1, "status": "running"}}}
        if kind == "credential_types":
            content["managed"] = False
        if kind == "credentials":
            content["inputs"] = dict.fromkeys(found["inputs"], "$encrypted$")
        if content.get("organization"):
            organization = self.objects["organizations"][content["organization"]]
            content["summary_fields"]["organization"] = {"id": organization["id"], "name": organization["name"]}
        return content

    def _page(self, found: list[Fields], query: dict[str, str]) -> Fields:
        for name, value in query.items():
            if name not in ("page", "page_size"):
                found = [it for it in found if self._matches(it, name, value)]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _matches(self, found: Fields, name: str, value: str) -> bool:
        if name == "id__in":
            return str(found["id"]) in value.split(",")
        if name == "labels__name":
            return value in found["labels"]
        # A list of several kinds is searched by what one of them has.
        if name not in found and name not in {"organization", "type", "name", "id"}:
            raise RefusedError(detail=f"{found['type']} has no field named '{name}'")
        return str(found.get(name)) == value


def _handler(double: Double) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            address = urlsplit(self.path)
            path = re.sub(r"^/api/v2/", "", address.path)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, content = 401, {"detail": "Authentication credentials were not provided."}
            else:
                given = json.loads(body) if body else {}
                status, content = double.answer(self.command, path, dict(parse_qsl(address.query)), given)
            text = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", VERSION)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names of http.server

        def log_message(self, *_args: object) -> None:
            """Nothing on stderr."""

    return Handler
