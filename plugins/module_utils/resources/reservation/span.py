# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The times of a reservation: start, end and duration, given and changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Optional

from ...adapter.errors import SlurmError
from ...common.times import INFINITE_MINUTES, MINUTE, Moment, minutes, moment
from .flags import RECURRING

# A duration in minutes from which one that a YAML parser made of HOURS:MINUTES:SECONDS cannot be told: 1:00:00 is 3600.
AMBIGUOUS_MINUTES = 3600
DURATIONS = ("duration", "max_start_delay")


def ambiguous_durations(params: Mapping[str, Any]) -> list[str]:
    """Return a warning for each duration that may be one that YAML read as a number: C(10:00:00) arrives as 36000.

    A text was quoted, or has its colons, and means what it says.
    """
    return [
        f"{option} is the number {value}: in minutes that is {value // 1440} days {value // 60 % 24} hours. YAML reads "
        f"{value // 3600}:{value // 60 % 60:02d}:{value % 60:02d} without quotes as this number too: put the time in "
        "quotes, or the number if minutes are meant"
        for option in DURATIONS
        if isinstance(value := params[option], int) and value >= AMBIGUOUS_MINUTES
    ]


def span_update(before: dict[str, Any], after: dict[str, Any], params: dict[str, Any]) -> dict[str, str]:
    """Put the times into C(after), and return the update. A new start moves the end by the same time."""
    update: dict[str, str] = {}
    start = _new_start(before, params)
    if start is not None and start.epoch is not None:
        after["start_time"] = start.epoch
        after["end_time"] = start.epoch + before["duration"] * MINUTE
        # Slurm moves the end by itself only where it was given as a duration.
        update.update(starttime=start.slurm, duration=str(before["duration"]))
    end, change = (None, {}) if _end_stays(before, params) else end_of(params, after["start_time"])
    if end is not None and end != after["end_time"]:
        after["end_time"] = end
        update = {**{key: value for key, value in update.items() if key != "duration"}, **change}
    after["duration"] = (after["end_time"] - after["start_time"]) // MINUTE
    return update


def _new_start(before: dict[str, Any], params: dict[str, Any]) -> Optional[Moment]:
    """Return the new start of a reservation; None when the start does not change.

    :raises SlurmError: when it has started: Slurm does not change the start then.
    """
    if params["start_time"] is None:
        return None
    start, started = moment("start_time", params["start_time"]), before["start_time"] <= time.time()
    if start.relative:
        # C(now) holds for a reservation that has started; the other relative forms apply to a new one.
        return start if start.now and not started else None
    if start.epoch == before["start_time"] or _is_past_occurrence(before, start):
        return None
    if started:
        raise SlurmError(f"the reservation {before['name']} has started, its start cannot change: leave start_time out")
    return start


def _end_stays(before: dict[str, Any], params: dict[str, Any]) -> bool:
    if params["end_time"] is None:
        return False
    end = moment("end_time", params["end_time"])
    return end.relative or _is_past_occurrence(before, end)


def _is_past_occurrence(before: dict[str, Any], when: Moment) -> bool:
    """Tell whether a time is of a past occurrence: Slurm advances a recurring reservation when it has ended."""
    return bool(RECURRING & set(before["flags"])) and when.epoch is not None and when.epoch <= time.time()


def end_of(params: dict[str, Any], begin: int) -> tuple[Optional[int], dict[str, str]]:
    if params["duration"] is not None:
        length = minutes("duration", params["duration"])
        return begin + length * MINUTE, {"duration": "infinite" if length == INFINITE_MINUTES else str(length)}
    if params["end_time"] is not None:
        end = moment("end_time", params["end_time"])
        if end.epoch is not None and end.epoch <= begin:
            raise SlurmError("end_time is not after the start of the reservation")
        return end.epoch, {"endtime": end.slurm}
    return None, {}
