# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that may be replaced while the listener runs, such as the token file and the certificate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional


class WatchedFiles:
    """Tells when one of some files has changed. Create it before reading them, so that no change is missed."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._stamps = self._read_stamps()

    def changed(self) -> bool:
        """Tell whether one has changed since the last call."""
        before, self._stamps = self._stamps, self._read_stamps()
        return self._stamps != before

    def _read_stamps(self) -> list[Optional[tuple[int, int, int]]]:
        return [_stamp(file) for file in self._files]


def _stamp(file: Path) -> Optional[tuple[int, int, int]]:
    try:
        status = os.stat(file)
    except OSError:
        return None
    # ctime also covers owner and mode: a file that could not be read may be readable now.
    return status.st_ctime_ns, status.st_size, status.st_ino
