# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who keeps a node out of service: a person, slurmctld itself, or a reaction of ours.

A reason's user proves nothing: slurmctld appends texts of its own to any reason (set_node_reason() in its node_mgr.c)
and puts SlurmUser in the place of the person. Nor do the first or the last words prove anything: people write the same.
So the state's flags and the whole reason decide together, by the texts below, which are those of slurmctld and slurmd
of the releases 24.11 to 26.05, word for word:

- Only a node that is not DOWN is set DOWN for being silent. So a node that is DOWN and not drained was in service until
  slurmctld appended C(Not responding), whatever was in the reason before: Slurm up to 25.11 keeps the reason of a node
  that was resumed, where there is no accounting storage.
- C(scontrol reboot) takes a DOWN away and keeps a drain. So a node that did not come back from a reboot, and is not
  drained, was to be in service.
- slurmctld drains only a node that is not drained already, and then writes its reason only where there was none. So a
  drain belongs to the text at the beginning of the reason.
- Some texts replace any reason. A person's is lost behind them, and who took the node out of service is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Optional

from .node_states import OUT_OF_SERVICE, PLANNED_ABSENCE

SLURMCTLD = "slurmctld"
OURS = "ours"
PERSON = "person"
PLANNED = "planned"
UNKNOWN = "unknown"

_NOT_RESPONDING = "Not responding"
_RESUME_TIMEOUT = "ResumeTimeout reached"
_REBOOT_TIMEOUT = "reboot timed out"

# What slurmctld appends, with " : ", or writes where there is no reason. "reboot complete" is not among these: it is
# of a node that a person wanted to be DOWN after the reboot.
_APPENDED = (_NOT_RESPONDING, _RESUME_TIMEOUT, _REBOOT_TIMEOUT, "reboot issued")
# With what it sets a node DOWN.
_DOWN = (_NOT_RESPONDING, _RESUME_TIMEOUT, _REBOOT_TIMEOUT, "Node unexpectedly rebooted")
# With what it drains a node that is not drained yet. "Reboot ASAP" drains it for a reboot.
_DRAINED = (
    *("Prolog error", "Epilog error", "Prolog/Epilog failure", "Job env setup error", "Duplicate jobid"),
    *("batch job complete failure", "Bad core count", "Reboot ASAP"),
)
# What replaces any reason, as regular expressions. First what slurmctld writes when a node registers with less than
# slurm.conf says, then what slurmd and slurmstepd write, which update their node as an administrator does.
_REPLACING = (
    *(r"Low RealMemory \(reported:\d+ < [\d.]+% of configured:\d+\)", "Low CPUs", "Low TmpDisk", "CoreSpec differ"),
    *(r"Low socket\*core\*thread count", "Could not unpack gres data", "Failed to parse dynamic_conf nodeline"),
    *(r"\S+ count (?:too low|reported lower than configured) \(\d+ < \d+\)", "Failed to set topology '[^']*'"),
    *(r"\S+ type \(\S+\) reported but not configured", r"\S+ type changed and jobs are using them"),
    *(r"\S+ count changed and jobs are using them \(\d+ != \d+\)", r"Invalid GRES Links value \(.*"),
    *(r"\S+ GRES (?:autodetected core affinity|core specification) .*", "RestrictedCoresPerGPU[=:] ?.*"),
    r"Reported active features \(.*\) are not a superset of currently active changeable features \(.*\)",
    *(r"(?:Kill task failed|Job step not running)(?: \(JobId=\d+ \S+\))?", "SlurmdSpoolDir is full"),
    *("switch_g_job_postfini failed", r"Cannot collect energy data\.", r"Failed to set node feature\(s\): '[^']*'"),
)
# Why a reaction leaves a node drained, in the few words that it adds to its reason. With any other words behind it, the
# reason is a person's.
FLAPPING = "down 4 times within an hour"
NO_HOST = "not in the inventory"
NO_TASKS = "no repair tasks"
BUSY = "jobs still on it"
BREAKER = "circuit breaker open"
UNREACHABLE = "host not reached"


def _any(texts: Iterable[str]) -> str:
    return f"(?:{'|'.join(texts)})"


# What playbooks/node_down.yml writes.
_EVENT = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|by hand)"
_WHY = _any((FLAPPING, NO_HOST, NO_TASKS, BUSY, BREAKER, UNREACHABLE, r"'[^'\n]*' failed"))
_REACTION = rf"hpc\.slurm\.node_down {_EVENT}(?:: {_WHY}(?:, no retries left today)?)?"
_TAIL = f"(?: : {_any(_APPENDED)})*"
_KNOWN = re.compile(f"{_any({*_DOWN, *_DRAINED, *_APPENDED})}{_TAIL}")
_FOUND_DOWN = re.compile(f".* : {_any((_NOT_RESPONDING, _REBOOT_TIMEOUT))}", re.DOTALL)
_BEGINS_DRAINED = re.compile(f"{_any(_DRAINED)}{_TAIL}")
_REACTED = re.compile(f"{_REACTION}{_TAIL}")
_REPLACED = re.compile(f"{_any(_REPLACING)}(?:, {_any(_REPLACING)})*{_TAIL}")


def held_by(state: Iterable[str], reason: Optional[str], user: Optional[str], slurm_user: str) -> Optional[str]:
    """Return what keeps a node as it is: C(planned), or what L(out_of_service_by) returns."""
    flags = frozenset(state)
    return PLANNED if planned_absence(flags, reason) else out_of_service_by(flags, reason, user, slurm_user)


def out_of_service_by(
    state: Iterable[str], reason: Optional[str], user: Optional[str], slurm_user: str
) -> Optional[str]:
    """Return who took a node out of service: C(slurmctld), C(ours), C(person), or C(unknown); None: it is in service.

    What a person did, or somebody unknown, is not undone.

    :param state: the base state and the flags of the node.
    :param user: the reason's user.
    :param slurm_user: SlurmUser of slurm.conf.
    """
    flags, text = OUT_OF_SERVICE & set(state), reason or ""
    if not flags:
        return None
    if "FAIL" in flags:  # neither slurmctld nor a reaction sets it
        return PERSON
    if user == slurm_user and _is_of_slurmctld(flags, text):
        return SLURMCTLD
    if _REACTED.fullmatch(text):
        return OURS
    # Slurm demands no reason for a drain, and then writes its own.
    if not text or _REPLACED.fullmatch(text) or (user == slurm_user and _KNOWN.fullmatch(text)):
        return UNKNOWN
    return PERSON


def _is_of_slurmctld(flags: frozenset[str], text: str) -> bool:
    if "DRAIN" in flags:
        return bool(_BEGINS_DRAINED.fullmatch(text))
    return bool(_KNOWN.fullmatch(text) or _FOUND_DOWN.fullmatch(text))


def planned_absence(state: Iterable[str], reason: Optional[str]) -> bool:
    """Tell whether a node is in maintenance, rebooting or powered down, and nothing went wrong with that."""
    flags = PLANNED_ABSENCE & set(state)
    # With these slurmctld gives up a reboot or a start: it takes away the flags that say so, and leaves those here.
    last = (reason or "").split(" : ")[-1]
    given_up = last in (_REBOOT_TIMEOUT, _RESUME_TIMEOUT) and flags <= {"MAINTENANCE", "POWERED_DOWN"}
    return bool(flags) and not given_up


def continues(reason: str, text: str) -> bool:
    """Return whether a node's reason is this one, or this one with what slurmctld has appended."""
    return re.fullmatch(re.escape(reason) + _TAIL, text) is not None


def reaction_event(reason: str) -> Optional[str]:
    """Return the uuid of the event in the reason of a reaction, or C(by hand); None for another reason."""
    found = _REACTED.fullmatch(reason)
    return found[1] if found else None
