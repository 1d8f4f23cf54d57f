# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS: the listener's certificate, which is read again when it is renewed."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Optional

from .log import decided
from .watched import Watched


class Certificate:
    """The listener's certificate, with the authorities of its clients.

    :param keyfile: its key, when that is not in the same file.
    :param cafile: authorities; with them every client needs a certificate of one of these.
    :raises ValueError: when a file cannot be used.
    """

    def __init__(self, certfile: str, keyfile: Optional[str] = None, cafile: Optional[str] = None) -> None:
        self._certfile, self._keyfile, self._cafile = certfile, keyfile or certfile, cafile
        # Not the authorities: clients of one that is there no more might resume their sessions until a restart.
        self._watched, self._kept = Watched(Path(certfile), Path(self._keyfile)), False
        # The server's own, with which every handshake begins, and the one that it then goes on with.
        self.context = self._newest = self._read()
        self.context.sni_callback = self._go_on

    def renew(self) -> None:
        """Read the files again when they are others; what cannot be used leaves the certificate as it is.

        During a renewal certificate and key may not match for a moment, so it is tried again until it can be used.
        """
        changed = self._watched.changed()
        if not changed and not self._kept:
            return
        try:
            self._newest = self._read()
        except ValueError as error:
            self._kept = True
            if changed:
                decided("certificate kept", error=str(error), failing=True)
        else:
            self._kept = False
            decided("certificate read again", file=self._certfile)

    def _go_on(self, handshake: ssl.SSLObject, _name: Optional[str], _context: ssl.SSLContext) -> None:
        """Give a handshake the newest certificate; OpenSSL asks at each, whether or not the client names a server.

        To load it into the server's own context is not enough. That has a place for each kind of key, so that the old
        certificate would still be shown after a change from one kind to another.
        """
        handshake.context = self._newest

    def _read(self) -> ssl.SSLContext:
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
    raise ValueError("the key has a password, and nobody is there to type it")
