# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generic resources (GRES) as slurm.conf(5), scontrol and sinfo write them: C(gpu:tesla:2(IDX:0-1),bandwidth:4G)."""

from __future__ import annotations

import re

# The suffixes of counts: K is 1024.
_UNITS = "KMGTP"
_COUNT = re.compile(rf"(\d+)([{_UNITS}]?)", re.IGNORECASE)
# An item and what Slurm appends to it in parentheses, which may have commas in it.
_ITEM = re.compile(r"(?:gres[:/])?([^,(]+)(?:\(([^)]*)\))?")
_INDEXES = "IDX:"


def parse_gres(text: str) -> dict[str, int]:
    """Return the counts of generic resources by name, C(NAME[:TYPE][:no_consume]); without a count it is 1."""
    return dict(_name_and_count(item) for item, _appended in _items(text))


def parse_gres_indexes(text: str) -> dict[str, str]:
    """Return the indexes of generic resources by name, such as C(0-1,3), for those whose devices Slurm knows."""
    return {
        _name_and_count(item)[0]: appended.removeprefix(_INDEXES)
        for item, appended in _items(text)
        if appended.startswith(_INDEXES) and appended != f"{_INDEXES}N/A"
    }


def gres_count(text: str) -> int:
    """Return a count such as C(4K) as a number.

    :raises ValueError: when it is not a count.
    """
    match = _COUNT.fullmatch(text)
    if not match:
        raise ValueError(f"not a count of a generic resource: {text!r}")
    return int(match[1]) << 10 * (_UNITS.index(match[2].upper()) + 1 if match[2] else 0)


def _items(text: str) -> list[tuple[str, str]]:
    return [] if text in ("", "(null)") else _ITEM.findall(text)


def _name_and_count(item: str) -> tuple[str, int]:
    name, _colon, count = item.rpartition(":")
    return (name, gres_count(count)) if name and _COUNT.fullmatch(count) else (item, 1)
