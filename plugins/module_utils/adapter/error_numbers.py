# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slurm's error numbers: turn a failure of pyslurm or of a command into a L(SlurmError)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from .errors import SlurmError

if TYPE_CHECKING:
    from types import ModuleType


@contextmanager
def translated(pyslurm: ModuleType, call: str) -> Iterator[None]:
    """Turn an error of pyslurm within the block into a SlurmError.

    :param call: the name of the request, as in Slurm's logs.
    """
    try:
        yield
    except pyslurm.RPCError as error:
        raise SlurmError.from_errno(error.errno, _names(pyslurm).get(error.errno), str(error), call) from error


def raise_for_output(pyslurm: ModuleType, output: str, call: str) -> NoReturn:
    """Raise the error that a command of Slurm printed. Its errno is found by the text, which is slurm_strerror()'s."""
    *others, last = output.splitlines() or ["no message"]
    text = last.rpartition(": ")[2]
    # slurmctld explains some refusals, which the commands print before.
    reasons = [line.rpartition("error: ")[2] for line in others if "error: " in line]
    for errno, name in _names(pyslurm).items():
        if pyslurm.error.slurm_strerror(errno) == text:
            raise SlurmError.from_errno(errno, name, "; ".join((text, *reasons)), call)
    raise SlurmError(f"{call}: {output or text}", call=call)


def _names(pyslurm: ModuleType) -> dict[int, str]:
    """Return the names of Slurm's error numbers, which are constants of pyslurm."""
    prefixes = ("ESLURM_", "SLURM_PROTOCOL_", "SLURM_COMMUNICATIONS_", "SLURMCTLD_COMMUNICATIONS_")
    names = {
        value: name for name, value in vars(pyslurm).items() if name.startswith(prefixes) and isinstance(value, int)
    }
    # slurm_errno.h of 25.11 and later; pyslurm 25.11 has no constant for it.
    return {2180: "ESLURM_INVALID_NODE_STATE_TRANSITION", **names}
