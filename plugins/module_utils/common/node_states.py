# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a node's state, as scontrol(1) shows them, and what sets of them mean."""

from __future__ import annotations

BASES = frozenset(("UNKNOWN", "DOWN", "IDLE", "ALLOCATED", "ERROR", "MIXED", "FUTURE"))
FLAGS = frozenset(
    (
        *("BLOCKED", "CLOUD", "COMPLETING", "DRAIN", "DYNAMIC_FUTURE", "DYNAMIC_NORM", "EXTERNAL", "FAIL"),
        *("INVALID_REG", "MAINTENANCE", "NOT_RESPONDING", "PLANNED", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP"),
        *("POWER_DOWN", "POWER_UP", "REBOOT_ISSUED", "REBOOT_REQUESTED", "RESERVED", "RESUME"),
    )
)

# Of a node that has a job, or has one that is not quite gone.
BUSY = frozenset(("ALLOCATED", "MIXED", "COMPLETING"))
# Of a node that is to be rebooted, or is not back from it.
REBOOTING = frozenset(("REBOOT_REQUESTED", "REBOOT_ISSUED"))
# Of a node that somebody, or slurmctld itself, has taken out of service.
OUT_OF_SERVICE = frozenset(("DOWN", "DRAIN", "FAIL"))
# Of a node that is not there because somebody wants it so; PLANNED, for a job, is another matter.
PLANNED_ABSENCE = REBOOTING | {"MAINTENANCE", "POWER_DOWN", "POWERING_DOWN", "POWERED_DOWN", "POWER_UP", "POWERING_UP"}
