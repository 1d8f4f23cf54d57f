# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that take nodes out of service within a limit: one counts and writes at a time, and it may wait for room."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..adapter.errors import SlurmError

# Seconds between two attempts.
PAUSE = 2.0


class NoRoomError(SlurmError):
    """More nodes would be unavailable than are allowed."""


@contextmanager
def capacity_lock() -> Iterator[None]:
    """Keep others on this host, of the same user, from counting nodes that are unavailable.

    Two tasks that count at the same time would both find room for the last node.

    :raises SlurmError: when the lock cannot be made.
    """
    name = "hpc-slurm-capacity"
    path = f"/run/{name}.lock" if os.geteuid() == 0 else f"{tempfile.gettempdir()}/{name}-{os.geteuid()}.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SlurmError(f"{path} cannot be made, which keeps tasks from counting at the same time: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class Room:
    """The options C(max_unavailable), C(wait_for_capacity) and C(wait_timeout) of a task."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._limited = params["max_unavailable"] is not None
        self._waits, self._timeout = params["wait_for_capacity"], params["wait_timeout"]
        self._began = time.monotonic()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count and write while no other task does."""
        if not self._limited:
            yield
            return
        with capacity_lock():
            yield

    def wait(self, error: NoRoomError) -> None:
        """Return when to try again.

        :raises NoRoomError: when the task does not wait, or has waited long enough.
        """
        waited = time.monotonic() - self._began
        if not self._waits:
            raise error
        if waited >= self._timeout:
            raise NoRoomError(f"after {waited:.0f} s there is no room: {error.message}", details=error.details)
        time.sleep(min(PAUSE, self._timeout - waited))
