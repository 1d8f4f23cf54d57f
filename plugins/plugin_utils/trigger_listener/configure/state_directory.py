# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state directory: what a listener keeps between runs. One listener uses it at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Optional

from .settings import ID


class StateDirectory:
    """A directory of mode 0700 with the listener's id and database, locked while the listener runs.

    :param path: created when missing.
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
        except OSError as error:
            os.close(self._lock)
            if not isinstance(error, BlockingIOError):
                raise ValueError(f"state_dir {path} cannot be locked: {error}") from None
            raise ValueError(
                f"state_dir {path} is in use by another listener: end that one, or give this one a state_dir of its own"
            ) from None

    def listener_id(self, given: Optional[str]) -> str:
        """Return the listener's id: the one given, or the one generated at the first start.

        :raises ValueError: when the file does not hold an id.
        """
        if given:
            return given
        file = self.path / "id"
        if not file.exists():
            partial = self.path / "id.new"
            with partial.open("w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(16))
                stream.flush()
                os.fsync(stream.fileno())  # otherwise a power cut may leave an empty file
            partial.replace(file)
        kept = file.read_text(encoding="utf-8", errors="replace").strip()
        if not ID.fullmatch(kept):
            raise ValueError(f"{file} holds no id of 16 to 64 letters, digits, - or _: correct or remove it")
        return kept

    def close(self) -> None:
        os.close(self._lock)
