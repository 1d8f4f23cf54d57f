# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of pyslurm as plain values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.values import (
    Unreadable,
    plain,
    record,
)


class Flag:
    def __str__(self) -> str:
        return "FLAG"


VALUES = [
    (None, None),
    (True, True),
    (0, 0),
    (1.5, 1.5),
    ("", ""),
    ({1: (1, 2)}, {"1": [1, 2]}),
    ([{"a": {"c", "b"}}], [{"a": ["b", "c"]}]),
    (frozenset(), []),
    (Flag(), "FLAG"),
    (SimpleNamespace(to_dict=lambda: {"flag": Flag()}), {"flag": "FLAG"}),
]


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert plain(plain(value)) == expected


class Broken:
    """An object with attributes that cannot be read, as pyslurm has them."""

    well = "x"

    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def broken(self) -> str:
        raise self.error


CONVERSION_ERRORS = (
    ValueError("a"),
    TypeError("b"),
    KeyError("c"),
    IndexError("d"),
    AttributeError("e"),
    OverflowError("f"),
)


@pytest.mark.parametrize("error", CONVERSION_ERRORS, ids=lambda error: type(error).__name__)
def test_an_attribute_that_cannot_be_read_costs_only_itself(error: Exception) -> None:
    unreadable = Unreadable()
    for name in ("n1", "n2", "n3", "n4", "n5", "n1"):
        assert record(Broken(error), ["broken", "well"], unreadable.of("node", name)) == {"broken": None, "well": "x"}
    assert unreadable.warnings() == [
        "broken of node n1, n2, n3 and 2 more cannot be read and is returned as null: pyslurm raises "
        f"{type(error).__name__}: {error}"
    ]


def test_warnings_name_each_attribute() -> None:
    unreadable = Unreadable()
    unreadable.of("node", "n1")("a", ValueError("x"))
    unreadable.of("job", 7)("a", ValueError("y"))
    unreadable.of("slurm.conf", "")("b", ValueError("z"))
    assert [warning.partition(" cannot")[0] for warning in unreadable.warnings()] == [
        "a of node n1",
        "a of job 7",
        "b of slurm.conf",
    ]


def test_other_exceptions_are_not_caught() -> None:
    with pytest.raises(MemoryError):
        record(Broken(MemoryError()), ["broken"], Unreadable().of("node", "n1"))
