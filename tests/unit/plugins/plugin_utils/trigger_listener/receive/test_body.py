# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bodies: hostlists and snapshots, and everything else, which is refused whole."""

from __future__ import annotations

import concurrent.futures
import json
import threading

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive import (
    application as application_module,
)
from ansible_collections.hpc.slurm.tests.unit.listener import ID, served, snapshot_body, wait_until

DOWN, SNAPSHOT = f"/{ID}/node/down", f"/{ID}/snapshot"


@pytest.mark.parametrize(
    "body",
    [b"", b"  \n", b"@all", b"n[1-", b"n1 n2", b"n[1-5000000]", b"\xff\xfe", b"n" + b"[0-9]" * 200, b"a=b&c", b"\0"],
)
def test_a_body_that_is_not_a_hostlist(shared, body):
    before = shared.entry_count(), shared.stored_count
    answer = shared.post(body)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert (shared.entry_count(), shared.stored_count) == before


@pytest.mark.parametrize("body", [b"", b"\xff", b"n1", b"{}", b"[" * 1000, snapshot_body("n["), snapshot_body(count=1)])
def test_a_body_that_is_not_a_snapshot(shared, body):
    before = shared.entry_count(), shared.stored_count
    answer = shared.post(body, SNAPSHOT)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert (shared.entry_count(), shared.stored_count) == before


@pytest.mark.parametrize(("path", "limit"), [(DOWN, "max_body"), (SNAPSHOT, "a snapshot may be")])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large(shared, monkeypatch, path, limit, chunked):
    monkeypatch.setattr(application_module, "MOST_SNAPSHOT", 1024)
    before = shared.entry_count(), shared.core.sample("refusals_total", reason="size")
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    answer = shared.post(
        iter([b"n" * 600, b"n" * 425]) if chunked else b"n" * 1025, path, headers=headers, encode_chunked=chunked
    )
    assert (answer.status, answer.json) == (413, {"error": f"the body is larger than {limit}, 1024 bytes"})
    assert (shared.entry_count(), shared.core.sample("refusals_total", reason="size")) == (before[0], before[1] + 1)
    # 1024 bytes, the limit; a single name cannot be that long.
    assert shared.post(b",".join([b"n" * 204] * 5)).status == 202


def test_a_snapshot_of_a_mass_failure(tmp_path):
    """Each node has its own reason; max_body limits notifications only."""
    details = {"state": ["DOWN", "NOT_RESPONDING"], "reason_user": "root", "reason_time": 1789999000}
    nodes = [{"nodes": f"n{number}", "reason": f"{number}: {'why ' * 20}", **details} for number in range(8000)]
    body = json.dumps({**json.loads(snapshot_body(count=8000)), "nodes": nodes})
    assert len(body) > 1 << 20
    with served(tmp_path, max_body=1024) as listener:
        answer = listener.post(body, SNAPSHOT)
        assert (answer.status, answer.json["events"]) == (202, 8000)


def test_a_compressed_body_is_not_decompressed(shared):
    answer = shared.post(b"n1", headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["nodes"]) == (202, 1)
    assert shared.post(b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"}).status == 400


@pytest.mark.parametrize(
    "parts",
    [
        [b"Content-Length: 9\r\n\r\n", b"n1"],
        [b"Content-Length: 9\r\n\r\nn1"],
        [b"Transfer-Encoding: chunked\r\n\r\n2\r\nn1\r\n"],
        [b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nn1\r\n"],
        [b"Transfer-Encoding: chunked\r\n\r\n2\r\nn1\r\n", b"zz\r\n"],
        [b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nn1xx\r\n"],
        [b"Content-Length: -1\r\n\r\nn1"],
        [b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nn1"],
        [b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nn1"],
        [b"X: a\x00b\r\nContent-Length: 2\r\n\r\nn1"],
        [b"X: " + b"x" * 70000 + b"\r\n\r\nn1"],
        [b"\r\n"],
        [],
    ],
)
def test_an_incomplete_or_invalid_request_is_not_stored(shared, parts):
    """n1 may be the first half of n10."""
    before = shared.entry_count(), shared.stored_count
    with shared.connect() as sock:
        sock.sendall(f"POST {DOWN} HTTP/1.1\r\nHost: x\r\n".encode())
        for part in parts:
            assert shared.post(b"n1", "/listener-of-another/node/down").status == 404
            sock.sendall(part)
        sock.shutdown(1)
        answer = b""
        while data := recv(sock):
            answer += data
    assert b" 500 " not in answer and b" 202 " not in answer
    assert (shared.entry_count(), shared.stored_count) == before


def recv(sock) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionError:
        return b""


def test_a_body_in_pieces(shared):
    answer = shared.post(iter([b"n[1-", b"2]"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert (answer.status, answer.json["nodes"]) == (202, 2)


def test_a_large_notification_does_not_delay_others(listener, monkeypatch):
    """It is parsed in another thread."""
    started, go, real = threading.Event(), threading.Event(), hostlist.expand

    def slow(text, *args):
        if text.startswith("large"):
            started.set()
            assert go.wait(20)
        return real(text, *args)

    monkeypatch.setattr(hostlist, "expand", slow)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        large = pool.submit(listener.post, b"large[00001-10000]")
        assert started.wait(20)
        assert listener.post(b"small1").status == 202
        assert listener.ask("GET", "/status").status == 200
        assert not large.done()
        go.set()
        assert large.result().json["nodes"] == 10000
    wait_until(lambda: listener.stored_count == 2, "both to be stored")
