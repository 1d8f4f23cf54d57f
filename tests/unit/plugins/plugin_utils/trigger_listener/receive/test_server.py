# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: slow, idle and too many connections, and how it stops."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import socket
import ssl
import threading
import time

import pytest
import trustme

from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.settings import Settings
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive import server as server_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.server import Server
from ansible_collections.hpc.slurm.tests.unit.listener import ID, LIMIT, read_all, served, wait_until

HEAD = f"POST /{ID}/node/down HTTP/1.1\r\nHost: x\r\n".encode()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "listener.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder


@pytest.fixture(params=["plain", "tls"])
def how(request, certificates):
    """Return the listener's arguments, and the client's context."""
    if request.param == "plain":
        return {}, None
    return {"certfile": str(certificates / "listener.pem")}, ssl.create_default_context(cafile=certificates / "ca.pem")


@contextlib.contextmanager
def connection(listener, context):
    """Connect, with a TLS handshake where there is a context."""
    with listener.connect() as sock:
        if context is None:
            yield sock
            return
        with context.wrap_socket(sock, server_hostname="127.0.0.1") as wrapped:
            yield wrapped


def is_closed(sock) -> bool:
    sock.settimeout(0)
    try:
        return sock.recv(65536) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST",
        HEAD,
        HEAD + b"Content-Length: 9\r\n\r\nn1",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nn1\r\n",
        # Answered, and kept open for another request.
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_the_age_of_connections_is_limited(tmp_path, monkeypatch, how, sent):
    monkeypatch.setattr(server_module, "LIFETIME", 0.2)
    args, context = how
    with served(tmp_path, **args) as listener:
        with connection(listener, context) as sock:
            sock.sendall(sent)
            answer = read_all(sock)
        assert b" 202 " not in answer
        assert listener.core.pending() == []
        monkeypatch.undo()
        assert listener.post(context=context).status == 202


def test_a_slow_sender_is_disconnected(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "LIFETIME", 0.3)
    with served(tmp_path) as listener, listener.connect() as sock:
        sent, until = 0, time.monotonic() + LIMIT
        with contextlib.suppress(ConnectionError):
            sock.sendall(HEAD)
            while not is_closed(sock):
                assert time.monotonic() < until, f"still connected after {LIMIT} s and {sent} bytes"
                sock.settimeout(LIMIT)
                sock.sendall(b"X")
                sent += 1
                time.sleep(0.01)
        assert sent > 1
        assert listener.core.pending() == []


def test_one_connection_too_many_closes_the_oldest(tmp_path, monkeypatch, how):
    monkeypatch.setattr(server_module, "MOST_CONNECTIONS", 5)
    args, context = how
    with served(tmp_path, **args) as listener, contextlib.ExitStack() as held:
        idle = []
        for _number in range(12):
            idle.append(held.enter_context(connection(listener, context)))
            assert listener.post(context=context).status == 202
        wait_until(lambda: all(map(is_closed, idle[:8])), "the oldest to be closed")
        assert not is_closed(idle[-1])


def test_incomplete_handshakes_count_as_connections(tmp_path, monkeypatch, certificates):
    """aiohttp does not know them, and each would hold a descriptor for ten seconds."""
    monkeypatch.setattr(server_module, "MOST_CONNECTIONS", 5)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with served(tmp_path, certfile=str(certificates / "listener.pem")) as listener, contextlib.ExitStack() as held:
        silent = [held.enter_context(listener.connect()) for _number in range(20)]
        wait_until(lambda: all(map(is_closed, silent[:15])), "the oldest to be closed")
        assert listener.post(context=context).status == 202


def test_a_slow_handshake_counts_for_the_age_of_a_connection(tmp_path, monkeypatch, certificates):
    monkeypatch.setattr(server_module, "LIFETIME", 0.5)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with served(tmp_path, certfile=str(certificates / "listener.pem")) as listener, listener.connect() as sock:
        time.sleep(0.3)
        # On a slow machine it may be closed by now.
        with contextlib.suppress(OSError), context.wrap_socket(sock, server_hostname="127.0.0.1") as wrapped:
            wrapped.sendall(HEAD)
            assert read_all(wrapped) == b""


def test_a_client_without_tls(tmp_path, certificates, caplog):
    with served(tmp_path, certfile=str(certificates / "listener.pem")) as listener:
        for said in (HEAD + b"Content-Length: 2\r\n\r\nn1", b"\x16\x03\x01\x00\x05hello", b"\x00" * 100):
            assert b" 202 " not in listener.raw(said, cut=False)
        assert listener.core.pending() == []
    assert [record for record in caplog.records if record.name.startswith("hpc.slurm")] == []


def test_clients_that_violate_http_are_not_logged_as_errors(tmp_path, caplog):
    logger = logging.getLogger("hpc.slurm.trigger_listener")
    before, logger.propagate = logger.propagate, True
    with served(tmp_path) as listener:
        for said in (b"\xff\xfe\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", HEAD + b"X: \x00\r\n\r\n", b"\x16\x03\x01" * 50):
            assert b" 400 " in listener.raw(said, cut=False)
        with listener.connect() as sock:
            sock.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            sock.shutdown(socket.SHUT_RDWR)
        assert listener.post().status == 202
    logger.propagate = before
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_it_stops_with_clients_that_do_not_finish(tmp_path, monkeypatch, how):
    """Requests in progress have a moment; idle connections and handshakes have none."""
    monkeypatch.setattr(server_module, "GRACE", 0.2)
    args, context = how
    with contextlib.ExitStack() as held, served(tmp_path, **args) as listener:
        half = held.enter_context(connection(listener, context))
        half.sendall(HEAD + b"Content-Length: 9\r\n\r\nn1")
        silent = [held.enter_context(listener.connect()) for _number in range(3)]
        idle = held.enter_context(connection(listener, context))
        assert listener.post(context=context).status == 202
        listener.server.stop()
        assert not listener.server._thread.is_alive()
        assert listener.ended_count == 1
        for sock in (*silent, idle, half):
            wait_until(lambda sock=sock: is_closed(sock), "a connection to be closed")
        assert len(listener.core.pending()) == 1


def test_a_request_in_progress_is_answered_when_it_stops(tmp_path, monkeypatch):
    started, go, real = threading.Event(), threading.Event(), hostlist.expand

    def slow(*args):
        started.set()
        assert go.wait(LIMIT)
        return real(*args)

    monkeypatch.setattr(hostlist, "expand", slow)
    with served(tmp_path) as listener, concurrent.futures.ThreadPoolExecutor(2) as pool:
        asking = pool.submit(listener.post, b"n[1-1000]")
        assert started.wait(LIMIT)
        stopping = pool.submit(listener.server.stop)
        wait_until(lambda: listener.server._socket.fileno() < 0, "the server to stop listening")
        go.set()
        assert asking.result(LIMIT).status == 202
        stopping.result(LIMIT)


def test_it_reports_when_it_ends_by_itself(tmp_path):
    with served(tmp_path) as listener:
        listener.server._loop.call_soon_threadsafe(listener.server._ending.set)
        wait_until(lambda: listener.ended_count == 1, "the end")
        listener.server.stop()


def test_the_port_is_free_again(tmp_path):
    with served(tmp_path) as listener:
        assert listener.post().status == 202
        port = listener.port
    with served(tmp_path, port=port) as again:
        assert again.port == port
        assert again.post().status == 202


def test_an_address_that_cannot_be_bound(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings.from_args({"port": taken.getsockname()[1], "state_dir": str(tmp_path)})
        with pytest.raises(OSError, match="in use"):
            Server(settings)


def test_a_server_that_never_served_is_closed(tmp_path):
    server = Server(Settings.from_args({"port": 0, "state_dir": str(tmp_path)}))
    assert server.port > 0
    server.close()
    assert server._loop.is_closed()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6(tmp_path):
    try:
        server = Server(Settings.from_args({"host": "::1", "port": 0, "state_dir": str(tmp_path)}))
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert server.port > 0
    server.close()
