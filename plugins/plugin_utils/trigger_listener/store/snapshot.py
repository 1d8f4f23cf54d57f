# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots: the nodes that are out of service at one time, and the triggers that are set."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional


class Group(NamedTuple):
    """Nodes that are out of service with the same state and reason.

    C(since) is when the reason was given, by the listener's clock; C(by_slurmctld) is whether slurmctld itself took
    them out of service; C(reaction) is the event of the reaction that drained them, if one did; C(details) are keys for
    the events.
    """

    nodes: list[str]
    flags: frozenset[str]
    reason: str
    since: float
    by_slurmctld: bool
    details: dict[str, Any]
    reaction: Optional[str] = None


class Snapshot(NamedTuple):
    """A snapshot. C(read_at) is when Slurm was read, by the listener's clock; C(total) counts all nodes; C(settings) is
    how the reactions are set, or None when the snapshot does not tell.
    """

    read_at: float
    total: int
    groups: list[Group]
    triggers: list[dict[str, Any]]
    settings: Optional[list[dict[str, Any]]] = None
