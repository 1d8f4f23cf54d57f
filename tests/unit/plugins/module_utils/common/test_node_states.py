# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common import node_states


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("IDLE", None, False),
        ("DOWN+NOT_RESPONDING", "Not responding", False),
        ("IDLE+PLANNED", None, False),
        ("DOWN+MAINTENANCE+RESERVED", None, True),
        ("IDLE+DRAIN+REBOOT_REQUESTED", "Reboot ASAP", True),
        ("DOWN+REBOOT_ISSUED", "reboot issued", True),
        ("IDLE+POWERED_DOWN", "", True),
        ("DOWN+POWERED_DOWN", "ResumeTimeout reached [slurm@2026-11-23T10:00:00]", False),
        ("DOWN+MAINTENANCE", "new kernel : reboot issued : reboot timed out", False),
        ("DOWN+MAINTENANCE", "reboot timed out", False),
        ("DOWN+MAINTENANCE", "see why the reboot timed out", True),
    ],
)
def test_planned_absence(state: str, reason: Optional[str], expected: bool) -> None:
    assert node_states.planned_absence(state.split("+"), reason) is expected
