# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that may be replaced while the listener runs, such as a token's or a certificate's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional


class Watched:
    """Tells when one of some files is another. To be made before they are read, so that nothing is missed."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._stamps = self._look()

    def changed(self) -> bool:
        """Tell whether one has changed since this was last asked."""
        before, self._stamps = self._stamps, self._look()
        return self._stamps != before

    def _look(self) -> list[Optional[tuple[int, int, int]]]:
        return [_stamp(file) for file in self._files]


def _stamp(file: Path) -> Optional[tuple[int, int, int]]:
    try:
        status = os.stat(file)
    except OSError:
        return None
    # The time of the last change to content, owner or mode: a file that could not be read may be readable now.
    return status.st_ctime_ns, status.st_size, status.st_ino
