# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The updates of the double of AWX: git clones a project, ansible-inventory reads a source of an inventory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awx_rules import Fields

if TYPE_CHECKING:
    from awx_double import Double

KINDS = {"projects": "project_updates", "inventory_sources": "inventory_updates"}
# A playbook is a file with such a line.
PLAYBOOK = re.compile(r"^\s*-?\s*(hosts|(ansible\.builtin\.)?import_playbook):", re.MULTILINE)


class Updates:
    """The updates, and what the last successful one of a project or a source has left.

    :param directory: for the clones and the inventories.
    """

    def __init__(self, double: Double, directory: Path) -> None:
        self._double, self._directory = double, directory
        self._updates: dict[int, Fields] = {}
        self._last: dict[int, Fields] = {}
        self._playbooks: dict[int, set[str]] = {}
        self._locks: dict[int, threading.Lock] = {}

    def update(self, number: int) -> Fields:
        return dict(self._updates[number])

    def playbooks(self, project: int) -> set[str]:
        """Return the playbooks that the last update of a project has found."""
        return self._playbooks.get(project, set())

    def clone(self, project: int) -> Path:
        return self._directory / f"project-{project}"

    def inventory(self, source: int) -> Path:
        return self._directory / f"inventory-{source}.yml"

    def summary(self, number: int) -> Fields:
        last = self._last.get(number)
        return {"current_update": dict(last)} if last and not last["finished"] else {}

    def shown(self, number: int) -> Fields:
        last = self._last.get(number)
        return {"status": last["status"] if last else "never updated", "scm_revision": self._revision(number)}

    def _revision(self, project: int) -> str:
        head = self.clone(project) / ".git"
        command = ["git", "--git-dir", str(head), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout if head.exists() else ""

    def is_failed(self, project: Fields) -> bool:
        """Return whether AWX refuses jobs of a project: its last update failed, and none comes on their launch."""
        return self.shown(project["id"])["status"] == "failed" and not project["scm_update_on_launch"]

    def start(self, kind: str, found: Fields) -> Fields:
        """Start an update of a project or a source, and return it."""
        number = self._double.next_id()
        update: Fields = {
            **{"id": number, "type": KINDS[kind].removesuffix("s"), "url": f"/api/v2/{KINDS[kind]}/{number}/"},
            **{"status": "pending", "failed": False, "finished": None, "scm_revision": ""},
            **{"result_stdout": ""},
        }
        self._updates[number] = self._last[found["id"]] = update
        threading.Thread(target=self._run, args=(kind, dict(found), update), daemon=True).start()
        return dict(update)

    def succeeds(self, kind: str, found: Fields) -> bool:
        """Update, wait for the end, and return whether it succeeded: what is done before a job is launched."""
        update = self._updates[self.start(kind, found)["id"]]
        while not update["finished"]:
            time.sleep(0.05)
        return bool(update["status"] == "successful")

    def _run(self, kind: str, found: Fields, update: Fields) -> None:
        with self._locks.setdefault(found["id"], threading.Lock()):
            update["status"] = "running"
            done = self._update_project(found) if kind == "projects" else self._update_source(found)
            is_failed = done.returncode != 0
            update |= {"scm_revision": self._revision(found["id"]), "result_stdout": done.stdout + done.stderr}
            update |= {"failed": is_failed, "status": "failed" if is_failed else "successful", "finished": time.time()}

    def _update_project(self, project: Fields) -> subprocess.CompletedProcess[str]:
        new = self.clone(project["id"]).with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        branch = ["--branch", project["scm_branch"]] if project["scm_branch"] else []
        done = _call("git", "clone", "--quiet", *branch, project["scm_url"], str(new))
        if done.returncode == 0:
            shutil.rmtree(self.clone(project["id"]), ignore_errors=True)
            new.rename(self.clone(project["id"]))
            self._playbooks[project["id"]] = _find_playbooks(self.clone(project["id"]))
        return done

    def _update_source(self, source: Fields) -> subprocess.CompletedProcess[str]:
        project = self._double.objects["projects"][source["source_project"]]
        if project["scm_update_on_launch"] and not self.succeeds("projects", project):
            return subprocess.CompletedProcess([], 1, "", "Previous Task Failed: project_update")
        path = self.clone(project["id"]) / source["source_path"]
        new = self.inventory(source["id"]).with_suffix(".new")
        credentials = [source["credential"]] if source["credential"] else []
        private = self._directory / f"source-{source['id']}"
        private.mkdir(exist_ok=True)
        _variables, environment = self._double.jobs.injected(credentials, private)
        command = ["ansible-inventory", "--inventory", str(path), "--list", "--yaml", "--export"]
        # As AWX has it: a source that cannot be parsed is a failure.
        strict = {"ANSIBLE_INVENTORY_UNPARSED_FAILED": "true", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
        done = _call(*command, "--output", str(new), cwd=path.parent, env={**os.environ, **environment, **strict})
        if done.returncode == 0:
            new.rename(self.inventory(source["id"]))
        return done


def _find_playbooks(clone: Path) -> set[str]:
    files = [path for path in clone.rglob("*.yml") if PLAYBOOK.search(path.read_text(encoding="utf-8"))]
    return {str(path.relative_to(clone)) for path in files}


def _call(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)
