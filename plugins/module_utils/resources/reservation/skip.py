# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Skipping occurrences of a recurring reservation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common.times import moment
from .flags import RECURRING
from .records import find

# Requests: more than a year of days.
MOST = 400


def skip_time(reservation: Optional[Mapping[str, Any]], params: Mapping[str, Any]) -> Optional[int]:
    """Return until when occurrences are to be skipped; None when there is none to skip.

    :param reservation: the reservation as the other options make it; None when there is none.
    :raises SlurmError: for a reservation that does not recur, and for a time that is another one at each run.
    """
    if params["skip_until"] is None:
        return None
    until = moment("skip_until", params["skip_until"])
    if until.epoch is None or until.relative:
        raise SlurmError(
            f"skip_until is a date and a time: {params['skip_until']!r} is another one at each run, and each run would "
            "skip more"
        )
    if reservation is None or not RECURRING & set(reservation["flags"]):
        raise SlurmError(
            f"skip_until is for a reservation with one of the flags {', '.join(sorted(RECURRING))}: "
            f"{params['name']} has none of them; delete it instead"
        )
    return until.epoch if reservation["start_time"] < until.epoch else None


def skip(slurm: Slurm, name: str, until: int) -> None:
    """Skip occurrences until the next one begins at this time or later. Slurm skips one with each request."""
    for _request in range(MOST):
        found = find(slurm, name)
        if found is None or found["start_time"] >= until:
            return
        slurm.skip_reservation(name)
    raise SlurmError(f"skip_until: {MOST} occurrences of {name} were skipped, and the next one begins before it")
