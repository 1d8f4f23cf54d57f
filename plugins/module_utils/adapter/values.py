# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of pyslurm as plain values: strings, numbers, lists, mappings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

# Attributes that pyslurm returns as lists, split at commas.
_LISTS = frozenset(
    (
        *("active_features", "available_features"),
        *("batch_constraints", "cluster_constraints", "constraints", "mail_user", "preferred_features"),
    )
)


def properties(kind: type) -> list[str]:
    """Return the names of the attributes that a class of pyslurm has, sorted."""
    return sorted(name for name, value in vars(kind).items() if not name.startswith("_") and not callable(value))


# What pyslurm raises for a value that it cannot convert.
_CONVERSION_ERRORS = (ValueError, TypeError, LookupError, AttributeError, OverflowError)

Note = Callable[[str, Exception], None]


class Unreadable:
    """The attributes that pyslurm raised an exception for."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[dict[str, None], str]] = {}

    def of(self, kind: str, name: object) -> Note:
        """Return a function that notes an attribute of an object, with the exception.

        :param kind: what the object is, such as C(node).
        :param name: which one it is.
        """
        return partial(self._add, kind, name)

    def _add(self, kind: str, name: object, attribute_name: str, error: Exception) -> None:
        objects, _error = self._found.setdefault((kind, attribute_name), ({}, f"{type(error).__name__}: {error}"))
        objects[str(name)] = None

    def warnings(self) -> list[str]:
        """Return a warning for each attribute, with the first objects that it is of."""
        return [
            f"{attribute_name} of {f'{kind} {_first(list(objects))}'.strip()} cannot be read and is returned as null: "
            f"pyslurm raises {error}"
            for (kind, attribute_name), (objects, error) in self._found.items()
        ]


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def record(source: Any, attributes: Collection[str], note: Note) -> dict[str, Any]:
    """Return attributes of an object of pyslurm as plain values.

    :param note: called for each attribute that pyslurm raises an exception for; the attribute is None then.
    """
    try:
        return {name: plain(getattr(source, name)) for name in attributes}
    except _CONVERSION_ERRORS:
        return {name: _attribute(source, name, note) for name in attributes}


def _attribute(source: Any, name: str, note: Note) -> Any:
    return value_or_note(name, lambda: attribute(source, name), note)


def value_or_note(name: str, read: Callable[[], Any], note: Note) -> Any:
    """Return what a function reads of an attribute; None when pyslurm raises an exception, which is noted."""
    try:
        return read()
    except _CONVERSION_ERRORS as error:
        note(name, error)
        return None


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
