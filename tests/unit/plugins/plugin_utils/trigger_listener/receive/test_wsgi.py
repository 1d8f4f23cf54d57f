# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapter: how the Flask application is called, on a real socket and by Flask's own test client."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading

import pytest
from flask import Flask, request

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.settings import Settings
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.application import (
    Parts,
    create_app,
)
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.server import Server
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.wsgi import in_thread, wait_for
from ansible_collections.hpc.slurm.tests.unit.listener import ID, LIMIT, Served, status_of, wait_until


class Calls(Served):
    """A server with another WSGI application than the listener's."""

    def __init__(self, path, application):
        self.settings = Settings.from_args({"port": 0, "state_dir": str(path)})
        self.server = Server(self.settings)
        self.server.start(application, lambda: None)
        self.port = self.server.port

    def close(self):
        self.server.stop()
        self.server.close()


@pytest.fixture
def calls(tmp_path):
    """Return a function that serves an application, and returns its server."""
    with contextlib.ExitStack() as stack:
        yield lambda application: stack.enter_context(contextlib.closing(Calls(tmp_path, application)))


@pytest.fixture
def app():
    return Flask("application")


def test_what_the_application_is_given(app, calls):
    @app.post("/<path:path>")
    def show(path):
        assert request.headers.get("X-Length") is None and "HTTP_X_Length" not in request.environ
        return {
            "path": path,
            "query": request.query_string.decode(),
            "sender": request.remote_addr,
            "twice": request.headers["X-Twice"],
            "odd": request.headers["X-Odd"],
            "body": request.get_data(as_text=True),
            "scheme": request.scheme,
        }

    lines = "X-Twice: a\r\nX-Twice: b\r\nX_Length: 9\r\nX-Odd: \xe4\r\nConnection: close\r\nContent-Length: 2\r\n\r\nn1"
    answer = calls(app).raw(f"POST /a%2Fb/%C3%A4?c=%20d HTTP/1.1\r\nHost: x\r\n{lines}".encode("latin-1"), cut=False)
    assert status_of(answer) == 200
    found = app.json.loads(answer.partition(b"\r\n\r\n")[2])
    # An encoded slash is not a slash.
    assert found == {
        "path": "a%2Fb/\u00e4",
        "query": "c=%20d",
        "sender": "127.0.0.1",
        "twice": "a,b",
        "odd": "\xe4",
        "body": "n1",
        "scheme": "http",
    }


@pytest.mark.parametrize("host", ["", "[", "a b", "x" * 300, "\xff"])
def test_the_header_host_has_no_effect(shared, host):
    head = f"POST /{ID}/node/down HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nn1"
    assert status_of(shared.raw(head.encode("latin-1"), cut=False)) == 202


@pytest.mark.parametrize("rest", ["Content-Length: 9\r\n\r\nn1", "Transfer-Encoding: chunked\r\n\r\n2\r\nn1\r\n"])
def test_a_body_whose_sender_hangs_up_is_refused_by_the_view(listener, rest):
    with listener.connect() as sock:
        sock.sendall(f"POST /{ID}/node/down HTTP/1.1\r\nHost: x\r\n{rest}".encode())
        assert listener.ask("GET", "/status").status == 200
    labels = {"class": "node", "type": "down", "result": "refused"}
    wait_until(lambda: listener.core.sample("notifications_total", **labels) == 1, "the refusal")
    assert listener.core.sample("refusals_total", reason="body") == 1
    assert listener.entry_count() == 0


def test_a_view_that_waits_does_not_delay_others(app, calls):
    started, go = threading.Event(), threading.Event()

    @app.get("/slow")
    def slow():
        started.set()
        return {"found": in_thread(go.wait, LIMIT)}

    app.add_url_rule("/quick", "quick", lambda: {})
    server = calls(app)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.ask, "GET", "/slow")
        assert started.wait(LIMIT)
        assert server.ask("GET", "/quick").status == 200
        assert not waiting.done()
        go.set()
        assert waiting.result(LIMIT).json == {"found": True}


def test_a_failure_of_what_a_view_waits_for_is_raised_in_the_view(app, calls):
    async def fail():
        await asyncio.sleep(0)
        raise LookupError("why")

    @app.get("/")
    def view():
        with pytest.raises(LookupError, match="why"):
            wait_for(fail())
        return {}

    assert calls(app).ask("GET", "/").status == 200


def test_requests_keep_their_own_context_while_they_wait(app, calls):
    arrived = threading.Barrier(8, timeout=LIMIT)

    @app.get("/<number>")
    def view(number):
        in_thread(arrived.wait)
        return {"path": request.path, "number": number}

    server = calls(app)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: server.ask("GET", f"/{number}").json, range(4))
        with contextlib.suppress(threading.BrokenBarrierError):
            for _number in range(4):
                pool.submit(arrived.wait)
        assert [answer["path"] for answer in answers] == [f"/{number}" for number in range(4)]


def test_an_application_that_writes_its_answer(calls):
    """As PEP 3333 allows."""
    closed = []

    class Chunks(list):
        def close(self):
            closed.append(True)

    def application(_environ, start_response):
        start_response("202 Accepted", [("Content-Type", "text/plain")])(b"a")
        return Chunks([b"b", b"c"])

    answer = calls(application).ask("GET", "/")
    assert (answer.status, answer.body, answer.headers["Server"], closed) == (202, b"abc", "hpc.slurm", [True])


def test_an_unexpected_failure_of_a_view(listener, monkeypatch, logged):
    monkeypatch.setattr(listener.observer, "read", lambda: 1 // 0)
    answer = listener.ask("GET", "/healthz")
    assert (answer.status, answer.json) == (500, {"error": "Internal Server Error"})
    assert answer.headers["Server"] == "hpc.slurm"
    assert listener.core.sample("refusals_total", reason="other") == 1
    assert any("Exception on /healthz" in decision for decision, _facts in logged())
    assert listener.post().status == 202


def test_flask_s_own_client(core, tmp_path):
    settings = Settings.from_args({"port": 0, "state_dir": str(tmp_path), "token": "0123456789abcdef"})
    stored = []
    parts = Parts(settings, ID, core.inbox, core.resolver, None, core.metrics, None, lambda: stored.append(True), print)
    client = create_app(parts).test_client()
    assert client.post(f"/{ID}/node/down", data="n[1-1000]").status_code == 401
    answer = client.post(f"/{ID}/node/down", data="n[1-1000]", headers={"Authorization": "Bearer 0123456789abcdef"})
    assert (answer.status_code, answer.json["nodes"], stored) == (202, 1000, [True])
    assert core.pending() == ["node down"]
