# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostlists: Slurm's notation for many node names, C(node[1-3],gpu07), read and written as Slurm does it.

This has no dependencies: it runs on the controllers, in the listener, and where Ansible runs. A text is checked and its
names are counted before it is expanded: C(n[1-5000000]) would take hundreds of megabytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from ..adapter.errors import SlurmError

# More nodes than any cluster has (Slurm's own MAX_SLURM_NODES is of this size).
LIMIT = 100_000

# The longest host name (RFC 1035).
MAX_NAME = 255

# ASCII digits only: \d matches digits of other scripts as well.
_RANGE = r"[0-9]{1,64}(?:-[0-9]{1,64})?"
_RANGES = rf"\[{_RANGE}(?:,{_RANGE})*\]"
_NAME = rf"(?:[A-Za-z0-9_]|{_RANGES})(?:[A-Za-z0-9._-]|{_RANGES})*"
# One name, as most notifications have: it needs no parsing.
_PLAIN = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{MAX_NAME - 1}}}")
_HOSTLIST = re.compile(rf"{_NAME}(?:,{_NAME})*")
_ITEM = re.compile(_NAME)
_BRACKETS = re.compile(f"({_RANGES})")
_NUMBER = re.compile("([0-9]+)")


def expand(text: str, limit: int = LIMIT) -> list[str]:
    """Return the node names of a hostlist, without duplicates, in natural order.

    :param text: a hostlist such as C(node[1-3,7],gpu07).
    :param limit: the largest number of names to accept.
    :raises SlurmError: when it is not a hostlist or has more names than the limit.
    """
    if limit and _PLAIN.fullmatch(text):
        return [text]
    if count(text) > limit:
        raise SlurmError(f"hostlist {_shown(text)} names more than the {limit} nodes accepted")
    names = dict.fromkeys(name for item in _ITEM.findall(text) for name in _names(item))
    return sorted(names, key=_natural)


def count(text: str) -> int:
    """Return how many names a hostlist has, duplicates included, without expanding it.

    :raises SlurmError: when it is not a hostlist.
    """
    if not _HOSTLIST.fullmatch(text):
        raise SlurmError(f"not a hostlist: {_shown(text)}; write node names and ranges, as in node[1-3],gpu07")
    items = _ITEM.findall(text)
    # Otherwise a megabyte of letters before brackets would expand to gigabytes.
    if any(len(_BRACKETS.sub("", item)) > MAX_NAME for item in items):
        raise SlurmError(f"not a hostlist: {_shown(text)}; no name is longer than {MAX_NAME} characters")
    return sum(map(_size, items))


def fold(names: Iterable[str]) -> str:
    """Return node names as one hostlist, with ranges over the last number in a name: C(r1n[1-3],r2n[1-3])."""
    return sort_and_fold(names)[1]


def sort_and_fold(names: Iterable[str]) -> tuple[list[str], str]:
    """Return node names without duplicates in natural order, and the same names as one hostlist."""
    ordered = sorted(set(names), key=_natural)
    groups: dict[tuple[str, bool, str], list[str]] = {}
    for name in ordered:
        before, number, after = _split(name)
        groups.setdefault((before, bool(number), after), []).append(number)
    return ordered, ",".join(f"{before}{_ranges(numbers)}{after}" for (before, _has, after), numbers in groups.items())


def from_option(items: Iterable[str]) -> list[str]:
    """Return the node names of a module's list option, whose elements are names or hostlists.

    Ansible splits a string at every comma, also between brackets: joining the elements restores the string.
    """
    text = ",".join(item.strip() for item in items)
    return expand(text) if text else []


def _natural(name: str) -> tuple[list[str | int], str]:
    """Return the sort key of a name: n2 comes before n10."""
    parts = _NUMBER.split(name)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _split(name: str) -> tuple[str, str, str]:
    """Return the parts of a name before, at and after its last number; the number of a name without one is empty."""
    parts = _NUMBER.split(name)
    *before, number, after = parts if len(parts) > 1 else ("", "", name)
    return "".join(before), number, after


def _ranges(numbers: Iterable[str]) -> str:
    """Return numbers in ascending order as ranges in brackets, and one number as it is."""
    found: list[tuple[str, str]] = []
    for number in numbers:
        low, high = found[-1] if found else ("", "")
        # A range has the width of its first number: 9-10, 09-10.
        if high and number == f"{int(high) + 1:0{len(low)}d}":
            found[-1] = (low, number)
        else:
            found.append((number, number))
    texts = [low if low == high else f"{low}-{high}" for low, high in found]
    return f"[{','.join(texts)}]" if len(texts) > 1 or "-" in texts[0] else texts[0]


def _names(item: str) -> Iterator[str]:
    """Return the names of an item of a hostlist, in which each pair of brackets stands for any of its numbers."""
    parts = [_numbers(part[1:-1]) if part[:1] == "[" else [part] for part in _BRACKETS.split(item)]
    return map("".join, itertools.product(*parts))


def _numbers(ranges: str) -> Iterator[str]:
    for text in ranges.split(","):
        low, _dash, high = text.partition("-")
        yield from (f"{number:0{len(low)}d}" for number in range(int(low), int(high or low) + 1))


def _size(item: str) -> int:
    size = 1
    for brackets in _BRACKETS.findall(item):
        size *= sum(_span(part) for part in brackets[1:-1].split(","))
    return size


def _span(text: str) -> int:
    """Return how many numbers a range has.

    :raises SlurmError: when its first number is higher than its last one.
    """
    low, _dash, high = text.partition("-")
    span = int(high or low) - int(low) + 1
    if span < 1:
        raise SlurmError(f"not a hostlist: the range {_shown(text)} begins with its higher number")
    return span


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
