# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that ansible-rulebook runs: how it imports its parts, and that documentation, schema and code agree."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from ansible_collections.hpc.slurm.plugins.plugin_utils import parts
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure import settings

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "extensions" / "eda" / "plugins" / "event_source"
SOURCE = SOURCES / "trigger_listener.py"
OPTIONS = yaml.safe_load(runpy.run_path(str(SOURCE))["DOCUMENTATION"])["options"]
SCHEMA = json.loads((SOURCES / "schemas" / "trigger_listener.json").read_text())
TYPES = {"list": "array", "str": "string", "path": "string", "int": "integer", "bool": "boolean"}
FOREIGN = """
import asyncio, runpy, sys
sys.path.insert(0, {tree!r})
import ansible_collections
main = runpy.run_path({source!r})["main"]
try:
    asyncio.run(main(None, {{"prot": 1}}))
except SystemExit as error:
    print(error)
print(ansible_collections.__file__)
"""


def test_beside_another_installation(tmp_path):
    """ansible_collections is a regular package of another installation, such as the package ansible."""
    package = tmp_path / "ansible_collections"
    package.mkdir()
    (package / "__init__.py").touch()
    code = FOREIGN.format(tree=str(tmp_path), source=str(SOURCE))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("hpc.slurm.trigger_listener: unknown argument prot; there are: host, port")
    assert lines[1] == str(package / "__init__.py")


def test_two_installations_are_two_packages(tmp_path):
    shutil.copytree(ROOT / "plugins", tmp_path / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    other = runpy.run_path(str(tmp_path / "plugins" / "plugin_utils" / "parts.py"))["load"]
    ours, theirs = parts.load("trigger_listener.feed.events"), other("trigger_listener.feed.events")
    assert Path(theirs.__file__).is_relative_to(tmp_path)
    assert Path(ours.__file__).is_relative_to(ROOT)
    assert parts.load("trigger_listener.feed.events") is ours and other("trigger_listener.feed.events") is theirs
    assert theirs.hostlist is not ours.hostlist


def test_documentation_schema_and_code_have_the_same_arguments():
    assert tuple(OPTIONS) == settings.ARGUMENTS == tuple(SCHEMA["properties"])
    # Instead of the files, the settings have their content.
    names = set(OPTIONS) - {"token", "token_file", "certfile", "keyfile", "cafile"} | {"tokens", "tls"}
    assert {field.name for field in fields(settings.Settings)} == names
    assert SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize("name", OPTIONS)
def test_types_defaults_and_choices(name):
    option, property_ = OPTIONS[name], SCHEMA["properties"][name]
    assert property_["type"] == TYPES[option["type"]]
    assert property_.get("default") == option.get("default")
    assert property_.get("enum") == option.get("choices")
    if "default" in option:
        assert getattr(settings.Settings.from_args({}), name) == option["default"]
    if "choices" in option:
        assert tuple(option["choices"]) == settings.GRANULARITIES
    kind = settings.Settings.__annotations__.get(name, "Optional[str]")
    wanted = {"str": ("str", "Optional[str]", "Optional[bytes]"), "path": ("Path", "Optional[str]")}
    wanted["list"] = ("tuple[Network, ...]",)
    assert kind in wanted.get(option["type"], (option["type"],))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [(n, p["minimum"], p["maximum"]) for n, p in SCHEMA["properties"].items() if "minimum" in p],
)
def test_limits(name, low, high):
    for good in (low, high):
        assert getattr(settings.Settings.from_args({name: good}), name) == good
    for bad in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"{name} must be an integer from {low} to {high}"):
            settings.Settings.from_args({name: bad})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(
            ("id", text)
            for text in ("x" * 15, "x" * 16, "A-z_09" * 4, "x" * 64, "x" * 65, "with/a/slash/in/it", "ä" * 20)
        ),
        *(("token", text) for text in ("x" * 15, "x" * 16, "!#[]~'" * 9, "x" * 512, "x" * 513, "x" * 20 + " y")),
        *(("token", text) for text in ("ä" * 20, '"' * 20, "\\" * 20)),
        *(
            ("url", text)
            for text in ("http://a", "https://[::1]:1/x", "ftp://a", "http://", "http://a b", "http://a'b")
        ),
        *(("granularity", text) for text in ("node", "batch", "job")),
        *((name, "") for name, property_ in SCHEMA["properties"].items() if property_["type"] == "string"),
    ],
)
def test_schema_and_code_accept_the_same_strings(name, text):
    try:
        settings.Settings.from_args({name: text})
        accepted = True
    except ValueError:
        accepted = False
    property_ = SCHEMA["properties"][name]
    matches = re.search(property_["pattern"], text) is not None if "pattern" in property_ else True
    listed = text in property_.get("enum", [text]) and len(text) >= property_.get("minLength", 0)
    assert accepted == (matches and listed)


def test_the_documentation_has_the_lengths():
    text = " ".join(OPTIONS["id"]["description"] + OPTIONS["token_file"]["description"])
    assert "16 to 64 letters" in text and "16 to 512 printable" in text


def test_the_example_is_valid(tmp_path):
    (ruleset,) = yaml.safe_load(runpy.run_path(str(SOURCE))["EXAMPLES"])
    (source,) = ruleset["sources"]
    given = source["hpc.slurm.trigger_listener"]
    assert set(given) <= set(OPTIONS)
    (tmp_path / "token").write_text("x" * 20)
    settings.Settings.from_args({**given, "token_file": str(tmp_path / "token")})
