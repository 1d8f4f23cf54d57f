# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base states and flags of a node, as scontrol(1) shows them, and what sets of them mean."""

from __future__ import annotations

BASES = frozenset(("UNKNOWN", "DOWN", "IDLE", "ALLOCATED", "ERROR", "MIXED", "FUTURE"))
FLAGS = frozenset(
    (
        *("BLOCKED", "CLOUD", "COMPLETING", "DRAIN", "DYNAMIC_FUTURE", "DYNAMIC_NORM", "EXTERNAL", "FAIL"),
        *("INVALID_REG", "MAINTENANCE", "NOT_RESPONDING", "PLANNED", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP"),
        *("POWER_DOWN", "POWER_UP", "REBOOT_ISSUED", "REBOOT_REQUESTED", "RESERVED", "RESUME"),
    )
)

# A node with one of these has a job, or a job that is completing.
BUSY = frozenset(("ALLOCATED", "MIXED", "COMPLETING"))
# A node with one of these has a reboot pending or running.
REBOOTING = frozenset(("REBOOT_REQUESTED", "REBOOT_ISSUED"))
# A node with one of these is to be powered down, or is being powered down; powered up.
POWERING_DOWN = frozenset(("POWER_DOWN", "POWERING_DOWN"))
POWERING_UP = frozenset(("POWER_UP", "POWERING_UP"))
# A node with one of these is out of service.
OUT_OF_SERVICE = frozenset(("DOWN", "DRAIN", "FAIL"))
# A node with one of these is in a planned absence. (PLANNED is for a job that the backfill scheduler plans.)
PLANNED_ABSENCE = REBOOTING | POWERING_DOWN | POWERING_UP | {"MAINTENANCE", "POWERED_DOWN"}
