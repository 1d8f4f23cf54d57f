# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error class of this collection, which carries errno, name and call as data."""

from __future__ import annotations

from typing import Any, Optional

_STATE_ADVICE = "a node's state changed while the task ran: run the task again"

# What the user can do, by the errno's name (slurm_errno.h).
ADVICE = {
    "SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR": (
        "check that slurmctld runs (scontrol ping) and that this host reaches the SlurmctldHost of its slurm.conf"
    ),
    "SLURM_PROTOCOL_AUTHENTICATION_ERROR": (
        "check that munged runs on this host with the cluster's key (munge -n | unmunge) and that the clocks agree"
    ),
    "SLURM_PROTOCOL_VERSION_ERROR": "use Slurm libraries of the cluster's release on this host",
    "ESLURM_USER_ID_MISSING": (
        "only root, SlurmUser and Slurm operators may do this: use become; or a user named here is unknown to the "
        "controller's host"
    ),
    "ESLURM_ACCESS_DENIED": "only root, SlurmUser and Slurm operators may do this: use become",
    "ESLURM_INVALID_NODE_STATE": _STATE_ADVICE,
    "ESLURM_INVALID_NODE_STATE_TRANSITION": _STATE_ADVICE,
}


class SlurmError(Exception):
    """A failure that the user can act on.

    :param message: what is wrong, where, and what to do.
    :param errno: Slurm's error number, where there is one.
    :param name: the errno's name in C(slurm_errno.h).
    :param call: the call that failed, as a Slurm administrator would name it.
    :param details: more keys for the module's result.
    """

    def __init__(
        self,
        message: str,
        errno: Optional[int] = None,
        name: Optional[str] = None,
        call: Optional[str] = None,
        details: Optional[dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errno = errno
        self.name = name
        self.call = call
        self.details = details or {}

    @classmethod
    def from_errno(cls, errno: int, name: Optional[str], text: str, call: str) -> SlurmError:
        """Return the error for an errno of Slurm: a L(ConflictError) where a new plan may succeed."""
        kind = ConflictError if name in ConflictError.NAMES else cls
        advice = ADVICE.get(name or "")
        message = f"{call}: {text} ({name or 'errno'} {errno})" + (f"; {advice}" if advice else "")
        return kind(message, errno, name, call)

    def result(self) -> dict[str, Any]:
        """Return the failure as a module's result."""
        return {
            **self.details,
            "msg": self.message,
            "errno": self.errno,
            "errno_name": self.name,
            "call": self.call,
        }


class ConflictError(SlurmError):
    """The plan is out of date: another process changed the object between the reading and the write."""

    NAMES = (
        "ESLURM_INVALID_NODE_STATE",  # what Slurm before 25.11 answers for an invalid transition
        "ESLURM_INVALID_NODE_STATE_TRANSITION",
        "ESLURM_TRIGGER_DUP",
        "ESLURM_RESERVATION_INVALID",
        "ESLURM_RESERVATION_NAME_DUP",
    )
