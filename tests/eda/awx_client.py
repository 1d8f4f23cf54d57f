# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests ask of AWX: the same requests to a real one and to the double of awx_double.py."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any, Optional
from urllib.parse import urlencode

from story import wait_until

Fields = dict[str, Any]
ENDED = ("successful", "failed", "error", "canceled")


class Awx:
    """A user's access to AWX.

    :param credentials: the value of the header Authorization.
    """

    def __init__(self, url: str, credentials: str) -> None:
        self.url, self._credentials = url, credentials

    @classmethod
    def of_user(cls, url: str, name: str, password: str) -> Awx:
        """Return the access by a new token of a user."""
        basic = base64.b64encode(f"{name}:{password}".encode()).decode()
        user = cls(url, f"Basic {basic}")
        number = user.find("users", username=name)["id"]
        status, answer = user.post(f"users/{number}/personal_tokens/", scope="write")
        assert status == 201, answer
        return cls(url, f"Bearer {answer['token']}")

    @property
    def token(self) -> str:
        return self._credentials.partition(" ")[2]

    def environment(self) -> dict[str, str]:
        """Return how the modules of awx.awx find it."""
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": self.token}

    def request(self, method: str, path: str, body: Optional[Fields] = None) -> tuple[int, Any]:
        """Return the status and the content of an answer."""
        headers = {"Authorization": self._credentials, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}/api/v2/{path}", data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - http
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text.decode()

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        return self.request("POST", path, body)

    def find_all(self, kind: str, **query: Any) -> list[Fields]:
        """Return the objects of a kind with these values."""
        status, answer = self.request("GET", f"{kind}/?{urlencode({'page_size': 200, **query})}")
        assert status == 200, answer
        results: list[Fields] = answer["results"]
        return results

    def find(self, kind: str, **query: Any) -> Fields:
        """Return the only object of a kind with these values."""
        [found] = self.find_all(kind, **query)
        return found

    def template(self, name: str, organization: str = "Slurm") -> Fields:
        return self.find("job_templates", name=name, organization__name=organization)

    def names(self, kind: str, number: int, relation: str) -> set[str]:
        """Return the names of the objects that are associated with one."""
        return {found["name"] for found in self.find_all(f"{kind}/{number}/{relation}")}

    def launch(self, template: str, **body: Any) -> tuple[int, Any]:
        """Launch a job template, and return the status and the content of the answer."""
        return self.post(f"job_templates/{self.template(template)['id']}/launch/", **body)

    def jobs(self, template: str, organization: str = "Slurm") -> list[Fields]:
        """Return the jobs of a template, in the order in which they were launched."""
        return self.find_all("jobs", job_template=self.template(template, organization)["id"], order_by="id")

    def labels(self, job: Fields) -> set[str]:
        """Return the names of a job's labels."""
        return {label["name"] for label in job["summary_fields"]["labels"]["results"]}

    def output(self, job: Fields) -> str:
        """Return what the playbook of a job has printed, and why AWX says that it failed."""
        # AWX stores the output after the end of the job.
        path = f"jobs/{job['id']}/"
        wait_until(f"the output of {path}", 60, lambda: self.request("GET", path)[1]["event_processing_finished"])
        _status, text = self.request("GET", f"{path}stdout/?format=txt")
        return f"{text}\n{job['job_explanation']}"

    def ended(self, path: str, limit: float = 180) -> Fields:
        """Return a job or an update when it has ended."""
        last: Fields = {}

        def is_ended() -> bool:
            last.update(self.request("GET", path)[1])
            return last["status"] in ENDED

        wait_until(lambda: f"the end of {path}: {last.get('status')}", limit, is_ended)
        return last

    def run(self, template: str, status: str = "successful", **body: Any) -> Fields:
        """Launch a job, and return it when it has ended as it must."""
        code, answer = self.launch(template, **body)
        assert code == 201, answer
        assert answer["ignored_fields"] == {}
        job = self.ended(f"jobs/{answer['id']}/")
        assert job["status"] == status, self.output(job)
        return job

    def update(self, kind: str, name: str, organization: str = "Slurm") -> Fields:
        """Update a project or a source of an inventory, and return the update when it has ended."""
        number = self.find(kind, name=name, organization__name=organization)["id"]
        status, answer = self.post(f"{kind}/{number}/update/")
        assert status == 202, answer
        return self.ended(answer["url"].removeprefix("/api/v2/"))
