# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of pyslurm as plain values: strings, numbers, lists, mappings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

# Attributes that pyslurm splits at commas.
_LISTS = frozenset(
    (
        *("active_features", "available_features"),
        *("batch_constraints", "cluster_constraints", "constraints", "mail_user", "preferred_features"),
    )
)


def properties(kind: type) -> list[str]:
    """Return the names of the attributes that a class of pyslurm has, sorted."""
    return sorted(name for name, value in vars(kind).items() if not name.startswith("_") and not callable(value))


def record(source: Any, attributes: Collection[str]) -> dict[str, Any]:
    """Return attributes of an object of pyslurm as plain values."""
    try:
        return {name: plain(getattr(source, name)) for name in attributes}
    except UnicodeDecodeError:
        return {name: attribute(source, name) for name in attributes}


def attribute(source: Any, name: str) -> Any:
    """Return an attribute as a plain value; bytes that are not UTF-8 become U+FFFD."""
    try:
        return plain(getattr(source, name))
    except UnicodeDecodeError as error:
        text = error.object.decode("utf-8", "replace")
        return text.split(",") if name in _LISTS else text


def plain(value: Any) -> Any:
    """Return a value of pyslurm as a value of JSON."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    return str(value)
