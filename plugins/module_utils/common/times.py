# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times and durations in tasks, converted to what Slurm uses."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import NamedTuple, Optional, Union

from ..adapter.errors import SlurmError

MINUTE = 60
# scontrol stores an infinite reservation as one of a year (scontrol(1), "update reservation").
INFINITE_MINUTES = 365 * 24 * 60
_INFINITE = ("infinite", "unlimited")
# Slurm's relative forms (scontrol(1), StartTime). Only the first can be computed here.
_NOW = re.compile(r"now(?:\+(?P<count>\d+)(?P<unit>second|minute|hour|day|week)?s?)?", re.IGNORECASE)
_RELATIVE = re.compile(r"(today|tomorrow|midnight|noon|elevenses|fika|teatime)\b.*|\d{1,2}:\d{2}.*", re.IGNORECASE)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_DURATION = re.compile(
    r"(?:(?P<days>\d+)-(?P<hours>\d+)(?::(?P<minutes>\d+)(?::(?P<seconds>\d+))?)?"
    r"|(?P<h>\d+):(?P<m>\d+):(?P<s>\d+)|(?P<whole>\d+)(?::(?P<rest>\d+))?)"
)


class Moment(NamedTuple):
    """A time given in a task.

    :param epoch: seconds since the epoch; None when only Slurm can compute it, such as C(teatime).
    :param slurm: the time as scontrol takes it, in this host's time zone, which must be the controller's.
    :param relative: whether it is a different time on each run.
    """

    epoch: Optional[int]
    slurm: str
    relative: bool

    @property
    def now(self) -> bool:
        return self.slurm.lower() == "now"


def moment(option: str, given: Union[str, int]) -> Moment:
    """Return a time given as seconds since the epoch, in ISO 8601 or in Slurm's relative forms.

    :raises SlurmError: for anything else.
    """
    text = str(given).strip()
    if match := _NOW.fullmatch(text):
        later = int(match["count"] or 0) * _UNITS[(match["unit"] or "second").lower()]
        return Moment(int(time.time()) + later, text, True)
    if _RELATIVE.fullmatch(text):
        return Moment(None, text, True)
    try:
        epoch = int(text) if re.fullmatch(r"\d{9,}", text) else _iso_epoch(text)
        local = datetime.fromtimestamp(epoch)
    except (ValueError, OverflowError, OSError):  # OverflowError and OSError: a year out of range
        raise SlurmError(
            f"{option} is not a time: {text!r}; give seconds since the epoch, ISO 8601 as 2027-01-31T08:00:00+01:00, "
            f"or now, now+1hour, tomorrow as in scontrol(1){_unquoted(text)}"
        ) from None
    return Moment(epoch, local.strftime("%Y-%m-%dT%H:%M:%S"), False)


def _unquoted(text: str) -> str:
    """Return advice where a number may be a time of day without quotes, of which YAML makes minutes or seconds."""
    if not re.fullmatch(r"\d{1,5}", text):
        return ""
    number = int(text)
    clock = f"{number // 3600}:{number // 60 % 60:02d}:{number % 60:02d}"
    return f"; YAML reads {clock} without quotes as this number: put a time of day in quotes"


def _iso_epoch(text: str) -> int:
    # Python before 3.11 does not accept Z. A time without a zone is in this host's.
    return int(datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text)).timestamp())


def minutes(option: str, given: Union[str, int]) -> int:
    """Return a duration in whole minutes, as Slurm stores it: C(90), C(1-12:00:00), C(90:00), C(infinite).

    :raises SlurmError: for anything else, and for a duration of zero.
    """
    if str(given).strip().lower() in _INFINITE:
        return INFINITE_MINUTES
    return -(-seconds(option, given) // MINUTE)  # time_str2mins() of Slurm rounds up


def seconds(option: str, given: Union[str, int]) -> int:
    """Return a duration in seconds, from minutes and the other forms of scontrol(1).

    :raises SlurmError: for anything else, and for a duration of zero.
    """
    text = str(given).strip().lower()
    match = _DURATION.fullmatch(text)
    if not match:
        raise SlurmError(
            f"{option} is not a duration: {text!r}; give minutes, or MINUTES:SECONDS, HOURS:MINUTES:SECONDS, "
            "DAYS-HOURS, DAYS-HOURS:MINUTES, DAYS-HOURS:MINUTES:SECONDS, or infinite"
        )
    part = {name: int(value or 0) for name, value in match.groupdict().items()}
    hours = part["days"] * 24 + part["hours"] + part["h"]
    total = (hours * 60 + part["minutes"] + part["m"] + part["whole"]) * MINUTE
    total += part["seconds"] + part["s"] + part["rest"]
    if not total:
        raise SlurmError(f"{option} is zero: {text!r}; give at least a minute")
    return total
