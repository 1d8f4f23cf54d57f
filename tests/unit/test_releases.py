# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smallest releases are the same wherever they are said, and the releases of the lab are the documented ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.hpc.slurm.plugins.module_utils.adapter import releases

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = dict(
    line.split("=", 1)
    for line in (CHECKOUT / "tests/lab/versions.env").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
SAID = [
    ("meta/runtime.yml", f'requires_ansible: ">={releases.ANSIBLE_CORE}.0"'),
    ("tests/unit/requirements.txt", f"ansible-core>={releases.ANSIBLE_CORE}"),
    ("roles/common/tasks/known.yml", f"ansible_version.full is version('{releases.ANSIBLE_CORE}', '>=')"),
    ("roles/pyslurm/tasks/find.yml", f"found is version('{releases.SLURM}', '>=')"),
    ("roles/pyslurm/tasks/find.yml", f"pyslurm_python.stdout is version('{releases.PYTHON}', '>=')"),
    ("roles/listener/tasks/check.yml", f"listener_python.stdout is version('{releases.RULEBOOK_PYTHON}', '>=')"),
    ("roles/listener/defaults/main.yml", f"ansible-core>={releases.ANSIBLE_CORE}"),
    ("roles/listener/defaults/main.yml", f"ansible-rulebook>={releases.ANSIBLE_RULEBOOK},"),
    ("extensions/environments/decision-environment.yml", f"ansible-rulebook>={releases.ANSIBLE_RULEBOOK}"),
    ("README.md", f"ansible-core {releases.ANSIBLE_CORE} or later"),
    ("README.md", f"ansible-rulebook {releases.ANSIBLE_RULEBOOK}"),
    ("README.md", f"Slurm {releases.SLURM} or later"),
    ("docs/releases.md", f"| Slurm | {releases.SLURM} |"),
    ("docs/releases.md", f"| ansible-core | {releases.ANSIBLE_CORE} |"),
    ("docs/releases.md", f"| ansible-rulebook | {releases.ANSIBLE_RULEBOOK} |"),
    ("docs/releases.md", f"| Python where modules run | {releases.PYTHON} |"),
    ("docs/releases.md", f"| Python of the rulebook | {releases.RULEBOOK_PYTHON} |"),
    # What the lab runs.
    ("docs/releases.md", f"ansible-core {LAB['ANSIBLE_CORE']} and {LAB['OLDEST_ANSIBLE_CORE']}"),
    ("docs/releases.md", f"ansible-rulebook {LAB['ANSIBLE_RULEBOOK']}"),
    ("docs/releases.md", f"| {LAB['PYSLURM']}, "),
    ("docs/releases.md", f"| {LAB['SLURM_RELEASE']}."),
]


@pytest.mark.parametrize(("path", "words"), SAID)
def test_the_same_is_said_everywhere(path: str, words: str) -> None:
    assert words in (CHECKOUT / path).read_text(encoding="utf-8")


def test_the_oldest_ansible_core_of_the_tests_is_the_smallest() -> None:
    assert LAB["OLDEST_ANSIBLE_CORE"].startswith(f"{releases.ANSIBLE_CORE}.")
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={releases.ANSIBLE_CORE}.0"


@pytest.mark.parametrize(
    ("found", "smallest", "older"),
    [
        ("24.11.5", "24.11", False),
        ("24.05.3", "24.11", True),
        ("26.05.0rc1", "24.11", False),
        ("1.2.0", "1.3", True),
        ("1.3", "1.3", False),
        ("3.10", "3.9", False),
        ("3.8", "3.9", True),
        ("from git", "1.3", False),
    ],
)
def test_what_is_older(found: str, smallest: str, older: bool) -> None:
    assert releases.is_older(found, smallest) == older
