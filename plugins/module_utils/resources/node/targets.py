# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states that a task can ask for: when a node is in one, the request for it, and the node after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Optional

from ...adapter.errors import ConflictError, SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.node_states import OUT_OF_SERVICE
from ...common.waiting import Wait
from .records import Node, select_again
from .waiting import wait_for_jobs


@dataclass(frozen=True)
class Target:
    """A state that a task can ask for.

    :param request: the state as scontrol(1) C(update nodename) takes it.
    :param reached_with: a node in this state has one of these flags.
    :param reached_without: a node in this state has none of these flags.
    :param adds: flags that the request adds, as slurmctld 26.05 does.
    :param drops: flags that it removes.
    :param base: the base state that it leads to, from any other; None: it stays.
    :param default_reason: the reason when the task gives none; None: the state has no reason.
    :param takes_out: whether it takes nodes out of service.
    :param resumes: whether it brings nodes back into service, wholly or in part.
    :param undoes_drain: whether Slurm ends a drain on the way to it, so that a node comes back into service.
    :param slurm_reason: the reason that slurmctld itself gives to a node that it drains on the way, and that has none.
    :param fields: attributes of a node that it reads besides the state.
    """

    request: str
    reached_with: frozenset[str] = frozenset()
    reached_without: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()
    base: Optional[str] = None
    default_reason: Optional[str] = None
    takes_out: bool = False
    resumes: bool = False
    undoes_drain: bool = False
    slurm_reason: Optional[str] = None
    fields: tuple[str, ...] = ()

    def is_reached(self, node: Node) -> bool:
        """Return whether a node is in this state."""
        flags = set(node["state"])
        return bool(flags & self.reached_with) if self.reached_with else not flags & self.reached_without

    def predict(self, flags: Iterable[str]) -> list[str]:
        """Return a node's state flags after the request, as slurmctld will have them.

        C(NOT_RESPONDING) and C(COMPLETING) change by themselves and are left as they are.
        """
        base, *others = flags
        if self.base == "DOWN" or (self.base and base == "DOWN"):
            base = self.base
        return [base, *sorted(set(others) - self.drops | self.adds)]

    def after(self, node: Node, reason: Optional[str], user: str) -> Node:
        """Return a node's state and reason after the request."""
        state = self.predict(node["state"])
        if reason:
            return {"state": state, "reason": reason, "reason_user": user}
        if "DOWN" in state:  # slurmctld keeps the reason of a node that is undrained and stays DOWN
            return {**node, "state": state}
        return {"state": state, "reason": None, "reason_user": None}

    def derived(self, node: Node) -> Node:
        """Return what a task returns of a node besides its attributes."""
        return {}

    def expect_possible(self, nodes: dict[str, Node]) -> None:
        """Refuse what Slurm refuses: to resume a node with less than slurm.conf says, until it registers anew.

        :param nodes: the nodes that are not in the state.
        """
        invalid = [name for name, node in nodes.items() if "INVALID_REG" in node["state"]]
        if invalid and self.resumes:
            reasons = list(dict.fromkeys(nodes[name]["reason"] or "no reason given" for name in invalid))
            shown = "; ".join([*reasons[:3], *(["..."] if len(reasons) > 3 else [])])
            raise SlurmError(
                f"{hostlist.fold(invalid)} registered with less than slurm.conf says ({shown}), and Slurm does not "
                "resume such a node: correct that and restart slurmd"
            )

    def apply(self, slurm: Slurm, names: list[str], reason: Optional[str]) -> None:
        """Send the request for nodes.

        Where a node cannot make the transition, because it was changed since it was read, the request fails, but
        Slurm changes the other nodes. When all are in the state now, that is no error.

        :raises ConflictError: when a node is not in the state; its C(changed) is whether others are in it now.
        """
        fields: dict[str, Any] = {"reason": reason} if reason else {}
        try:
            slurm.update_nodes(hostlist.fold(names), state=self.request, **fields)
        except SlurmError as error:
            if not isinstance(error, ConflictError) and error.name != "ESLURM_INVALID_NODE_NAME":
                raise
            nodes = slurm.nodes(("state",))
            reached = [name for name in names if name in nodes and self.is_reached(nodes[name])]
            try:
                select_again(nodes, names)  # which says more about a node that was deleted
                if len(reached) < len(names):
                    raise error
            except SlurmError as problem:
                problem.details["changed"] = bool(reached)
                raise

    def wait(self, slurm: Slurm, names: list[str]) -> Optional[Wait]:
        """Return the wait that O(wait) asks for: until no job is left on the nodes; None: there is none."""
        return wait_for_jobs(slurm, names) if self.takes_out else None


DOWN = Target(
    "DOWN",
    reached_with=frozenset(("DOWN",)),
    base="DOWN",
    default_reason="Ansible: Downed using hpc.slurm.slurm_node",
    takes_out=True,
)
DRAINED = Target(
    "DRAIN",
    reached_with=frozenset(("DRAIN",)),
    adds=frozenset(("DRAIN",)),
    drops=frozenset(("FAIL",)),
    default_reason="Ansible: Drained using hpc.slurm.slurm_node",
    takes_out=True,
)
FAILED = Target(
    "FAIL",
    reached_with=frozenset(("FAIL",)),
    adds=frozenset(("FAIL",)),
    drops=frozenset(("DRAIN",)),
    default_reason="Ansible: Failed using hpc.slurm.slurm_node",
    takes_out=True,
)
RESUMED = Target(
    "RESUME", reached_without=OUT_OF_SERVICE, drops=frozenset(("DRAIN", "FAIL")), base="IDLE", resumes=True
)
UNDRAINED = Target("UNDRAIN", reached_without=frozenset(("DRAIN",)), drops=frozenset(("DRAIN",)), resumes=True)
