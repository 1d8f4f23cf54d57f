# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS: the listener's certificate, which is reloaded when it is renewed."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Optional

from ..telemetry.log import log_decision
from .watched_files import WatchedFiles


class Certificate:
    """The listener's certificate, and the authorities that sign its clients' certificates.

    :param keyfile: its key; the default is certfile.
    :param cafile: authorities; when given, every client needs a certificate signed by one of them.
    :raises ValueError: when a file cannot be used.
    """

    def __init__(self, certfile: str, keyfile: Optional[str] = None, cafile: Optional[str] = None) -> None:
        self._certfile, self._keyfile, self._cafile = certfile, keyfile or certfile, cafile
        # Authorities are not reloaded: clients of a removed one could resume their sessions until a restart.
        self._watched, self._is_outdated = WatchedFiles(Path(certfile), Path(self._keyfile)), False
        # The server begins each handshake with its own context, and continues with the newest.
        self.context = self._newest = self._load()
        self.context.sni_callback = self._use_newest

    def renew(self) -> None:
        """Reload the files when they have changed. When they cannot be used, the old certificate stays.

        During a renewal, certificate and key may not match for a moment: loading is tried again until it succeeds.
        """
        changed = self._watched.changed()
        if not changed and not self._is_outdated:
            return
        try:
            self._newest = self._load()
        except ValueError as error:
            self._is_outdated = True
            if changed:
                log_decision("certificate not reloaded", error=str(error), failing=True)
        else:
            self._is_outdated = False
            log_decision("certificate reloaded", file=self._certfile)

    def _use_newest(self, handshake: ssl.SSLObject, _name: Optional[str], _context: ssl.SSLContext) -> None:
        """Use the newest certificate. OpenSSL calls this at each handshake, whether or not the client names a server.

        Loading it into the server's own context is not enough: a context keeps one certificate for each key type, so
        the old one would still be used after a change of the key type.
        """
        handshake.context = self._newest

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certfile, self._keyfile, password=_no_password)
        except (OSError, ValueError) as error:
            files = f"certfile {self._certfile} with keyfile {self._keyfile}"
            raise ValueError(f"{files} cannot be used: {error}") from None
        if self._cafile is not None:
            try:
                context.load_verify_locations(self._cafile)
            except (OSError, ValueError) as error:
                raise ValueError(f"cafile {self._cafile} cannot be used: {error}") from None
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _no_password() -> str:
    raise ValueError("the key has a password: give a key without one")
