# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin on the lab's controller, with pyslurm and with a command. Run inside the lab, as root."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

RESERVATION = "hpc-slurm-inventory"
COMMAND = ["scontrol", "show", "nodes", "--json"]


def scontrol(*words: str) -> None:
    subprocess.run(["scontrol", *words], check=True, stdout=subprocess.DEVNULL)


def read(directory: Path, program: str = "ansible-inventory", **options: object) -> dict[str, Any]:
    """Return the inventory as JSON."""
    path = directory / "lab.slurm.yml"
    path.write_text(yaml.safe_dump({"plugin": "hpc.slurm.slurm", **options}), encoding="utf-8")
    done = subprocess.run([program, "-i", str(path), "--list"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def odd_nodes() -> Iterator[None]:
    """A node in a reservation, one that is drained, and texts that look like templates."""
    words = [f"reservationname={RESERVATION}", "nodes=node7", "starttime=now", "duration=60", "users=root"]
    scontrol("create", "reservation", *words, "flags=maint")
    scontrol("update", "nodename=node8", "state=drain", "reason={{ 7 * 7 }}")
    scontrol("update", "nodename=node8", "comment={{ lookup('pipe', 'id') }}", "extra=a b")
    deadline = time.monotonic() + 60
    while b"MAINT" not in subprocess.run(["scontrol", "show", "node", "node7"], capture_output=True, check=True).stdout:
        assert time.monotonic() < deadline, "waited a minute for the reservation to begin"
        time.sleep(0.5)
    yield
    scontrol("delete", f"reservationname={RESERVATION}")
    scontrol("update", "nodename=node8", "state=resume")
    scontrol("update", "nodename=node8", "comment=", "extra=")


def test_both_ways_give_the_same(odd_nodes: None, tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found == read(tmp_path, command=COMMAND)
    assert len(found["_meta"]["hostvars"]) == 10_008
    assert found["state_drain"]["hosts"] == ["node8"]
    assert found["gres_gpu_tesla"]["hosts"] == ["node8"]
    assert found[f"reservation_{RESERVATION.replace('-', '_')}"]["hosts"] == ["node7"]
    assert found["partition_main"]["hosts"] == [f"node{number}" for number in range(1, 9)]


@pytest.mark.parametrize("program", ["ansible-playbook", "/opt/lab/oldest/bin/ansible-playbook"])
def test_a_playbook_sees_texts_and_no_templates(odd_nodes: None, tmp_path: Path, program: str) -> None:
    read(tmp_path, command=COMMAND, partitions=["main"])
    tasks = [{"ansible.builtin.debug": {"msg": "{{ slurm_reason }} {{ slurm_comment }} {{ ansible_host }}"}}]
    play = [{"hosts": "state_drain", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    command = [program, "-i", str(tmp_path / "lab.slurm.yml"), str(tmp_path / "play.yml")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "\"msg\": \"{{ 7 * 7 }} {{ lookup('pipe', 'id') }} localhost\"" in said


def test_the_program_is_missing(tmp_path: Path) -> None:
    (tmp_path / "lab.slurm.yml").write_text("plugin: hpc.slurm.slurm\ncommand: [nosuch]\n", encoding="ascii")
    command = ["ansible-inventory", "-i", str(tmp_path / "lab.slurm.yml"), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "the command nosuch cannot be run" in done.stderr
