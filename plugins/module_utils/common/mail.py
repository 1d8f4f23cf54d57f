# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mail, and its delivery to an SMTP server within a time limit.

smtplib can limit each wait for the server only, and a server that sends a byte now and then would hold it for hours.
So a timer of the process limits all of them together.
"""

from __future__ import annotations

import contextlib
import re
import signal
import smtplib
import socket
import ssl
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from pathlib import Path
from typing import Any, NamedTuple, Optional

NONE, STARTTLS, TLS = "none", "starttls", "tls"
PORTS = {NONE: 25, STARTTLS: 587, TLS: 465}

# A name on this machine, or a name and a domain.
_ADDRESS = re.compile(r'[^\s@<>()\[\],;:"\\]+(?:@[^\s@<>()\[\],;:"\\]+)?', re.ASCII)


class MailError(Exception):
    """A mail that was not sent: what is wrong, and what to do."""


class _Timer:
    """A time limit: when it has passed, whatever the process waits for ends with a TimeoutError.

    smtplib makes other errors of that, or tries the server's next address. So it is raised again every second, and
    C(passed) tells that it was.
    """

    def __init__(self, seconds: int) -> None:
        self.passed = False
        self._seconds = seconds

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGALRM, self._pass)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, 1)

    def __exit__(self, *_error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _pass(self, _signal: int, _frame: object) -> None:
        self.passed = True
        raise TimeoutError


class Server(NamedTuple):
    """An SMTP server, and how to speak to it.

    :param ca_file: the certificate authority of its certificate; None: those that this machine trusts.
    """

    host: str
    port: int
    security: str
    user: Optional[str]
    password: Optional[str]
    ca_file: Optional[str]

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Server:
        """Return the server of a module's options.

        :raises MailError: for a file that cannot be read, and for a password that would not be encrypted.
        """
        port, security = params["port"], params["security"]
        if security is None:
            security = next((name for name in (STARTTLS, TLS) if PORTS[name] == port), NONE)
        if params["user"] and security == NONE:
            raise MailError(
                "hpc_slurm_mail_user is set, and the password would be sent in plain text: set hpc_slurm_mail_security "
                f"to {STARTTLS} or {TLS}"
            )
        password = _first_line(params["password_file"]) if params["user"] else None
        return cls(params["server"], port or PORTS[security], security, params["user"], password, params["ca_file"])

    def __str__(self) -> str:
        return f"the mail server {self.host}, port {self.port},"


def send(params: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Send the mail of a module's options, and return the recipients that the server refused, each with its words.

    :raises MailError: unless the server took the mail for one recipient at least.
    """
    server = Server.of(params)
    context = _context(server.ca_file)
    recipients = [_address("hpc_slurm_mail_to", text) for text in params["to"]]
    timer = _Timer(params["timeout"])
    try:
        with timer:
            sender = _qualified(_address("hpc_slurm_mail_from", params["from"]))
            message = message_of(sender, recipients, params["subject"], params["text"])
            refused = _deliver(server, context, message, sender, recipients)
    except (smtplib.SMTPException, OSError) as error:
        why = _LATE.format(params["timeout"]) if timer.passed else _explained(error)
        raise MailError(f"{server} {why}") from error
    return {"refused": {name: _words(*answer) for name, answer in refused.items()}}


def message_of(sender: Address, recipients: list[Address], subject: str, text: str) -> EmailMessage:
    """Return a mail. Its subject is one line, whatever line breaks are given: no header can be added with them."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipients
    message["Subject"] = _one_line(subject)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid("hpc-slurm", sender.domain)
    # No answers by absence notes (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    # Any server takes it, also one without 8BITMIME, and lines may have any length.
    message.set_content(_valid(text), cte="quoted-printable")
    return message


def _deliver(
    server: Server, context: ssl.SSLContext, message: EmailMessage, sender: Address, recipients: list[Address]
) -> dict[str, tuple[int, bytes]]:
    """Send a mail, and return the recipients that were refused, with the server's answers."""
    if server.security == TLS:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port)
    try:
        if server.security == STARTTLS:
            smtp.starttls(context=context)
        if server.user:
            smtp.login(server.user, server.password or "")
        refused = smtp.send_message(message, sender.addr_spec, [it.addr_spec for it in recipients])
        # The server has the mail: what happens from here on does not matter.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        return refused
    finally:
        smtp.close()


_LATE = (
    "has not taken the mail within {} s. Check hpc_slurm_mail_server and hpc_slurm_mail_port; a server that expects "
    "TLS from the start needs hpc_slurm_mail_security=tls. A slow server needs a larger hpc_slurm_mail_timeout"
)
# What is wrong and what to do, by the kind of error; the first that fits. {} is what the server or the system says.
_EXPLANATIONS: tuple[tuple[type[Exception], str], ...] = (
    (
        smtplib.SMTPAuthenticationError,
        "refuses the user: {}. Correct hpc_slurm_mail_user, or the password in hpc_slurm_mail_password_file",
    ),
    (
        smtplib.SMTPSenderRefused,
        "refuses a mail of this sender: {}. Set hpc_slurm_mail_from if the address is the cause",
    ),
    (
        smtplib.SMTPRecipientsRefused,
        "refuses every recipient: {}. Correct hpc_slurm_mail_to, or use a server that relays mail of this machine",
    ),
    (
        smtplib.SMTPNotSupportedError,
        "lacks what is needed: {}. Correct hpc_slurm_mail_security, or leave hpc_slurm_mail_user out if it asks for "
        "no user",
    ),
    (
        ssl.SSLCertVerificationError,
        "has a certificate that is not accepted: {}. Set hpc_slurm_mail_ca_file to its certificate authority, and "
        "hpc_slurm_mail_server to a name in the certificate",
    ),
    (ssl.SSLError, "does not speak TLS here: {}. Correct hpc_slurm_mail_security and hpc_slurm_mail_port"),
    (smtplib.SMTPServerDisconnected, "closed the connection: {}. Its log may say why"),
    (smtplib.SMTPException, "refuses the mail: {}"),
    (OSError, "cannot be reached: {}. Set hpc_slurm_mail_server and hpc_slurm_mail_port"),
)


def _explained(error: Exception) -> str:
    return next(text.format(_said(error)) for kind, text in _EXPLANATIONS if isinstance(error, kind))


def _said(error: Exception) -> str:
    """Return what the server or the system said."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{name}: {_words(*answer)}" for name, answer in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return _words(error.smtp_code, error.smtp_error)
    return _one_line(getattr(error, "strerror", None) or str(error))


def _words(code: int, text: bytes | str) -> str:
    return _one_line(f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}")


def _address(option: str, text: str) -> Address:
    """Return an address, with or without a name before it: C(Admins <admins@example.org>)."""
    name, address = parseaddr(text)
    if not _ADDRESS.fullmatch(address) or not address.isascii() or not text.isprintable():
        raise MailError(f"{option} has {text!r}, which is no address such as admins@example.org")
    user, _at, domain = address.partition("@")
    return Address(_one_line(name), user, domain)


def _qualified(address: Address) -> Address:
    """Return an address with a domain: by default that of this machine, which servers demand of a sender."""
    return address if address.domain else Address(address.display_name, address.username, socket.getfqdn())


def _context(ca_file: Optional[str]) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # also an SSLError, for a file with something else
        raise MailError(f"hpc_slurm_mail_ca_file: {ca_file} has no certificates in PEM: {error}") from error


def _first_line(path: Optional[str]) -> str:
    try:
        lines = Path(path or "").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MailError(f"hpc_slurm_mail_password_file cannot be read: {error}") from error
    if not lines or not lines[0]:
        raise MailError(f"hpc_slurm_mail_password_file: {path} has no password on its first line")
    return lines[0]


def _one_line(text: str) -> str:
    """Return a text without line breaks and other control characters."""
    return " ".join("".join(it if it.isprintable() else " " for it in _valid(text)).split())


def _valid(text: str) -> str:
    """Return a text that can be encoded: bytes that were not UTF-8 are surrogates in it."""
    return text.encode("utf-8", "replace").decode("utf-8")
