# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state C(rebooted): reached by the time of the last boot, requested with C(scontrol reboot)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.node_states import REBOOTING
from ...common.times import moment
from ...common.waiting import Wait
from .records import Node
from .targets import Target
from .waiting import wait_for_nodes

# Flags of a node whose reboot is not finished.
NOT_BACK = REBOOTING | {"NOT_RESPONDING"}


@dataclass(frozen=True)
class Reboot(Target):
    """A reboot.

    :param booted_after: the time that the last boot must be later than, in seconds since the epoch.
    :param next_state: RESUME or DOWN, the state after the reboot.
    """

    booted_after: int = 0
    next_state: str = "RESUME"

    @classmethod
    def of(cls, params: dict[str, Any]) -> Reboot:
        """Return the target of a task with state=rebooted.

        :raises SlurmError: without a fixed time in C(booted_after).
        """
        if params["booted_after"] is None:
            raise SlurmError(
                "state=rebooted needs booted_after: a node that has booted since then is not rebooted again"
            )
        after = moment("booted_after", params["booted_after"])
        if after.epoch is None or after.relative:
            raise SlurmError("booted_after is a fixed time: with now, nodes would be rebooted on each run")
        return cls(
            "REBOOT",
            reached_with=REBOOTING,
            adds=frozenset(("DRAIN", "REBOOT_REQUESTED")),
            default_reason="Ansible: Rebooted using hpc.slurm.slurm_node",
            takes_out=True,
            undoes_drain=True,
            fields=("boot_time", "next_state"),
            booted_after=after.epoch,
            next_state=params["next_state"].upper(),
        )

    def has_booted(self, node: Node) -> bool:
        return (node["boot_time"] or 0) > self.booted_after

    def is_reached(self, node: Node) -> bool:
        return self.has_booted(node) or super().is_reached(node)

    def derived(self, node: Node) -> Node:
        return {"state_after_reboot": _after_reboot(node["state"], node["next_state"])}

    def after(self, node: Node, reason: Optional[str], user: str) -> Node:
        after = {**node, **super().after(node, reason, user), "next_state": self.next_state}
        return {**after, **self.derived(after)}

    def apply(self, slurm: Slurm, names: list[str], reason: Optional[str]) -> None:
        slurm.reboot_nodes(hostlist.fold(names), reason or "", self.next_state)

    def wait(self, slurm: Slurm, names: list[str]) -> Wait:
        """Return the wait until the nodes have booted and respond."""
        return wait_for_nodes(
            slurm,
            names,
            is_done=lambda node: self.has_booted(node) and not NOT_BACK & set(node["state"]),
            has_failed=lambda node: not self.has_booted(node) and _has_timed_out(node),
            problem="did not come back from the reboot",
            advice="check their consoles and the log of slurmd",
        )


def _has_timed_out(node: Node) -> bool:
    """Return whether slurmctld has given up on a reboot: after ResumeTimeout it appends that to the reason."""
    return not REBOOTING & set(node["state"]) and (node["reason"] or "").endswith("reboot timed out")


def _after_reboot(state: list[str], next_state: Optional[str]) -> Optional[list[str]]:
    """Return a node's state after the reboot that it waits for; None: it does not.

    A node registers as DOWN where that is its next state, and as IDLE otherwise. A next state ends a drain. FAIL stays.

    :param next_state: the next state as pyslurm has it; None: a reboot without one, of a node that was drained.
    """
    flags = set(state[1:])
    if not REBOOTING & flags:
        return None
    flags -= REBOOTING | ({"DRAIN"} if next_state else set())
    return ["DOWN" if next_state == "DOWN" else "IDLE", *sorted(flags)]
