# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No mapping in a YAML file has a key twice.

Ansible warns of a key that a mapping has beside one of the same name that is merged into it; yamllint does not find it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("playbooks", "rulebooks", "roles", "meta", "extensions", "changelogs", "tests/eda", "tests/lab")
FILES = sorted(path for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*.yml"))


def keys_of(mapping: yaml.MappingNode) -> list[str]:
    """Return the keys of a mapping, with those that are merged into it."""
    keys: list[str] = []
    for key, value in mapping.value:
        if key.tag != "tag:yaml.org,2002:merge":
            keys.append(key.value)
            continue
        for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            keys += keys_of(merged)
    return keys


def mappings_of(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _key, value in node.value:
            yield from mappings_of(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from mappings_of(value)


def duplicates(text: str) -> list[str]:
    """Return the keys that are in a mapping twice, with their lines."""
    found = []
    for document in yaml.compose_all(text):
        for mapping in mappings_of(document):
            keys = keys_of(mapping)
            found += [f"{key} in line {mapping.start_mark.line + 1}" for key in set(keys) if keys.count(key) > 1]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_no_key_is_there_twice(path: Path) -> None:
    assert duplicates(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a: 1\na: 2", 1),
        ("- &x {a: 1}\n- <<: *x\n  a: 2", 1),
        ("- &x {a: 1}\n- &y {a: 2}\n- <<: [*x, *y]", 1),
        ("- &x {a: 1}\n- <<: *x\n  b: 2", 0),
    ],
)
def test_duplicates_are_found(text: str, number: int) -> None:
    assert len(duplicates(text)) == number
