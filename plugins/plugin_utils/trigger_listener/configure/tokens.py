# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bearer tokens that are accepted: one given, or those of a file that is reloaded when it changes."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from pathlib import Path
from typing import Optional

from ..telemetry.log import log_decision
from .watched_files import WatchedFiles

# No characters that need escapes in curl's configuration file, where controllers keep the token.
_TOKEN = re.compile(r"[!#-\[\]-~]{16,512}")


class Tokens:
    """All accepted tokens; playbooks/sync.yml deploys the first one of a file.

    :param given: the only token.
    :param file: a file with one token per line; empty lines and lines that start with # are ignored.
    :raises ValueError: when the file cannot be read or holds something else.
    """

    def __init__(self, given: Optional[str] = None, file: Optional[Path] = None) -> None:
        self._file, self._watched = file, WatchedFiles(*[file] if file else [])
        self._tokens = [_checked(given, "token")] if given is not None else read_tokens(file) if file else []

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def accept(self, header: bytes, method: str) -> bool:
        """Tell whether the Authorization header of a request has one of the tokens, in constant time.

        The scheme is Bearer, or Basic with the token as the password, for browsers. Basic is for GET and HEAD only: a
        browser also sends a saved password with a form of another site.
        """
        self._reload()
        scheme, _blank, given = header.partition(b" ")
        if scheme.lower() == b"basic" and method in ("GET", "HEAD"):
            scheme, given = b"bearer", _password(given)
        matches = [hmac.compare_digest(given, token) for token in self._tokens]
        return scheme.lower() == b"bearer" and any(matches)

    def _reload(self) -> None:
        """Read the file when it has changed. When it cannot be used, the old tokens stay."""
        if self._file is None or not self._watched.changed():
            return
        try:
            self._tokens = read_tokens(self._file)
        except ValueError as error:
            log_decision("tokens not reloaded", error=str(error), failing=True)
        else:
            log_decision("tokens reloaded", count=len(self._tokens))


def read_tokens(file: Path) -> list[bytes]:
    """Return the tokens of a file.

    :raises ValueError: when it cannot be read, is empty, or holds something else.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise ValueError(f"token_file {file} cannot be read: {error}") from None
    tokens = [_checked(line, f"token_file {file}, each line") for line in lines if line and not line.startswith("#")]
    if not tokens:
        raise ValueError(f"token_file {file} holds no token")
    return tokens


def _checked(token: str, name: str) -> bytes:
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            f"{name} must hold 16 to 512 printable ASCII characters without blanks, double quotes and backslashes"
        )
    return token.encode("ascii")


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
