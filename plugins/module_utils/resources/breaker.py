# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module slurm_breaker: counts nodes that went down within a window, and opens when there are too many."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional

from ..adapter.errors import SlurmError
from ..adapter.slurm import Slurm
from ..common import hostlist
from ..common.availability import Limit, limit_of
from ..common.plan import Change, Plan
from ..common.state_file import StateFile

# Fewer nodes of a partition are no storm, whatever their percentage: partitions of one node are common.
LEAST = 5

Fall = tuple[float, str]


class Breaker(NamedTuple):
    """What the file has.

    :param fell: when nodes went down, each time with a hostlist.
    :param since: when it opened; None while it is closed.
    :param why: why it opened.
    """

    fell: tuple[Fall, ...] = ()
    since: Optional[float] = None
    why: Optional[str] = None

    @classmethod
    def of(cls, content: Optional[Mapping[str, Any]]) -> Breaker:
        """Return the breaker of a file's content.

        :raises SlurmError: unless it was written by L(content).
        """
        try:
            given = content or {}
            fell = tuple((float(when), str(nodes)) for when, nodes in given.get("fell", ()))
            return cls(fell, given.get("since"), given.get("why"))
        except (TypeError, ValueError) as error:
            raise SlurmError(
                f"the file of the breaker has something unknown: {error}; remove it to begin anew"
            ) from None

    def content(self) -> dict[str, Any]:
        return {"fell": [list(fall) for fall in self.fell], "since": self.since, "why": self.why}

    def names(self) -> set[str]:
        """Return the nodes that went down."""
        return {name for _when, nodes in self.fell for name in hostlist.expand(nodes)}

    def with_fallen(self, names: Iterable[str], now: float, window: float) -> Breaker:
        """Return the breaker after nodes went down; what is older than the window is forgotten."""
        recent = tuple(fall for fall in self.fell if now - window < fall[0] <= now)
        nodes = hostlist.fold(set(names))
        return self._replace(fell=(*recent, (now, nodes)) if nodes else recent)


def too_many(
    names: set[str], partitions: Mapping[str, set[str]], most: Optional[int], partition_limit: Optional[Limit]
) -> Optional[str]:
    """Return why so many nodes went down that the breaker opens, or None.

    :param partitions: the nodes of each partition.
    :param most: how many nodes may go down.
    :param partition_limit: how many of a partition may, by its size.
    """
    if most is not None and len(names) > most:
        return f"{len(names)} nodes went down, {most} are allowed"
    for partition, members in sorted(partitions.items()):
        size, down = len(members), len(members & names)
        if partition_limit is not None and down > partition_limit(size):
            allowed = partition_limit(size)
            return f"{down} of {size} nodes of partition {partition} went down, {allowed} are allowed"
    return None


def plan_breaker(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_breaker."""
    file = StateFile(params["path"])
    before = file.read()
    present = Breaker.of(before)
    if params["state"] == "closed":
        after = Breaker() if present.since is not None or present.fell else present
    else:
        after = _counted(slurm, params, present)
    result = _result(present, after)
    if after == present:
        return Plan(result)
    changes = [
        Change("breaker", field, getattr(present, field), getattr(after, field))
        for field in Breaker._fields
        if getattr(present, field) != getattr(after, field)
    ]
    return Plan(result, changes, [lambda: file.write(after.content(), before)])


def _counted(slurm: Slurm, params: dict[str, Any], present: Breaker) -> Breaker:
    names = hostlist.from_option(params["nodes"] or ())
    most, partition_limit = params["max_nodes"], _partition_limit(params["max_partition"])
    if not names:
        return present
    now = time.time()
    after = present.with_fallen(names, now, params["window"])
    if after.since is not None:
        return after
    partitions: dict[str, set[str]] = {}
    for name, node in slurm.nodes(["partitions"]).items():
        for partition in node["partitions"]:
            partitions.setdefault(partition, set()).add(name)
    why = too_many(after.names(), partitions, most, partition_limit)
    return after if why is None else after._replace(since=now, why=f"{why} within {params['window']} s")


def _partition_limit(text: Optional[str]) -> Optional[Limit]:
    """Return the limit of a partition: with a percentage, at least so many nodes that it takes LEAST to exceed it."""
    if not text:
        return None
    limit = limit_of(text, "max_partition")
    return (lambda size: max(limit(size), LEAST - 1)) if text.strip().endswith("%") else limit


def _result(present: Breaker, after: Breaker) -> dict[str, Any]:
    return {
        "open": after.since is not None,
        "opened": after.since is not None and present.since is None,
        "since": None if after.since is None else int(after.since),
        "why": after.why,
        "nodes": hostlist.fold(after.names()),
    }
