# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states C(powered_down) and C(powered_up), with the SuspendProgram and ResumeProgram of slurm.conf(5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.node_states import BUSY, POWERING_DOWN, POWERING_UP, REBOOTING
from ...common.waiting import Wait
from .records import Node
from .targets import Target
from .waiting import wait_for_nodes

# The choices of the option power_down_mode, each with its request as scontrol(1) C(update nodename) takes it.
POWER_DOWN_MODES = {"idle": "POWER_DOWN", "asap": "POWER_DOWN_ASAP", "force": "POWER_DOWN_FORCE"}
# Flags of a node that does not answer, or not for long.
_NOT_UP = POWERING_DOWN | POWERING_UP | {"POWERED_DOWN", "NOT_RESPONDING"}


@dataclass(frozen=True)
class PowerDown(Target):
    """Powered down, or requested to be."""

    @classmethod
    def of(cls, params: dict[str, Any]) -> PowerDown:
        request = POWER_DOWN_MODES[params["power_down_mode"]]
        return cls(
            request,
            adds=frozenset(("POWER_DOWN", "DRAIN") if request == "POWER_DOWN_ASAP" else ("POWER_DOWN",)),
            drops=REBOOTING | (POWERING_UP if request == "POWER_DOWN_FORCE" else set()),
            undoes_drain=True,
            slurm_reason="POWER_DOWN_ASAP",
        )

    def is_reached(self, node: Node) -> bool:
        flags = set(node["state"])
        if {"POWERED_DOWN", "POWERING_DOWN"} & flags and not flags & POWERING_UP:
            return True
        # Without a job on it, a node is powered down soon after each kind of request.
        return self.adds <= flags and not (self.request == "POWER_DOWN_FORCE" and flags & BUSY)

    def predict(self, flags: Iterable[str]) -> list[str]:
        state = super().predict(flags)
        return ["IDLE", *state[1:]] if self.request == "POWER_DOWN_FORCE" and state[0] in BUSY else state

    def after(self, node: Node, reason: Optional[str], user: str) -> Node:
        """Return a node after the request: slurmctld gives a reason to a node that it drains and that has none."""
        drains = "DRAIN" in self.adds and not node["reason"]
        given = {"reason": self.slurm_reason, "reason_user": None} if drains else {}
        return {**node, "state": self.predict(node["state"]), **given}

    def wait(self, slurm: Slurm, names: list[str]) -> Wait:
        """Return the wait until the nodes are powered down."""
        return wait_for_nodes(
            slurm,
            names,
            is_done=lambda node: "POWERED_DOWN" in node["state"] and not POWERING_DOWN & set(node["state"]),
            problem="did not power down",
            advice="check whether jobs run on them, and the log of SuspendProgram",
        )


@dataclass(frozen=True)
class PowerUp(Target):
    """Powered up, or requested to be."""

    @classmethod
    def of(cls, _params: dict[str, Any]) -> PowerUp:
        return cls("POWER_UP", adds=frozenset(("POWER_UP",)))

    def is_reached(self, node: Node) -> bool:
        flags = set(node["state"])
        return not flags & POWERING_DOWN and (not flags & {"POWERED_DOWN"} or bool(flags & POWERING_UP))

    def after(self, node: Node, reason: Optional[str], user: str) -> Node:
        return {**node, "state": self.predict(node["state"])}

    def expect_possible(self, nodes: dict[str, Node]) -> None:
        """Refuse what Slurm ignores: to power up a node that is being powered down."""
        names = [name for name, node in nodes.items() if POWERING_DOWN & set(node["state"])]
        if names:
            raise SlurmError(
                f"{hostlist.fold(names)} is being powered down, and Slurm ignores a request to power it up until that "
                "is done: run the task again then; nothing was changed"
            )

    def wait(self, slurm: Slurm, names: list[str]) -> Wait:
        """Return the wait until the nodes are up and respond."""
        return wait_for_nodes(
            slurm,
            names,
            is_done=lambda node: not _NOT_UP & set(node["state"]),
            has_failed=_has_timed_out,
            problem="did not power up",
            advice="check their consoles and the log of ResumeProgram",
        )


def _has_timed_out(node: Node) -> bool:
    """Return whether slurmctld has given up on a node, after ResumeTimeout."""
    return "DOWN" in node["state"] and (node["reason"] or "").endswith("ResumeTimeout reached")
