# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layout of the code: no import runs up a storey, and no function is long."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
PACKAGE = "ansible_collections.hpc.slurm.plugins."
# From the lowest to the highest; a file imports from its own storey and from lower ones. What is not listed, such as
# modules, filters and the event filter, is above all of them.
STOREYS = (
    "module_utils/adapter",
    "module_utils/common",
    "module_utils/resources",
    "plugin_utils/trigger_listener/telemetry",
    "plugin_utils/trigger_listener/configure",
    "plugin_utils/trigger_listener/store",
    "plugin_utils/trigger_listener/feed",
    "plugin_utils/trigger_listener/show",
    "plugin_utils/trigger_listener/receive",
    "plugin_utils/trigger_listener/source.py",
)
TOP = len(STOREYS)
# Every file in these folders is in a storey.
BUILDINGS = ("module_utils", "plugin_utils/trigger_listener")
LONGEST_FUNCTION = 40

FILES = sorted(str(path.relative_to(PLUGINS)) for path in PLUGINS.rglob("*.py"))


def storey_of(path: str) -> int:
    """Return the storey of a file or folder, by its path within plugins/."""
    return next((number for number, name in enumerate(STOREYS) if f"{path}/".startswith(f"{name}/")), TOP)


def imports_of(path: str, source: str) -> Iterator[str]:
    """Yield the files and folders within plugins/ that a file imports, also those within functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = base_of(path, node)
            names = [] if base is None else [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (found for name in names if name.startswith(PACKAGE) and (found := existing(name)))


def base_of(path: str, node: ast.ImportFrom) -> Optional[str]:
    """Return the full name of what an import statement imports from."""
    if not node.level:
        return node.module
    folder = Path(path).parents[node.level - 1]
    return ".".join((PACKAGE.rstrip("."), *folder.parts, *([node.module] if node.module else [])))


def existing(name: str) -> str:
    """Return the file or folder of a full name, or of the module that has it."""
    parts = name.removeprefix(PACKAGE).split(".")
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        for candidate in (f"{path}.py", path):
            if (PLUGINS / candidate).exists():
                return candidate
    return ""


def test_every_storey_exists() -> None:
    assert [name for name in STOREYS if not (PLUGINS / name).exists()] == []


@pytest.mark.parametrize("building", BUILDINGS)
def test_every_file_is_in_a_storey(building: str) -> None:
    files = [path for path in FILES if path.startswith(f"{building}/")]
    assert files and [path for path in files if storey_of(path) == TOP] == []


@pytest.mark.parametrize("path", FILES)
def test_no_import_runs_up_a_storey(path: str) -> None:
    imported = imports_of(path, (PLUGINS / path).read_text(encoding="utf-8"))
    assert [other for other in imported if storey_of(other) > storey_of(path)] == []


# Beside ansible-core, pyslurm on controllers, and what is in requirements.txt for the listener.
LIBRARIES = {
    "plugins/module_utils/adapter": {"pyslurm"},
    "plugins/plugin_utils/trigger_listener": {
        *("_typeshed", "aiohttp", "flask", "greenlet", "prometheus_client", "werkzeug"),
    },
}


@pytest.mark.parametrize("path", FILES)
def test_no_other_library_is_imported(path: str) -> None:
    """A machine that has ansible-core runs the playbooks."""
    allowed = {"ansible", "ansible_collections", *sys.stdlib_module_names}
    for folder, names in LIBRARIES.items():
        allowed |= names if f"plugins/{path}".startswith(f"{folder}/") else set()
    assert libraries_of((PLUGINS / path).read_text(encoding="utf-8")) - allowed == set()


def libraries_of(source: str) -> set[str]:
    """Return the first parts of the names that a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ..show import overview", ["plugin_utils/trigger_listener/show/overview.py"]),
        ("from ..show.overview import Overview", ["plugin_utils/trigger_listener/show/overview.py"]),
        ("def late():\n    from ..source import run", ["plugin_utils/trigger_listener/source.py"]),
        ("from . import inbox", ["plugin_utils/trigger_listener/store/inbox.py"]),
        (
            "from ....module_utils.common import hostlist, times",
            ["module_utils/common/hostlist.py", "module_utils/common/times.py"],
        ),
        (f"import {PACKAGE}modules.slurm_node", ["modules/slurm_node.py"]),
        (f"from {PACKAGE}modules.slurm_node import main", ["modules/slurm_node.py"]),
        ("import json\nfrom collections import abc", []),
    ],
)
def test_imports_are_found(source: str, found: list[str]) -> None:
    assert list(imports_of("plugin_utils/trigger_listener/store/inbox.py", source)) == found


@pytest.mark.parametrize("folder", ["plugins", "extensions"])
def test_no_function_is_long(folder: str) -> None:
    """Counted from def to the last line, with its docstring."""
    long = [
        f"{path.relative_to(CHECKOUT)}: {node.name}"
        for path in (CHECKOUT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []
