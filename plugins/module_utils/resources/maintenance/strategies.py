# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How nodes are held for a maintenance, and returned: the strategies."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime

from ...adapter.errors import ConflictError, SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.times import INFINITE_MINUTES, MINUTE
from .identity import Identity
from .schedule import Wish
from .situation import NodeView

ROLLING, DRAIN, WINDOW = "rolling", "drain", "window"
# Slurm refuses to reserve a node for a time in which a job runs on it: a job has begun since the jobs were read.
BUSY_ERRORS = ("ESLURM_NODES_BUSY", "ESLURM_RESERVATION_OVERLAP", "ESLURM_RESERVATION_BUSY")
# Seconds by which a reservation may begin too late before it is moved.
TOLERANCE = 30


class Strategy:
    """Holds nodes.

    :param comment: more of the reservations' comment.
    """

    def __init__(self, slurm: Slurm, identity: Identity, comment: str) -> None:
        self._slurm, self._identity, self._comment = slurm, identity, identity.text(comment)

    def hold(self, nodes: Mapping[str, NodeView], wishes: Mapping[str, Wish], now: int) -> None:
        """Hold these nodes, and no others."""
        raise NotImplementedError

    def is_ready(self, node: NodeView, now: int) -> bool:
        """Tell whether a node can be worked on: it is held, and no job is on it."""
        return node.is_free and node.hold is not None and node.hold.start <= now

    def give_back(self, nodes: Mapping[str, NodeView], names: Iterable[str]) -> None:
        """Hold nodes no longer."""
        raise NotImplementedError

    def _undrain(self, nodes: Mapping[str, NodeView], names: Iterable[str]) -> None:
        if drained := [name for name in names if nodes[name].drained]:
            self._slurm.update_nodes(hostlist.fold(drained), state="RESUME")

    def _reserve(self, name: str, nodes: str, wish: Wish, duration: str) -> None:
        fields = {"nodes": nodes, "starttime": _moment(wish.start), "duration": duration, "users": "root"}
        flags = "MAINT,IGNORE_JOBS" if wish.ignores_jobs else "MAINT"
        self._slurm.create_reservation(name, {**fields, "flags": flags, "comment": self._comment})


class Rolling(Strategy):
    """A reservation for each node, that begins when its last job ends."""

    def hold(self, nodes: Mapping[str, NodeView], wishes: Mapping[str, Wish], now: int) -> None:
        # First what makes room.
        for name, node in nodes.items():
            if node.hold and name not in wishes:
                self._slurm.delete_reservation(node.hold.name)
        for name, wished in wishes.items():
            try:
                self._hold_one(name, nodes[name], wished, now)
            except SlurmError as error:
                # It is looked at again in some seconds.
                if error.name not in BUSY_ERRORS and not isinstance(error, ConflictError):
                    raise

    def _hold_one(self, name: str, node: NodeView, wished: Wish, now: int) -> None:
        if node.hold and node.hold.start > now and node.hold.ignores_jobs and not wished.ignores_jobs:
            # Slurm cannot take the flag away. It would begin although a job runs.
            self._slurm.delete_reservation(node.hold.name)
        elif node.hold:
            if node.hold.start > now and (wished.start <= now or abs(node.hold.start - wished.start) > TOLERANCE):
                moved = {"starttime": _moment(wished.start), "duration": str(INFINITE_MINUTES)}
                self._slurm.update_reservation(node.hold.name, moved)
            return
        self._reserve(self._identity.reservation(name), name, wished, str(INFINITE_MINUTES))

    def give_back(self, nodes: Mapping[str, NodeView], names: Iterable[str]) -> None:
        given = list(names)
        self._undrain(nodes, given)
        for name in given:
            if hold := nodes[name].hold:
                self._slurm.delete_reservation(hold.name)


class Drain(Strategy):
    """Nodes are drained at once, and worked on when their last job has ended."""

    def hold(self, nodes: Mapping[str, NodeView], wishes: Mapping[str, Wish], now: int) -> None:
        self._undrain(nodes, [name for name, node in nodes.items() if node.drained and name not in wishes])
        if new := [name for name in wishes if not nodes[name].drained]:
            self._slurm.update_nodes(hostlist.fold(new), state="DRAIN", reason=self._comment)

    def is_ready(self, node: NodeView, now: int) -> bool:
        return node.is_free and node.drained

    def give_back(self, nodes: Mapping[str, NodeView], names: Iterable[str]) -> None:
        self._undrain(nodes, names)


class Window(Strategy):
    """One reservation for all nodes, which they leave when they are done."""

    def reserve(self, nodes: Mapping[str, NodeView], names: Iterable[str], start: int, minutes: int) -> None:
        """Make the reservation, or add nodes to it."""
        wanted = list(names)
        missing = [name for name in wanted if nodes[name].hold is None]
        if missing and len(missing) < len(wanted):
            self._slurm.update_reservation(self._identity.name, {"nodes+": hostlist.fold(missing)})
        elif missing:
            # A job without a time limit ends some day. It must not keep all other nodes from being reserved.
            wish = Wish(start, ignores_jobs=True)
            self._reserve(self._identity.name, hostlist.fold(missing), wish, str(minutes))

    def hold(self, nodes: Mapping[str, NodeView], wishes: Mapping[str, Wish], now: int) -> None:
        """Have the reservation last: what is not done at its end stays reserved, also if the run is killed."""
        holds = [node.hold for node in nodes.values() if node.hold]
        if any(hold.start <= now and hold.end - hold.start < INFINITE_MINUTES * MINUTE for hold in holds):
            self._slurm.update_reservation(self._identity.name, {"duration": str(INFINITE_MINUTES)})

    def give_back(self, nodes: Mapping[str, NodeView], names: Iterable[str]) -> None:
        leaving = [name for name in names if nodes[name].hold]
        self._undrain(nodes, leaving)
        kept = {name for name, node in nodes.items() if node.hold} - set(leaving)
        if leaving and kept:
            self._slurm.update_reservation(self._identity.name, {"nodes-": hostlist.fold(leaving)})
        elif leaving:
            self._slurm.delete_reservation(self._identity.name)


STRATEGIES: dict[str, type[Strategy]] = {ROLLING: Rolling, DRAIN: Drain, WINDOW: Window}


def _moment(epoch: int) -> str:
    """Return a time as scontrol takes it, in this host's time zone, which must be the controller's."""
    if epoch <= time.time():
        return "now"
    return datetime.fromtimestamp(epoch).strftime("%Y-%m-%dT%H:%M:%S")
