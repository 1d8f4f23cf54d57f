# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state directory: what a listener keeps between its runs, for one listener at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Optional


class StateDirectory:
    """A directory of mode 0700 with the listener's id and inbox, locked while the listener runs.

    :param path: where it is; made when missing.
    :raises ValueError: when it cannot be used, or another listener uses it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ValueError(f"state_dir {path} cannot be used: {error}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise ValueError(
                f"state_dir {path} is in use by another listener: end that one, or give this one a state_dir of its own"
            ) from None

    def identity(self, given: Optional[str]) -> str:
        """Return the listener's id: the one given, or the one made when the directory was first used."""
        if given:
            return given
        file = self.path / "id"
        if not file.exists():
            partial = self.path / "id.new"
            partial.write_text(secrets.token_hex(16), encoding="ascii")
            partial.replace(file)
        return file.read_text(encoding="ascii").strip()

    def close(self) -> None:
        os.close(self._lock)
