# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who keeps a node out of service: nodes as real controllers showed them, and texts from their sources.

What the lab's release makes of a situation is tried in tests/integration/test_reasons.py.
"""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common.reasons import continues, held_by, planned_absence

EVENT = "5f0c0e5c-0000-4000-8000-000000000000"
OURS = f"hpc.slurm.node_down {EVENT}"
GPU = "gres/gpu count reported lower than configured (3 < 4)"
MEMORY = "Low RealMemory (reported:23950 < 100.00% of configured:99999999)"

# What happened; the state, the reason and its user; who keeps the node out of service.
CASES: list[tuple[str, str, Optional[str], Optional[str], Optional[str]]] = [
    # In service.
    ("nothing", "IDLE", None, None, None),
    ("it was resumed, up to 25.11 without accounting storage", "IDLE", "fan", "root", None),
    ("it does not respond, for less than SlurmdTimeout", "IDLE+NOT_RESPONDING", None, None, None),
    # slurmctld.
    ("its slurmd died", "DOWN+NOT_RESPONDING", "Not responding", "slurm", "slurmctld"),
    ("it was resumed and kept its reason, its slurmd died", "DOWN", "fan : Not responding", "slurm", "slurmctld"),
    ("the same, and ours was kept", "DOWN", f"hpc.slurm.node_down {EVENT} : Not responding", "slurm", "slurmctld"),
    ("it booted by itself", "DOWN", "Node unexpectedly rebooted", "slurm", "slurmctld"),
    ("it did not start", "DOWN+POWERED_DOWN", "ResumeTimeout reached", "slurm", "slurmctld"),
    ("a reboot", "DOWN", "reboot requested : reboot issued : reboot timed out", "slurm", "slurmctld"),
    ("a reboot with a reason", "DOWN", "new kernel : reboot issued : reboot timed out", "slurm", "slurmctld"),
    ("a reboot of a node set down", "DOWN", "fan : reboot issued : reboot timed out", "slurm", "slurmctld"),
    ("a reboot asap", "DOWN+DRAIN", "Reboot ASAP : reboot issued : reboot timed out", "slurm", "slurmctld"),
    (
        "a reboot within a maintenance",
        "DOWN+MAINTENANCE+RESERVED",
        "new kernel : reboot issued : reboot timed out",
        "slurm",
        "slurmctld",
    ),
    ("its epilog failed", "IDLE+DRAIN", "Epilog error", "slurm", "slurmctld"),
    ("its prolog failed", "IDLE+DRAIN", "Prolog error", "slurm", "slurmctld"),
    ("its prolog failed, in an agent", "IDLE+DRAIN", "Prolog/Epilog failure", "slurm", "slurmctld"),
    ("its prolog failed, its slurmd died", "DOWN+DRAIN", "Prolog error : Not responding", "slurm", "slurmctld"),
    ("a batch job could not be started", "IDLE+DRAIN", "batch job complete failure", "slurm", "slurmctld"),
    ("its epilog failed, it was undrained and booted", "DOWN", "Epilog error", "slurm", "slurmctld"),
    # Our reactions.
    ("a reaction", "IDLE+DRAIN", f"hpc.slurm.node_down {EVENT}", "root", "ours"),
    ("a reaction by hand, of a node still silent", "DOWN+DRAIN", "hpc.slurm.node_down by hand", "root", "ours"),
    ("a reaction that failed", "IDLE+DRAIN", f"hpc.slurm.node_down {EVENT}: 'Turn it on' failed", "root", "ours"),
    ("a reaction, its slurmd died", "DOWN+DRAIN", f"hpc.slurm.node_down {EVENT} : Not responding", "slurm", "ours"),
    ("a reaction by hand that held it", "IDLE+DRAIN", "hpc.slurm.node_down by hand: no repair tasks", "root", "ours"),
    ("the last retry", "IDLE+DRAIN", f"{OURS}: 'Turn it on' failed, no retries left today", "root", "ours"),
    ("it was not reached", "DOWN+DRAIN", f"{OURS}: host not reached : Not responding", "slurm", "ours"),
    ("it flaps", "IDLE+DRAIN", f"{OURS}: down 4 times within an hour", "root", "ours"),
    # People.
    ("drained", "IDLE+DRAIN", "fan 3 dead", "root", "person"),
    ("our words with more", "IDLE+DRAIN", f"{OURS}: no repair tasks, JD has it", "root", "person"),
    ("other words", "IDLE+DRAIN", f"{OURS}: JD has it", "root", "person"),
    ("our words alone", "IDLE+DRAIN", "no repair tasks", "root", "person"),
    ("drained as SlurmUser", "IDLE+DRAIN", "fan 3 dead", "slurm", "person"),
    ("drained, its slurmd died", "DOWN+DRAIN", "fan 3 dead : Not responding", "slurm", "person"),
    (
        "drained in words of Slurm, its slurmd died",
        "DOWN+DRAIN",
        "Kill task failed, stuck NFS, JD is looking at it : Not responding",
        "slurm",
        "person",
    ),
    ("set down as SlurmUser in words of Slurm", "DOWN", "Not responding, JD has it", "slurm", "person"),
    ("set down as SlurmUser in words of Slurm", "DOWN", "JD: Not responding", "slurm", "person"),
    ("drained, rebooted", "DOWN+DRAIN", "bad DIMM : reboot issued : reboot timed out", "slurm", "person"),
    ("rebooted asap with a reason", "DOWN+DRAIN", "new kernel : reboot issued : reboot timed out", "slurm", "person"),
    ("rebooted to be down", "DOWN", "reboot requested : reboot issued : reboot complete", "slurm", "person"),
    ("set down", "DOWN", "fan 3 dead", "root", "person"),
    ("set down, its slurmd died", "DOWN+NOT_RESPONDING", "fan 3 dead", "root", "person"),
    ("set down in words of Slurm", "DOWN", "Not responding", "root", "person"),
    ("set down in slurm.conf", "DOWN", "Set in slurm.conf", "slurm", "person"),
    ("drained, did not start, which ends the drain", "DOWN", "fan : ResumeTimeout reached", "slurm", "person"),
    ("failed", "IDLE+FAIL", "fan 3 dead", "root", "person"),
    ("failed, its slurmd died", "DOWN+FAIL", "Not responding", "slurm", "person"),
    ("powered down asap, and up", "IDLE+DRAIN", "POWER_DOWN_ASAP", "root", "person"),
    ("our reason with more", "IDLE+DRAIN", f"hpc.slurm.node_down {EVENT}, JD has it", "root", "person"),
    ("our reason with more", "IDLE+DRAIN", "hpc.slurm.node_down by hand: 'a' failed, not 'b' failed", "root", "person"),
    ("drained by a task", "IDLE+DRAIN", "Ansible: Drained using hpc.slurm.slurm_node", "root", "person"),
    # By plan.
    ("in maintenance", "IDLE+MAINTENANCE+RESERVED", None, None, "planned"),
    ("in maintenance, its slurmd died", "DOWN+MAINTENANCE+RESERVED", "Not responding", "slurm", "planned"),
    ("in maintenance and drained", "IDLE+DRAIN+MAINTENANCE+RESERVED", "fan 3 dead", "root", "planned"),
    ("a reboot to come", "MIXED+DRAIN+REBOOT_REQUESTED", "Reboot ASAP", "root", "planned"),
    ("a reboot under way", "DOWN+DRAIN+REBOOT_ISSUED", "Reboot ASAP : reboot issued", "slurm", "planned"),
    (
        "another reboot, after one in vain: Slurm appends a text once",
        "DOWN+REBOOT_ISSUED",
        "new kernel : reboot issued : reboot timed out",
        "slurm",
        "planned",
    ),
    ("powered down", "IDLE+POWERED_DOWN", None, None, "planned"),
    ("powering up", "IDLE+NOT_RESPONDING+POWERING_UP", None, None, "planned"),
    # Not known: the person's reason may have been there before, or Slurm's alone.
    ("drained without a reason", "IDLE+DRAIN", None, None, "unknown"),
    ("drained without a reason, its slurmd died", "DOWN+DRAIN", "Not responding", "slurm", "unknown"),
    ("drained without a reason, it booted", "DOWN+DRAIN", "Node unexpectedly rebooted", "slurm", "unknown"),
    ("down without a reason", "DOWN", None, None, "unknown"),
    ("it registered with less memory", "IDLE+DRAIN+INVALID_REG", MEMORY, "slurm", "unknown"),
    ("the same, and it was down", "DOWN+INVALID_REG", f"{MEMORY}, Low TmpDisk", "slurm", "unknown"),
    ("a GPU is gone", "IDLE+DRAIN+INVALID_REG", GPU, "slurm", "unknown"),
    ("a job could not be killed", "IDLE+DRAIN", "Kill task failed (JobId=7 StepId=batch)", "root", "unknown"),
    ("the same on 24.11, its slurmd died", "DOWN+DRAIN", "Kill task failed : Not responding", "slurm", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "state", "reason", "user", "holder"), CASES, ids=str)
def test_who_keeps_a_node_out_of_service(
    what: str, state: str, reason: Optional[str], user: Optional[str], holder: Optional[str]
) -> None:
    assert held_by(state.split("+"), reason, user, "slurm") == holder, what


def test_slurm_user_is_that_of_the_configuration() -> None:
    assert held_by(["DOWN"], "Not responding", "hpc", "hpc") == "slurmctld"
    assert held_by(["DOWN"], "Not responding", "slurm", "hpc") == "person"


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
        ("DOWN+POWERED_DOWN", "ResumeTimeout reached", False),
        ("DOWN+POWERED_DOWN", "fan : ResumeTimeout reached", False),
        ("DOWN+MAINTENANCE", "new kernel : reboot issued : reboot timed out", False),
        ("DOWN+MAINTENANCE", "reboot timed out", False),
        ("DOWN+MAINTENANCE", "see why the reboot timed out", True),
        ("DOWN+MAINTENANCE", "why reboot timed out", True),
        # It was resumed after that, and kept its reason.
        ("DOWN+MAINTENANCE", "reboot requested : reboot issued : reboot timed out : Not responding", True),
        # Another attempt is under way. Slurm does not append a text twice.
        ("DOWN+REBOOT_ISSUED", "reboot requested : reboot issued : reboot timed out", True),
        ("DOWN+NOT_RESPONDING+POWERING_UP", "ResumeTimeout reached", True),
        ("DOWN+POWER_UP+POWERED_DOWN", "ResumeTimeout reached", True),
        ("IDLE+DRAIN", None, False),
        ("IDLE+RESERVED", None, False),
    ],
)
def test_an_absence_by_plan(state: str, reason: Optional[str], expected: bool) -> None:
    assert planned_absence(state.split("+"), reason) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fan (3)", True),
        ("fan (3) : reboot issued : reboot timed out", True),
        ("fan (3) : Not responding", True),
        ("fan (3) : do not touch", False),
        ("a fan (3)", False),
        ("fan (33)", False),
        ("", False),
    ],
)
def test_a_reason_with_what_slurmctld_appends(text: str, expected: bool) -> None:
    assert continues("fan (3)", text) is expected
