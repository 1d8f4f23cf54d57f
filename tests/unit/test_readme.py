# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README.md and docs/ name the folders and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = [CHECKOUT / "README.md", CHECKOUT / "tests/bench/README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]


def folders_of_the_checkout() -> set[str]:
    """Return the folders that must have a row in README's table."""
    code = {path.parent for path in (CHECKOUT / "plugins").rglob("*.py") if path.read_bytes()}
    roots = {CHECKOUT / name for name in ("docs", "playbooks", "roles", "rulebooks")}
    parents = [*roots, CHECKOUT / "tests", CHECKOUT / "extensions"]
    below = {path for parent in parents for path in parent.iterdir() if path.is_dir()}
    # What tests leave behind.
    below = {path for path in below if path.name not in ("output", "__pycache__")}
    return {str(path.relative_to(CHECKOUT)) for path in code | roots | below}


def folders_of_the_table() -> list[str]:
    _before, layout = (CHECKOUT / "README.md").read_text(encoding="utf-8").split("\n| folder | contents |")
    table, _after = layout.split("\n\n", 1)
    return [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_folder_has_its_row_in_the_readme() -> None:
    found = folders_of_the_table()
    assert sorted(found) == sorted(folders_of_the_checkout())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_link_to_a_file_has_its_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def commands_of_the_adapter() -> set[str]:
    """Return the commands that the adapter calls, as the table has them: without options that only shape the output."""
    found = set()
    for path in (CHECKOUT / "plugins/module_utils/adapter").glob("*.py"):
        for call in re.findall(r'_run(?:_command)?\(\[?((?:"[^"]*"(?:, )?)+)', path.read_text(encoding="utf-8")):
            command, *words = re.findall(r'"([^"]*)"', call)
            words = [word for word in words if word not in ("--noheader", "--all", "--details", "--states=all")]
            shown = words[:2] if words[:1] == ["show"] else words[:1]
            found.add(" ".join([command, *(shown or ["--Format" if command == "squeue" else "--set"])]))
    return {re.sub(r"--future --.*|--future$", "--Format", name) for name in found}


def test_every_command_and_every_reason_is_in_the_table_of_what_talks_to_slurm() -> None:
    table = (CHECKOUT / "docs/slurm.md").read_text(encoding="utf-8").split("\n# ")[0]
    assert commands_of_the_adapter() == set(re.findall(r"`((?:scontrol|sinfo|squeue|strigger) [\w -]+)`", table))
    tests = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "tests/contract").glob("test_*.py"))
    reasons = set(re.findall(r"`(test_\w+)`", table))
    assert reasons and [name for name in reasons if f"def {name}(" not in tests] == []
