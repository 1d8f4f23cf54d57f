# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mails, sent to a real SMTP server."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.hpc.slurm.plugins.module_utils.common import mail
from ansible_collections.hpc.slurm.tests.eda.mail_server import (
    HOST,
    PASSWORD,
    USER,
    Mail,
    MailServer,
    never_answering,
    with_user,
)

DEFAULTS: dict[str, Any] = {
    "to": ["admins@example.org"],
    "from": "slurm@example.org",
    "subject": "Slurm: hpc.slurm.node_down",
    "text": "node1: resumed",
    "server": HOST,
    **dict.fromkeys(("port", "security", "user", "password_file", "ca_file")),
    "timeout": 30,
}
Start = Callable[..., MailServer]


class Certificates:
    """A certificate of the server, and the file of its authority."""

    def __init__(self, directory: Path, name: str = HOST) -> None:
        authority = trustme.CA()
        self.ca_file = str(directory / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(self.context)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers, which end with the test."""
    started: list[MailServer] = []

    def run(**options: Any) -> MailServer:
        started.append(MailServer(**options))
        return started[-1]

    yield run
    for server in started:
        server.stop()


def send(port: int, **given: Any) -> dict[str, dict[str, str]]:
    return mail.send({**DEFAULTS, "port": port, **given})


def arrived(server: MailServer, **given: Any) -> Mail:
    """Send a mail, and return it as the server got it."""
    assert send(server.port, **given) == {"refused": {}}
    [found] = server.mails
    return found


def failure(port: int, **given: Any) -> str:
    with pytest.raises(mail.MailError) as caught:
        send(port, **given)
    return str(caught.value)


# Messages.


def test_a_mail_arrives(start: Start) -> None:
    text = "node1: held: Lüfter\n" + "x" * 5000 + "\n.\nthe end\n"
    found = arrived(start(), to=["Jörg D <jd@example.org>", "root"], subject="Slurm: Lüfter 風扇", text=text)
    assert (found.sender, found.recipients) == ("slurm@example.org", ["jd@example.org", "root"])
    assert found.message["Subject"] == "Slurm: Lüfter 風扇"
    assert found.message["To"] == "Jörg D <jd@example.org>, root"
    assert found.message["From"] == "slurm@example.org"
    assert parsedate_to_datetime(found.message["Date"]).tzinfo is not None
    assert found.message["Message-ID"].endswith("@example.org>")
    assert found.message["Auto-Submitted"] == "auto-generated"
    assert found.message.get_content_type() == "text/plain"
    assert found.message.get_content().replace("\r\n", "\n") == text


def test_no_text_adds_a_header(start: Start) -> None:
    evil = "held\r\nBcc: x@example.org\n\nbody\u2028\x00\udcff"
    found = arrived(start(), subject=evil, text=evil)
    assert found.message["Subject"] == "held Bcc: x@example.org body ?"
    assert found.message["Bcc"] is None
    assert found.recipients == ["admins@example.org"]
    assert len(found.message.keys()) == len(set(found.message.keys()))


def test_a_sender_without_a_domain_gets_that_of_the_machine(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda *_name: "eda.example.org")
    assert arrived(start(), **{"from": "root"}).sender == "root@eda.example.org"


@pytest.mark.parametrize(
    "text", ["", "a b@example.org", "jd@", "@example.org", "a@b\nBcc: c@d", "ü@example.org", "a@b@c"]
)
def test_what_is_no_address(text: str) -> None:
    for option, given in (("hpc_slurm_mail_to", {"to": [text]}), ("hpc_slurm_mail_from", {"from": text})):
        assert failure(1, **given).startswith(f"{option} has ")


# Servers.


@pytest.mark.parametrize(
    ("port", "security", "expected"),
    [
        (None, None, (25, "none")),
        (2525, None, (2525, "none")),
        (587, None, (587, "starttls")),
        (465, None, (465, "tls")),
        (None, "starttls", (587, "starttls")),
        (None, "tls", (465, "tls")),
        (465, "none", (465, "none")),
    ],
)
def test_port_and_security(port: int, security: str, expected: tuple[int, str]) -> None:
    server = mail.Server.of({**DEFAULTS, "port": port, "security": security})
    assert (server.port, server.security) == expected


def test_recipients_that_are_refused(start: Start) -> None:
    server = start()
    both = ["nobody@example.org", "admins@example.org"]
    assert send(server.port, to=both) == {"refused": {"nobody@example.org": "550 5.1.1 no such user"}}
    assert server.mails[0].recipients == ["admins@example.org"]
    assert (
        f"the mail server {HOST}, port {server.port}, refuses every recipient: nobody@example.org: 550 5.1.1 no such "
        "user. Correct hpc_slurm_mail_to"
    ) in failure(server.port, to=both[:1])


def test_a_sender_that_is_refused(start: Start) -> None:
    text = failure(start().port, **{"from": "nobody@example.org"})
    assert "refuses a mail of this sender: 553 5.7.1 not from you. Set hpc_slurm_mail_from" in text


def test_a_mail_that_is_refused(start: Start) -> None:
    server = start(data_size_limit=2000)
    assert "refuses the mail: 554 5.7.1 no spam" in failure(server.port, subject="spam")
    assert "refuses a mail of this sender: 552 Error: message size" in failure(server.port, text="x" * 3000)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls(security: str, start: Start, tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    given = {"security": security, "ca_file": made.ca_file}
    options: dict[str, Any] = {"ssl_context": made.context}
    if security == "starttls":
        options = {"tls_context": made.context, "require_starttls": True}
    server = start(**options)
    assert arrived(server, **given).sender == "slurm@example.org"
    # Of an authority that is not trusted, and of another machine.
    text = failure(server.port, security=security)
    assert "has a certificate that is not accepted: " in text and "Set hpc_slurm_mail_ca_file" in text
    assert "not accepted: " in failure(server.port, **given, server="localhost")
    assert len(server.mails) == 1


def test_starttls_is_not_offered(start: Start) -> None:
    server = start()
    text = failure(server.port, security="starttls")
    assert "lacks what is needed: STARTTLS" in text and "Correct hpc_slurm_mail_security" in text
    assert server.mails == []


def test_tls_is_not_offered(start: Start) -> None:
    assert "does not speak TLS here: " in failure(start().port, security="tls")


def test_a_user(start: Start, tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    server = start(**with_user(made.context))
    (tmp_path / "password").write_text(f"{PASSWORD}\nof the relay\n", encoding="utf-8")
    given = {"user": USER, "password_file": str(tmp_path / "password")}
    encrypted = {"security": "starttls", "ca_file": made.ca_file}
    assert arrived(server, **given, **encrypted).sender == "slurm@example.org"
    assert "refuses a mail of this sender: 530 " in failure(server.port, **encrypted)
    (tmp_path / "password").write_text("wrong\n", encoding="utf-8")
    text = failure(server.port, **given, **encrypted)
    assert "refuses the user: 535 " in text and "hpc_slurm_mail_password_file" in text
    assert "would be sent in plain text: set hpc_slurm_mail_security" in failure(server.port, **given)


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("", "no password"), ("\nx", "no password")])
def test_the_password_file(content: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    text = failure(1, user=USER, security="tls", password_file=str(path))
    assert text.startswith("hpc_slurm_mail_password_file") and str(path) in text and words in text


def test_the_file_of_the_certificate_authority(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "missing"):
        text = failure(1, security="tls", ca_file=str(tmp_path / name))
        assert text.startswith(f"hpc_slurm_mail_ca_file: {tmp_path}/{name} has no certificates")


# Servers that do not answer.


@pytest.mark.parametrize("drip", [b"", b"2"])
@pytest.mark.parametrize("security", ["none", "tls"])
def test_a_server_that_never_answers(drip: bytes, security: str) -> None:
    """A time limit for each answer would not end the second one."""
    with never_answering(drip if security == "none" else b"") as port:
        text = failure(port, security=security, timeout=1)
    assert text.startswith(f"the mail server {HOST}, port {port}, has not taken the mail within 1 s. Check ")


def test_nobody_listens() -> None:
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    text = failure(port)
    assert text == (
        f"the mail server {HOST}, port {port}, cannot be reached: Connection refused. Set hpc_slurm_mail_server and "
        "hpc_slurm_mail_port"
    )


def test_a_server_that_closes_the_connection() -> None:
    with socket.create_server((HOST, 0)) as listening, pytest.MonkeyPatch.context() as patch:
        # Closed right after it was accepted.
        connect = socket.create_connection

        def connect_and_close(*args: Any, **options: Any) -> socket.socket:
            made = connect(*args, **options)
            listening.accept()[0].close()
            return made

        patch.setattr(socket, "create_connection", connect_and_close)
        text = failure(listening.getsockname()[1])
    assert "closed the connection: Connection unexpectedly closed. Its log may say why" in text
