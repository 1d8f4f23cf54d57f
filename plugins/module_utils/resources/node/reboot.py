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
            fields=("boot_time",),
            booted_after=after.epoch,
            next_state=params["next_state"].upper(),
        )

    def has_booted(self, node: Node) -> bool:
        return (node["boot_time"] or 0) > self.booted_after

    def is_reached(self, node: Node) -> bool:
        return self.has_booted(node) or super().is_reached(node)

    def apply(self, slurm: Slurm, names: list[str], reason: Optional[str]) -> None:
        slurm.reboot_nodes(hostlist.fold(names), reason or "", self.next_state)

    def wait(self, slurm: Slurm, names: list[str]) -> Wait:
        """Return the wait until the nodes have booted and respond."""

        def remaining() -> dict[str, Any]:
            loaded = slurm.nodes(("state", "reason", "boot_time"))
            nodes = {name: loaded[name] for name in names}
            left = {
                name: node for name, node in nodes.items() if not self.has_booted(node) or NOT_BACK & set(node["state"])
            }
            states = {name: node["state"] for name, node in left.items()}
            _expect_not_given_up({name: node for name, node in left.items() if not self.has_booted(node)}, states)
            return states

        return Wait(remaining, _timeout_error)


def _expect_not_given_up(nodes: dict[str, Node], states: dict[str, Any]) -> None:
    """Raise where slurmctld has given up on a reboot: after ResumeTimeout it appends that to the reason."""
    lost = [
        name
        for name, node in nodes.items()
        if not REBOOTING & set(node["state"]) and (node["reason"] or "").endswith("reboot timed out")
    ]
    if lost:
        raise SlurmError(
            f"{hostlist.fold(lost)} did not come back from the reboot, and Slurm does not wait any longer "
            f"({nodes[lost[0]]['reason']}): check their consoles and the log of slurmd",
            details={"not_back": states},
        )


def _timeout_error(remaining: dict[str, Any], waited: float) -> SlurmError:
    return SlurmError(
        f"after {waited:.0f} s {hostlist.fold(remaining)} did not come back from the reboot: check their consoles, or "
        "wait longer with wait_timeout",
        details={"not_back": remaining, "waited": round(waited, 1)},
    )
