# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting: a condition, a time limit, one loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ..adapter.errors import SlurmError

# Seconds between two reads: short at first, then long enough not to burden the controller.
FIRST_PAUSE, LAST_PAUSE = 0.5, 5.0


class Wait(NamedTuple):
    """What to wait for.

    :param remaining: returns what is not done yet; empty ends the wait.
    :param timeout_error: makes the error when time is up, from what remains and the seconds waited.
    """

    remaining: Callable[[], dict[str, Any]]
    timeout_error: Callable[[dict[str, Any], float], SlurmError]


def wait_until_none(wait: Wait, timeout: float) -> float:
    """Wait until nothing remains, and return the seconds that took.

    :raises SlurmError: when time is up.
    """
    start = time.monotonic()
    pause = FIRST_PAUSE
    while remaining := wait.remaining():
        waited = time.monotonic() - start
        if waited >= timeout:
            raise wait.timeout_error(remaining, waited)
        time.sleep(min(pause, max(timeout - waited, 0)))
        pause = min(pause * 2, LAST_PAUSE)
    return round(time.monotonic() - start, 1)
