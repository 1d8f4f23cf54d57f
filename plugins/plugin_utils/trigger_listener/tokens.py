# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tokens that senders may show: given, or in a file that is read again when it changes."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from pathlib import Path
from typing import Optional

from .log import decided
from .watched import Watched

# Without what curl's configuration file, in which controllers keep it, would need escapes for.
_TOKEN = re.compile(r"[!#-\[\]-~]{16,512}")


class Tokens:
    """All tokens that are accepted; the first line of a file is the one that playbooks/sync.yml deploys.

    :param given: the one token.
    :param file: a file with a token a line; empty lines and those that start with # are passed over.
    :raises ValueError: when the file cannot be read, or what is there is no token.
    """

    def __init__(self, given: Optional[str] = None, file: Optional[Path] = None) -> None:
        self._file, self._watched = file, Watched(*[file] if file else [])
        self._tokens = [_checked(given, "token")] if given is not None else read(file) if file else []

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def accept(self, header: bytes, method: str) -> bool:
        """Tell whether the Authorization header of a request shows one of them, in constant time.

        Bearer, or Basic with the token as the password, which browsers can do. That is for looking only: a browser
        shows a password that it knows whichever page asks it to, and so would send a stranger's form along with it.
        """
        self._reload()
        scheme, _blank, shown = header.partition(b" ")
        if scheme.lower() == b"basic" and method in ("GET", "HEAD"):
            scheme, shown = b"bearer", _password(shown)
        matches = [hmac.compare_digest(shown, token) for token in self._tokens]
        return scheme.lower() == b"bearer" and any(matches)

    def _reload(self) -> None:
        """Read the file again when it is another; what cannot be used leaves the tokens as they are."""
        if self._file is None or not self._watched.changed():
            return
        try:
            self._tokens = read(self._file)
        except ValueError as error:
            decided("tokens kept", error=str(error), failing=True)
        else:
            decided("tokens read again", count=len(self._tokens))


def read(file: Path) -> list[bytes]:
    """Return the tokens of a file.

    :raises ValueError: when it cannot be read, has none, or has something else.
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
