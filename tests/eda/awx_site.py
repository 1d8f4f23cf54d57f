# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site that has AWX: its git repositories, the files of the listener, and how it sets up AWX."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from awx_client import Awx
from story import CHECKOUT, run_command, variables

REPAIRED, BROKEN = "node4", "node5"
RULEBOOK_USER = "rulebook"


class Site:
    """The repositories with the playbooks and with the inventory, and the variables of awx_setup.

    :param directory: for all of it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.playbooks, self.inventory = directory / "hpc.slurm", directory / "inventory"
        variables(directory, 0)
        fails = {"name": "Turn it on", "ansible.builtin.fail": None, "when": f"inventory_hostname == '{BROKEN}'"}
        (directory / "repair.yml").write_text(yaml.safe_dump([fails]), encoding="utf-8")
        shutil.copytree(CHECKOUT / "playbooks", self.playbooks / "playbooks")
        self.commit(self.playbooks)
        self.inventory.mkdir()
        self.commit(self.inventory, **{"controllers.yml": self._controllers(), "slurm.yml": self.nodes()})

    def _controllers(self) -> dict[str, Any]:
        controllers: dict[str, Any] = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
        del controllers["all"]["children"]["slurm_nodes"]
        controllers["all"]["vars"]["hpc_slurm_repair_tasks"] = str(self.directory / "repair.yml")
        return controllers

    def nodes(self, **more: object) -> dict[str, Any]:
        """Return the inventory of the nodes."""
        return {"plugin": "hpc.slurm.slurm", "nodes": ["node[1-8]"], **more}

    def commit(self, repository: Path, **files: object) -> None:
        """Write YAML files and commit them, in a repository that is made if there is none."""
        for name, content in files.items():
            (repository / name).write_text(yaml.safe_dump(content), encoding="utf-8")
        git = ["git", "-C", str(repository), "-c", "user.name=site", "-c", "user.email=site@lab.example"]
        for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Change"]):
            run_command(*git, *words)

    def set_up(self, awx: Awx, url_end: str = "", **more: object) -> str:
        """Run awx_setup, and return its output.

        :param url_end: is appended to the URLs.
        :param more: variables, without their prefix.
        """
        given = {
            **{"image": "hpc-slurm", "project_url": f"file://{self.playbooks}{url_end}"},
            **{"inventory_url": f"file://{self.inventory}{url_end}", "rulebook_user": RULEBOOK_USER},
            **{"token_file": str(self.directory / "token"), "ca_file": str(self.directory / "ca.pem"), **more},
        }
        path = self.directory / "awx.yml"
        path.write_text(yaml.safe_dump({f"hpc_slurm_awx_{name}": it for name, it in given.items()}), encoding="utf-8")
        environment = {**os.environ, **awx.environment(), "CONTROLLER_HOST": awx.url + url_end}
        command = ["ansible-playbook", "hpc.slurm.awx_setup", "--extra-vars", f"@{path}"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "duplicate mapping key" not in done.stderr
        return done.stdout


def changed(output: str) -> int:
    """Return how many tasks changed something."""
    [number] = re.findall(r"changed=(\d+)", output)
    return int(number)
