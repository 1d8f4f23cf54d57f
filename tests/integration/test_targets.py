# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every integration target, run by ansible-test against the lab's controller. Run inside the lab, as root."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

COLLECTION = Path(__file__).resolve().parents[2]
TARGETS = sorted(
    folder.name
    for folder in (COLLECTION / "tests/integration/targets").iterdir()
    if not folder.name.startswith("setup_")
)
LIMIT = 600.0
SHOWN = 60


def test_every_module_has_a_target() -> None:
    modules = sorted(file.stem for file in (COLLECTION / "plugins/modules").glob("slurm_*.py"))
    assert modules and set(modules) <= set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_target(target: str) -> None:
    result = subprocess.run(
        ["ansible-test", "integration", "--local", target],
        cwd=COLLECTION,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if result.returncode:
        end = "\n".join(result.stdout.splitlines()[-SHOWN:])
        pytest.fail(f"{target} ended with status {result.returncode}:\n{end}", pytrace=False)
