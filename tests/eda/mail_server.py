# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMTP servers for tests: one that takes mail, and one that never gives a whole answer."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"
USER, PASSWORD = "slurm", "pass word"


class Mail(NamedTuple):
    """A mail that arrived: its envelope and its content."""

    sender: str
    recipients: list[str]
    message: EmailMessage


class MailServer:
    """Takes mail, except for and from nobody@..., and with the subject spam.

    :param options: those of aiosmtpd's SMTP, such as C(tls_context); C(ssl_context) for TLS from the start.
    """

    def __init__(self, **options: Any) -> None:
        self.mails: list[Mail] = []
        with socket.create_server((HOST, 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._controller = Controller(self, hostname=HOST, port=self.port, **options)
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    # What aiosmtpd calls.

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "553 5.7.1 not from you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        if message["Subject"] == "spam":
            return "554 5.7.1 no spam"
        self.mails.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), message))
        return "250 OK"


def with_user(context: ssl.SSLContext) -> dict[str, Any]:
    """Return the options of a server that offers STARTTLS and asks for a user."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object) -> AuthResult:
        right = LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=given == right, handled=False)

    return {"tls_context": context, "authenticator": check, "auth_required": True}


@contextlib.contextmanager
def never_answering(drip: bytes = b"") -> Iterator[int]:
    """Return the port of a server that takes connections and says nothing, or a byte every now and then."""
    done = threading.Event()

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _peer = listening.accept()
            with connection:
                while not done.wait(0.1):
                    connection.send(drip)

    with socket.create_server((HOST, 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening], daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
