# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small JSON file in which a module keeps what Slurm does not."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

from ..adapter.errors import ConflictError, SlurmError


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of a file, which is made with its folder.

    :raises OSError: when it cannot be made.
    """
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class StateFile:
    """A file with a JSON object, or none. Its folder is made with the first write.

    :param path: of the file; a lock is beside it.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> Optional[dict[str, Any]]:
        """Return the object, or None without a file.

        :raises SlurmError: when it cannot be read, or is something else.
        """
        try:
            with open(self._path, encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SlurmError(f"{self._path} cannot be read: {error}; remove it to begin anew") from error
        if not isinstance(found, dict):
            raise SlurmError(f"{self._path} has something else than an object of JSON; remove it to begin anew")
        return found

    def write(self, content: dict[str, Any], before: Optional[dict[str, Any]]) -> None:
        """Replace the object.

        :param before: what was read.
        :raises ConflictError: when another process has replaced it since.
        :raises SlurmError: when it cannot be written.
        """
        try:
            with locked(f"{self._path}.lock"):
                if self.read() != before:
                    raise ConflictError(f"{self._path} was changed by another process")
                part = f"{self._path}.part"
                with open(part, "w", encoding="utf-8") as file:
                    json.dump(content, file)
                os.replace(part, self._path)
        except OSError as error:
            raise SlurmError(f"{self._path} cannot be written: {error}; use become, or another path") from error
