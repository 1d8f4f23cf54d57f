# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of AWX for tests: the part of its API that the awx.awx modules and ansible-rulebook call.

Its answers have the form of AWX's serializers. A project is a git repository that an update clones, a source of an
inventory is read by ansible-inventory, and a job runs its playbook with ansible-runner. Nothing of it is used outside
tests. The tests of test_awx.py run on it and on a real AWX alike.
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
from awx_rights import ADMIN, ForbiddenError, Rights
from awx_rules import FIELDS, REFERENCES, REQUIRED, Fields, RefusedError
from awx_updates import Updates

VERSION = "24.6.1"
# What AWX's list of all templates has.
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
TYPES = {"inventories": "inventory"}
RELATIONS = {
    **{"labels": "labels", "credentials": "credentials"},
    **dict.fromkeys(("always_nodes", "success_nodes", "failure_nodes"), "workflow_job_template_nodes"),
}
# AWX shows at most so many of an object; here it does not matter which.
MAX_LABELS = 100


class NotFoundError(Exception):
    """What AWX answers with the status 404."""


class Double:
    """The objects, and the server.

    :param directory: for the files of projects, inventories and jobs.
    """

    def __init__(self, directory: Path) -> None:
        self.objects: dict[str, dict[int, Fields]] = {kind: {} for kind in FIELDS}
        self.related: dict[tuple[int, str], list[int]] = {}
        self.surveys: dict[int, Fields] = {}
        self._lock, self._last = threading.RLock(), 0
        self.rights = Rights(self)
        self.updates = Updates(self, directory)
        self.jobs = Jobs(self, directory)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Listen no more; jobs that run go on."""
        self._server.shutdown()
        self._server.server_close()

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def answer(self, method: str, path: str, query: dict[str, str], body: Fields, user: int = ADMIN) -> tuple[int, Any]:
        """Return the status and the content of an answer to a user."""
        with self._lock:
            try:
                return self._route(method, path.strip("/").split("/"), query, body, user)
            except RefusedError as refused:
                return 400, refused.errors
            except ForbiddenError:
                return 403, {"detail": "You do not have permission to perform this action."}
            except NotFoundError:
                return 404, {"detail": "No object matches the given query."}

    def _route(self, method: str, path: list[str], query: dict[str, str], body: Fields, user: int) -> tuple[int, Any]:
        self.rights.expect(user, method, path, body)
        match method, path:
            case "GET", ["config"]:
                return 200, {"version": VERSION}
            case _, ["roles", role, "users"]:
                return self._role(method, int(role), query, body)
            case "POST", ["users", number, "personal_tokens"]:
                return 201, {"token": self.rights.new_token(int(number))}
            case "GET", ["unified_job_templates"]:
                return 200, self._page([it for kind in UNIFIED for it in self._list(kind, user)], query)
            case _, [kind, number, relation] if kind in FIELDS and relation in RELATIONS:
                return self._relation(method, kind, int(number), relation, query, body)
            case _, [kind, *_number] if kind in FIELDS and len(path) < 3:
                return self._route_object(method, path, query, body, user)
        return self._route_job(method, path, query, body, user)

    def _route_object(
        self, method: str, path: list[str], query: dict[str, str], body: Fields, user: int
    ) -> tuple[int, Any]:
        match method, path:
            case "GET", [kind]:
                return 200, self._page(self._list(kind, user), query)
            case "POST", [kind]:
                return 201, self.create(kind, body)
            case "GET", [kind, number]:
                return 200, self.shown(kind, self.object(kind, number))
            case "PATCH", [kind, number]:
                return 200, self._update(kind, self.object(kind, number), body)
        raise NotFoundError

    def _route_job(
        self, method: str, path: list[str], query: dict[str, str], body: Fields, user: int
    ) -> tuple[int, Any]:
        match method, path:
            case "GET", ["jobs"]:
                return 200, self._page(self.jobs.seen_by(user), query)
            case "GET", ["jobs", number]:
                return 200, self.jobs.job(int(number))
            case "GET", ["jobs", number, "stdout"]:
                return 200, self.jobs.output(int(number))
            case "GET", ["job_templates", number, "jobs"]:
                seen = self.jobs.seen_by(user)
                return 200, self._page([it for it in seen if it["job_template"] == int(number)], query)
            case "POST", ["job_templates", number, "launch"]:
                return 201, self.jobs.launch(self.object("job_templates", number), body)
            case "POST", ["workflow_job_templates", number, "launch"]:
                return 201, self.jobs.launch_workflow(self.object("workflow_job_templates", number), body)
            case _, ["job_templates" | "workflow_job_templates", number, "survey_spec"]:
                return 200, self._survey(method, int(number), body)
            case "POST", ["projects" | "inventory_sources" as kind, number, "update"]:
                return 202, self.updates.start(kind, self.object(kind, number))
            case "GET", ["project_updates" | "inventory_updates", number]:
                return 200, self.updates.update(int(number))
        raise NotFoundError

    def object(self, kind: str, number: str | int) -> Fields:
        try:
            return self.objects[kind][int(number)]
        except (KeyError, ValueError):
            raise NotFoundError from None

    def _list(self, kind: str, user: int) -> list[Fields]:
        found = [it for it in self.objects[kind].values() if self.rights.sees(user, kind, it)]
        return [self.shown(kind, it) for it in found]

    def create(self, kind: str, body: Fields) -> Fields:
        defaults = {name: None if default is REQUIRED else default for name, default in FIELDS[kind].items()}
        content = {**defaults, **awx_rules.expect_fields(kind, body)}
        self._expect_valid(kind, content, own=None)
        number = self.next_id()
        found = self.objects[kind][number] = {"id": number, **content}
        self.rights.add_roles(kind, number)
        if kind == "projects":
            self.updates.start(kind, found)
        return self.shown(kind, found)

    def _update(self, kind: str, found: Fields, body: Fields) -> Fields:
        content = {**found, **awx_rules.expect_fields(kind, body)}
        self._expect_valid(kind, content, own=found["id"])
        is_moved = kind == "projects" and any(content[name] != found[name] for name in ("scm_url", "scm_branch"))
        found.update(content)
        if is_moved:
            self.updates.start(kind, found)
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
        if "name" not in content:
            return
        scope = self._scope(kind, content)
        same = [it for it in self.objects[kind].values() if it["name"] == content["name"] and it["id"] != own]
        if any(self._scope(kind, it) == scope for it in same):
            raise RefusedError(name=[f"{kind} with this name already exists."])

    def _scope(self, kind: str, content: Fields) -> Optional[int]:
        """Return within what a name is unique: the id of an object, or None for all of AWX."""
        if kind in awx_rules.SCOPES:
            number: Optional[int] = content.get(awx_rules.SCOPES[kind])
            return number
        return self.organization_of(kind, content)

    def _expect_job_template(self, content: Fields) -> None:
        if content["inventory"] is None and not content["ask_inventory_on_launch"]:
            raise RefusedError(inventory=["You must either set a default value or ask to prompt on launch."])
        if content["playbook"] not in self.updates.playbooks(content["project"]):
            raise RefusedError(playbook=["Playbook not found for project."])

    def _survey(self, method: str, number: int, body: Fields) -> Fields:
        if method == "GET":
            return self.surveys.get(number, {})
        if method == "POST":
            awx_rules.expect_survey(body)
        self.surveys[number] = body if method == "POST" else {}
        return {}

    def _role(self, method: str, role: int, query: dict[str, str], body: Fields) -> tuple[int, Any]:
        if method == "GET":
            users = [self.shown("users", self.object("users", it)) for it in self.rights.members[role]]
            return 200, self._page(users, query)
        self.rights.members[role].add(self.object("users", body["id"])["id"])
        return 204, None

    def _relation(
        self, method: str, kind: str, number: int, relation: str, query: dict[str, str], body: Fields
    ) -> tuple[int, Any]:
        known = self.related.setdefault((number, relation), [])
        target = RELATIONS[relation]
        if method == "GET":
            return 200, self._page([self.shown(target, self.objects[target][it]) for it in known], query)
        self.object(target, body["id"])
        if body.get("disassociate"):
            known.remove(body["id"])
            if relation == "labels" and not self.label_is_used(body["id"]):
                del self.objects["labels"][body["id"]]
        elif relation == "labels" and len(known) > MAX_LABELS:
            raise RefusedError(msg=f"Maximum number of labels for {kind} reached.")
        elif body["id"] not in known:
            known.append(body["id"])
        return 204, None

    def label_is_used(self, label: int) -> bool:
        attached = [numbers for (_number, relation), numbers in self.related.items() if relation == "labels"]
        return any(label in numbers for numbers in attached) or self.jobs.have_label(label)

    def shown(self, kind: str, found: Fields) -> Fields:
        """Return an object as AWX shows it."""
        url = f"/api/v2/{kind}/{found['id']}/"
        names = ("survey_spec", "launch", "labels", "credentials", "update")
        summary: Fields = {"object_roles": self.rights.shown_roles(kind, found["id"])}
        content = {
            **found,
            **{"type": TYPES.get(kind, kind.removesuffix("s")), "url": url},
            "related": {name: f"{url}{name}/" for name in names},
            "summary_fields": summary,
        }
        if kind in ("projects", "inventory_sources"):
            content |= self.updates.shown(found["id"])
            summary |= self.updates.summary(found["id"])
        if kind == "credential_types":
            content["managed"] = False
        if kind == "credentials":
            content["inputs"] = dict.fromkeys(found["inputs"], "$encrypted$")
        content["organization"] = self.organization_of(kind, found)
        if content["organization"]:
            organization = self.objects["organizations"][content["organization"]]
            summary["organization"] = {"id": organization["id"], "name": organization["name"]}
        return content

    def organization_of(self, kind: str, found: Fields) -> Optional[int]:
        """Return the organisation of an object, which for some kinds is that of another object."""
        if kind == "job_templates":
            return self.organization_of("projects", self.objects["projects"][found["project"]])
        if kind == "inventory_sources":
            return self.organization_of("inventories", self.objects["inventories"][found["inventory"]])
        number: Optional[int] = found.get("organization")
        return number

    def _page(self, found: list[Fields], query: dict[str, str]) -> Fields:
        for name, value in query.items():
            if name not in ("page", "page_size", "order_by"):
                found = [it for it in found if self._matches(it, name, value)]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _matches(self, found: Fields, name: str, value: str) -> bool:
        match name.removeprefix("or__"):
            case "id__in":
                return str(found["id"]) in value.split(",")
            case "labels__name":
                return value in [it["name"] for it in found["summary_fields"]["labels"]["results"]]
            case "organization__name":
                return bool(found["summary_fields"].get("organization", {}).get("name") == value)
            case "name__startswith":
                return bool(found["name"].startswith(value))
            case "unifiedjob_labels__isnull":
                return self.jobs.have_label(found["id"]) != (value.lower() == "true")
        if name.startswith("or__"):
            return value in (str(found["id"]), found.get("name"))
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
            user = double.rights.user_of(self.headers.get("Authorization", ""))
            if user is None:
                status, content = 401, {"detail": "Authentication credentials were not provided."}
            else:
                given = json.loads(body) if body else {}
                status, content = double.answer(self.command, path, dict(parse_qsl(address.query)), given, user)
            self._send(status, content)

        def _send(self, status: int, content: Any) -> None:
            text = b"" if content is None else json.dumps(content).encode()
            if isinstance(content, str):
                text = content.encode()
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", VERSION)
            self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names of http.server

        def log_message(self, *_args: object) -> None:
            """Nothing on stderr."""

    return Handler
