# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostlists: Slurm's notation for many node names, C(node[1-3],gpu07).

A text is checked and its names are counted before ClusterShell expands it: C(n[1-5000000]) would take hundreds of
megabytes, and for C(@all) ClusterShell asks a group source, which may run commands.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from itertools import groupby
from typing import Optional

from ..adapter.errors import SlurmError

CLUSTERSHELL_ERROR: Optional[str] = None
try:
    from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException
except ImportError:
    CLUSTERSHELL_ERROR = traceback.format_exc()

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
_BRACKETS = re.compile(_RANGES)
_NUMBER = re.compile("([0-9]+)")


def expand(text: str, limit: int = LIMIT) -> list[str]:
    """Return the node names of a hostlist, without duplicates, in natural order.

    :param text: a hostlist such as C(node[1-3,7],gpu07).
    :param limit: the largest number of names to accept.
    :raises SlurmError: when it is not a hostlist or has more names than the limit.
    """
    _require_clustershell()
    if limit and _PLAIN.fullmatch(text):
        return [text]
    if count(text) > limit:
        raise SlurmError(f"hostlist {_shown(text)} names more than the {limit} nodes accepted")
    names: dict[str, None] = {}
    try:
        # One by one: ClusterShell takes minutes for a text with thousands of items such as r7n12.
        for item in _ITEM.findall(text):
            names.update(dict.fromkeys(NodeSet(item, resolver=RESOLVER_NOGROUP)) if "[" in item else {item: None})
    except NodeSetException as error:
        raise SlurmError(f"not a hostlist: {_shown(text)}; {error}") from error
    return sorted(names, key=_natural)


def count(text: str) -> int:
    """Return how many names a hostlist has, duplicates included, without expanding it.

    :raises SlurmError: when it is not a hostlist.
    """
    if not _HOSTLIST.fullmatch(text):
        raise SlurmError(f"not a hostlist: {_shown(text)}; write node names and ranges, as in node[1-3],gpu07")
    _refuse_uneven(text)
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
    _require_clustershell()
    ordered = sorted(set(names), key=_natural)
    # ClusterShell takes minutes to fold some thousand names over several numbers at once.
    groups = (NodeSet.fromlist(list(group), resolver=RESOLVER_NOGROUP) for _key, group in groupby(ordered, _prefix))
    return ordered, ",".join(map(str, groups))


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


def _prefix(name: str) -> list[str]:
    """Return the parts of a name before its last number."""
    return _NUMBER.split(name)[:-2]


def _refuse_uneven(text: str) -> None:
    """Refuse C(n9[8-11]), which ClusterShell reads as C(n[98-911]): other nodes, and many more."""
    for match in _BRACKETS.finditer(text):
        beside = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
        ranges = (part.partition("-") for part in match.group()[1:-1].split(","))
        if any(c.isdigit() for c in beside) and any(high and len(low) != len(high) for low, _dash, high in ranges):
            raise SlurmError(
                f"not a hostlist: {_shown(text)}; write whole numbers between the brackets, as in n[98-99,910-911]"
            )


def _size(item: str) -> int:
    size = 1
    for brackets in _BRACKETS.findall(item):
        size *= sum(_span(part) for part in brackets[1:-1].split(","))
    return size


def _span(part: str) -> int:
    low, _dash, high = part.partition("-")
    return max(1, int(high) - int(low) + 1) if high else 1


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _require_clustershell() -> None:
    if CLUSTERSHELL_ERROR:
        raise SlurmError(
            "the Python library ClusterShell is not installed for this Python: install the package "
            f"python3-clustershell, or ClusterShell with pip; {CLUSTERSHELL_ERROR.splitlines()[-1]}"
        )
