# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of pyslurm as plain values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.values import plain


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
