# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard: who may send requests, how they are refused, and what is logged about it."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.guard import Guard
from ansible_collections.hpc.slurm.tests.unit.listener import BEARER, ID, TOKEN, served

DOWN, SNAPSHOT = f"/{ID}/node/down", f"/{ID}/snapshot"
GETS = ("/healthz", "/metrics", "/status", "/", "/page.css", "/page.js")


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", basic(TOKEN)])
def test_the_token_is_accepted_at_every_address(guarded, path, given):
    for method in ("GET", "HEAD"):
        assert guarded.ask(method, path, headers={"Authorization": given}).status == 200


@pytest.mark.parametrize("path", [DOWN, SNAPSHOT, "/nosuch/x/y", "/status"])
def test_a_browser_that_has_saved_the_token_cannot_post(guarded, path):
    before = guarded.entry_count()
    headers = {"Authorization": basic(TOKEN), "Content-Type": "application/x-www-form-urlencoded"}
    answer = guarded.post(b"n1", path, headers=headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="hpc.slurm"')
    assert guarded.entry_count() == before


WRONG = [
    None,
    "",
    "Bearer wrong-0123456789",
    f"Bearer {TOKEN}x",
    TOKEN,
    basic("wrong"),
    "Bearer \xff\xe4",
    "Basic ====",
]


@pytest.mark.parametrize("given", WRONG)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", DOWN), ("POST", SNAPSHOT), ("POST", "/nosuch/x/y"), ("GET", DOWN), ("PUT", "/x"), ("HEAD", "/healthz")]
    + [("GET", path) for path in GETS],
)
def test_no_token_or_a_wrong_one(guarded, method, path, given):
    """The answer is the same, whatever else is wrong with the request."""
    before = guarded.entry_count(), guarded.core.sample("refusals_total", reason="token")
    headers = {} if given is None else {"Authorization": given}
    answer = guarded.ask(method, path, None if method == "HEAD" else b"\xff" * 100, headers)
    assert answer.status == 401
    if method != "HEAD":
        assert answer.json == {"error": "no token, or a wrong one: send Authorization: Bearer TOKEN"}
    asks = path in ("/", "/page.css", "/page.js")
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=" if asks else "Bearer realm=")
    assert guarded.entry_count() == before[0]
    assert guarded.core.sample("refusals_total", reason="token") == before[1] + 1


def test_two_tokens_are_refused(guarded):
    line = f"Authorization: Bearer {TOKEN}\r\n"
    request = f"GET /healthz HTTP/1.1\r\nHost: x\r\n{line}{line}Connection: close\r\n\r\n"
    assert b" 401 " in guarded.raw(request.encode(), cut=False)


def test_the_body_of_an_unauthenticated_request_is_not_read(guarded):
    """The answer comes before the body."""
    with guarded.connect() as sock:
        sock.sendall(f"POST {DOWN} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".encode())
        assert sock.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("networks", "status"),
    [
        (["127.0.0.0/8"], 202),
        (["192.0.2.0/24", "127.0.0.1"], 202),
        ("127.0.0.1", 202),
        ([], 202),
        (["192.0.2.0/24"], 403),
        (["2001:db8::/32"], 403),
        (["::/0"], 403),
    ],
)
def test_allowed_networks(tmp_path, networks, status):
    with served(tmp_path, allowed_networks=networks, token=TOKEN) as listener:
        assert listener.post(headers=BEARER).status == status
        # Before the token is checked.
        assert listener.post().status == (403 if status == 403 else 401)
        assert listener.entry_count() == (status == 202)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("fe80::1%eth0", True),
        ("192.0.2.1", False),
        ("::1", False),
        ("", False),
    ],
)
def test_the_forms_of_addresses(tmp_path, address, allowed):
    with served(tmp_path, allowed_networks=["127.0.0.0/8", "fe80::/10"]) as listener:
        assert Guard(listener.settings, listener.core.metrics)._is_allowed(address or "::") is allowed


def test_the_server_header_names_no_software(guarded):
    for path, headers in (("/healthz", BEARER), ("/nosuch", BEARER), ("/", {})):
        assert guarded.ask("GET", path, headers=headers).headers["Server"] == "hpc.slurm"


@pytest.mark.parametrize("path", [DOWN, "/nosuch/x/y"])
def test_an_unknown_expectation_is_refused_and_counted(guarded, path):
    before = guarded.core.sample("refusals_total", reason="other")
    answer = guarded.post(path=path, headers={**BEARER, "Expect": "the-unexpected"})
    assert (answer.status, answer.headers["Server"]) == (417, "hpc.slurm")
    assert guarded.core.sample("refusals_total", reason="other") == before + 1


def test_refusals_are_logged_once_a_second(listener, logged):
    for _number in range(50):
        listener.post(path="/nosuch/x/y")
    lines = [facts for decision, facts in logged() if decision == "request refused"]
    assert 0 < len(lines) < 50
    assert lines[0] == {"status": 404, "reason": "path", "sender": "127.0.0.1"}
    assert listener.core.sample("refusals_total", reason="path") == 50


def test_no_secret_is_logged_or_answered(guarded, logged, capfd):
    """Neither the listener's token nor one that a sender sends by mistake."""
    sent = "a-token-of-somebody-else-9876543210"
    answers = [
        guarded.ask(method, path, body, {"Authorization": given, "Cookie": sent})
        for given in (f"Bearer {sent}", f"Bearer {TOKEN}", basic(sent), f"Bearer {sent}\u00ff")
        for method, path, body in (
            ("POST", DOWN, b"n1"),
            ("POST", DOWN, b"n["),
            ("POST", f"/{sent}/node/down", b"n1"),
            ("POST", SNAPSHOT, b"{}"),
            ("PUT", DOWN, b"n1"),
            *(("GET", path, None) for path in GETS),
        )
    ]
    assert {answer.status for answer in answers} == {200, 202, 400, 401, 404, 405}
    written = repr(answers) + repr(logged()) + "".join(capfd.readouterr())
    assert TOKEN not in written and sent not in written


def test_an_invalid_body_is_not_logged(guarded, logged):
    for body in (b'n1\n{"decision": "stored"}', b"n1\x1b[2J", b"\xff\xfe"):
        assert guarded.post(body, headers=BEARER).status == 400
    assert "decision" not in repr(logged()) and "[2J" not in repr(logged())
