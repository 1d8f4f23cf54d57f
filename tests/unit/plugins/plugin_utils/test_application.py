# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses, on a real socket with a real inbox: who may ask, what is answered, and what is stored."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import json
import logging
import sqlite3
import threading
import time

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import application as application_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import inbox as inbox_module
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.application import RETRY_AFTER, _Writer
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.node_state import STATES
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.page import SECURITY_HEADERS
from ansible_collections.hpc.slurm.tests.unit.listener import BEARER, ID, TOKEN, Served, drive, served, wait_until

DOWN, SNAPSHOT = f"/{ID}/node/down", f"/{ID}/snapshot"
GETS = ("/healthz", "/metrics", "/status", "/", "/page.css", "/page.js")
LOGGER = "hpc.slurm.trigger_listener"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One that all tests share that leave it as it is."""
    with served(tmp_path_factory.mktemp("listener"), max_body=1024, cluster="lab") as made:
        yield made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with served(tmp_path_factory.mktemp("listener"), max_body=1024, token=TOKEN) as made:
        yield made


@pytest.fixture
def listener(tmp_path):
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def logged(caplog):
    """Return what is logged, as facts, also in the server's thread."""
    logger = logging.getLogger(LOGGER)
    caplog.set_level(logging.DEBUG)
    before = logger.propagate
    logger.propagate = True
    yield lambda: [(record.getMessage(), getattr(record, "facts", {})) for record in caplog.records]
    logger.propagate = before


def snapshot_of(nodes="n[1-3]", **changes):
    group = {"nodes": nodes, "state": ["DOWN"], "reason": "why", "reason_user": "root", "reason_time": 1789999000}
    now = time.time()
    content = {"time": now, "age": 0.1, "slurm_user": "slurm", "count": 10, "nodes": [group], "triggers": []}
    return json.dumps({**content, **changes})


def stored(listener: Served) -> int:
    return listener.core.rows("SELECT count(*) FROM inbox")[0]


# What is accepted.


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "text/plain; charset=no-such", None]
)
def test_a_notification(listener, kind, logged):
    answer = listener.post(b"n[1-3],n7\n", headers={"Content-Type": kind} if kind else {})
    assert answer.status == 202
    ((number, hosts),) = listener.core.rows("SELECT uuid, hostlist FROM inbox")
    assert answer.json == {"id": number, "nodes": 4}
    assert hosts == "n[1-3],n7"
    assert listener.core.waiting() == ["node down"]
    assert listener.woken == 1
    assert listener.core.sample("notifications_total", **{"class": "node", "type": "down", "result": "stored"}) == 1
    assert ("stored", {"id": number, "trigger": "node down", "nodes": 4, "hostlist": hosts}) in logged()


@pytest.mark.parametrize("state", STATES)
def test_every_type(shared, state):
    assert shared.post(b"n1", f"/{ID}/node/{state}").status == 202


def test_a_body_in_pieces(shared):
    answer = shared.post(iter([b"n[1-", b"2]"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert (answer.status, answer.json["nodes"]) == (202, 2)


def test_as_curl_sends_it_when_it_waits_to_be_told_to_go_on(guarded):
    token = f"Authorization: Bearer {TOKEN}\r\n"
    head = f"POST {DOWN} HTTP/1.1\r\nHost: x\r\n{token}Expect: 100-continue\r\n"
    head += "Connection: close\r\nContent-Length: 2\r\n\r\n"
    with guarded.connect() as sock:
        sock.sendall(head.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"n1")
        assert sock.recv(65536).startswith(b"HTTP/1.1 202 ")


def test_a_snapshot(listener, logged):
    answer = listener.post(snapshot_of(), SNAPSHOT)
    assert answer.status == 202
    assert answer.json == {"id": listener.core.rows("SELECT uuid FROM inbox")[0], "events": 3}
    assert listener.woken == 1
    again = listener.post(snapshot_of(), SNAPSHOT)
    assert (again.status, again.json["events"]) == (202, 0)
    assert listener.core.sample("snapshots_total", result="stored") == 2
    facts = {"id": answer.json["id"], "nodes": 10, "events": 3, "hostlist": "n[1-3]"}
    assert ("compared", facts) in logged()


def test_many_at_once_are_all_stored(listener):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: listener.post(f"n{number}"), range(200)))
    assert {answer.status for answer in answers} == {202}
    ids = [answer.json["id"] for answer in answers]
    assert sorted(listener.core.rows("SELECT uuid FROM inbox")) == sorted(ids)
    assert len(set(ids)) == listener.woken == 200


# What is refused: 400, 404, 405, 413.


@pytest.mark.parametrize(
    "body",
    [b"", b"  \n", b"@all", b"n[1-", b"n1 n2", b"n[1-5000000]", b"\xff\xfe", b"n" + b"[0-9]" * 200, b"a=b&c", b"\0"],
)
def test_a_body_that_is_no_hostlist(shared, body):
    before = stored(shared), shared.woken
    answer = shared.post(body)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert (stored(shared), shared.woken) == before


@pytest.mark.parametrize("body", [b"", b"\xff", b"n1", b"{}", b"[" * 1000, snapshot_of("n["), snapshot_of(count=1)])
def test_a_body_that_is_no_snapshot(shared, body):
    before = stored(shared), shared.woken
    answer = shared.post(body, SNAPSHOT)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert (stored(shared), shared.woken) == before


@pytest.mark.parametrize(
    "path",
    [
        f"/{ID}",
        f"/{ID}/",
        f"/{ID}x/node/down",
        f"/{ID.upper()}/node/down",
        f"/{ID[:-1]}/node/down",
        "/%ff%e4/node/down",
        "/%ed%a0%80/snapshot",
        f"/{ID}%00/node/down",
        f"/{ID}/job/down",
        f"/{ID}/node/reconfig",
        f"/{ID}/node/down%0a",
        f"/{ID}/node",
        f"/{ID}/node/down/",
        f"/{ID}/node/down/x",
        f"//{ID}/node/down",
        f"/{ID}//node/down",
        f"/x/../{ID}/node/up/../nosuch",
        "/static/x/y",
        "/listener-of-another/snapshot",
        "/page.html",
        "/../page/page.html",
    ],
)
def test_another_address(shared, path):
    before = stored(shared)
    answer = shared.post(b"n1", path)
    assert (answer.status, list(answer.json)) == (404, ["error"])
    assert ID not in answer.body.decode()
    assert stored(shared) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", DOWN), ("PUT", DOWN), ("DELETE", SNAPSHOT), ("GET", SNAPSHOT), ("POST", "/healthz"), ("POST", "/")],
)
def test_another_method(shared, method, path):
    before = stored(shared)
    assert shared.ask(method, path, b"n1").status == 405
    assert stored(shared) == before


@pytest.mark.parametrize(("path", "limit"), [(DOWN, "max_body"), (SNAPSHOT, "a snapshot may be")])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large(shared, monkeypatch, path, limit, chunked):
    monkeypatch.setattr(application_module, "MOST_SNAPSHOT", 1024)
    before = stored(shared), shared.core.sample("refusals_total", reason="size")
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    answer = shared.post(
        iter([b"n" * 600, b"n" * 425]) if chunked else b"n" * 1025, path, headers=headers, encode_chunked=chunked
    )
    assert (answer.status, answer.json) == (413, {"error": f"the body is larger than {limit}, 1024 bytes"})
    assert (stored(shared), shared.core.sample("refusals_total", reason="size")) == (before[0], before[1] + 1)
    # As long as a body may be, 1024 bytes; one name could not be.
    assert shared.post(b",".join([b"n" * 204] * 5)).status == 202


def test_a_snapshot_of_a_mass_failure(tmp_path):
    """Each node has a reason of its own, and max_body is for notifications."""
    told = {"state": ["DOWN", "NOT_RESPONDING"], "reason_user": "root", "reason_time": 1789999000}
    nodes = [{"nodes": f"n{number}", "reason": f"{number}: {'why ' * 20}", **told} for number in range(8000)]
    body = json.dumps({**json.loads(snapshot_of(count=8000)), "nodes": nodes})
    assert len(body) > 1 << 20
    with served(tmp_path, max_body=1024) as listener:
        answer = listener.post(body, SNAPSHOT)
        assert (answer.status, answer.json["events"]) == (202, 8000)


def test_a_body_that_is_packed_is_not_unpacked(shared):
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
def test_what_is_cut_off_or_no_http_is_not_stored(shared, parts):
    """n1 may be the half of n10."""
    before = stored(shared), shared.woken
    with shared.connect() as sock:
        sock.sendall(f"POST {DOWN} HTTP/1.1\r\nHost: x\r\n".encode())
        for part in parts:
            assert shared.post(b"n1", "/listener-of-another/node/down").status == 404  # the server has been busy since
            sock.sendall(part)
        sock.shutdown(1)
        answer = b""
        while data := recv(sock):
            answer += data
    assert b" 500 " not in answer and b" 202 " not in answer
    assert (stored(shared), shared.woken) == before


def recv(sock) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionError:
        return b""


# 401 and 403.


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", basic(TOKEN)])
def test_the_token_opens_every_address(guarded, path, given):
    for method in ("GET", "HEAD"):
        assert guarded.ask(method, path, headers={"Authorization": given}).status == 200


@pytest.mark.parametrize("path", [DOWN, SNAPSHOT, "/nosuch/x/y", "/status"])
def test_a_page_cannot_post_through_a_browser_that_knows_the_token(guarded, path):
    before = stored(guarded)
    headers = {"Authorization": basic(TOKEN), "Content-Type": "application/x-www-form-urlencoded"}
    answer = guarded.post(b"n1", path, headers=headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="hpc.slurm"')
    assert stored(guarded) == before


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
    """Whatever else may be wrong with the request, nothing of it is told."""
    before = stored(guarded), guarded.core.sample("refusals_total", reason="token")
    headers = {} if given is None else {"Authorization": given}
    answer = guarded.ask(method, path, None if method == "HEAD" else b"\xff" * 100, headers)
    assert answer.status == 401
    if method != "HEAD":
        assert answer.json == {"error": "no token, or a wrong one: send Authorization: Bearer TOKEN"}
    asks = path in ("/", "/page.css", "/page.js")
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=" if asks else "Bearer realm=")
    assert stored(guarded) == before[0]
    assert guarded.core.sample("refusals_total", reason="token") == before[1] + 1


def test_two_tokens_are_none(guarded):
    line = f"Authorization: Bearer {TOKEN}\r\n"
    request = f"GET /healthz HTTP/1.1\r\nHost: x\r\n{line}{line}Connection: close\r\n\r\n"
    assert b" 401 " in guarded.raw(request.encode(), cut=False)


def test_the_body_of_a_stranger_is_not_read(guarded):
    """Answered before it is there."""
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
        # Before the token is looked at.
        assert listener.post().status == (403 if status == 403 else 401)
        assert stored(listener) == (status == 202)


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
def test_addresses_as_a_socket_tells_them(tmp_path, address, allowed):
    with served(tmp_path, allowed_networks=["127.0.0.0/8", "fe80::/10"]) as listener:
        parts = application_module.Parts(listener.settings, ID, *[None] * 5)
        assert application_module.Addresses(parts)._allowed(address or "::") is allowed


# 503.


def test_an_inbox_that_cannot_be_written(listener, logged):
    listener.core.connection.execute("PRAGMA query_only=1")
    for path, body in ((DOWN, b"n1"), (SNAPSHOT, snapshot_of())):
        answer = listener.post(body, path)
        assert (answer.status, answer.json) == (503, {"error": "the inbox cannot be written: try again later"})
        assert answer.headers["Retry-After"] == str(RETRY_AFTER)
    health = listener.ask("GET", "/healthz")
    assert (health.status, health.json) == (
        503,
        {
            "status": "failing",
            "reasons": ["the inbox cannot be written: see to the disk of state_dir"],
            "inbox": False,
            "feeder": True,
            "sync": True,
        },
    )
    assert listener.ask("GET", "/status").json["health"]["status"] == "failing"
    assert b'hpc_slurm_healthy{check="inbox"} 0.0' in listener.ask("GET", "/metrics").body
    assert stored(listener) == listener.woken == 0
    assert ("not stored", {"error": "attempt to write a readonly database"}) in logged()
    sample = listener.core.sample
    assert sample("notifications_total", **{"class": "node", "type": "down", "result": "unwritable"}) == 1
    assert sample("snapshots_total", result="unwritable") == 1
    listener.core.connection.execute("PRAGMA query_only=0")
    assert listener.post().status == 202
    assert listener.ask("GET", "/healthz").json["status"] == "ok"


def test_an_inbox_that_is_full(listener, monkeypatch):
    monkeypatch.setattr(inbox_module, "MOST_WAITING", 1)
    assert listener.post().status == 202
    for path, body in ((DOWN, b"n2"), (SNAPSHOT, snapshot_of("n2"))):
        answer = listener.post(body, path)
        assert (answer.status, answer.json) == (503, {"error": "the inbox is full: try again later"})
    listener.core.inbox.end(listener.core.inbox.next(), "taken")
    assert listener.post(snapshot_of("n2"), SNAPSHOT).status == 202


def test_a_database_that_cannot_be_read(listener):
    listener.core.connection.execute("ALTER TABLE facts RENAME TO elsewhere")
    assert listener.ask("GET", "/healthz").status == 503
    assert listener.ask("GET", "/status").status == 503
    metrics = listener.ask("GET", "/metrics")
    assert metrics.status == 200 and b'hpc_slurm_healthy{check="inbox"} 0.0' in metrics.body
    listener.core.connection.execute("ALTER TABLE elsewhere RENAME TO facts")
    assert listener.ask("GET", "/healthz").status == 200


# What is told.


def test_healthz(shared):
    answer = shared.ask("GET", "/healthz")
    assert answer.json == {"status": "ok", "reasons": [], "inbox": True, "feeder": True, "sync": True}


def test_a_feeder_in_trouble(listener):
    listener.trouble = "feeding waits for the disk of state_dir: full"
    answer = listener.ask("GET", "/healthz")
    assert (answer.status, answer.json["reasons"]) == (503, [listener.trouble])


def test_status_and_the_page(shared):
    answer = shared.ask("GET", "/status")
    assert answer.json["cluster"] == "lab"
    for path in ("/", "/page.css", "/page.js", "/status"):
        headers = shared.ask("GET", path).headers
        assert {name: headers.get(name) for name in SECURITY_HEADERS} == dict(SECURITY_HEADERS)


def test_metrics(shared):
    answer = shared.ask("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert b'hpc_slurm_refusals_total{reason="token"} 0.0' in answer.body


def test_nobody_is_told_what_serves(guarded):
    for path, headers in (("/healthz", BEARER), ("/nosuch", BEARER), ("/", {})):
        assert guarded.ask("GET", path, headers=headers).headers["Server"] == "hpc.slurm"


@pytest.mark.parametrize("path", [DOWN, "/nosuch/x/y"])
def test_what_aiohttp_refuses_by_itself_is_signed_and_counted_too(guarded, path):
    before = guarded.core.sample("refusals_total", reason="other")
    answer = guarded.post(path=path, headers={**BEARER, "Expect": "the-unexpected"})
    assert (answer.status, answer.headers["Server"]) == (417, "hpc.slurm")
    assert guarded.core.sample("refusals_total", reason="other") == before + 1


def test_no_secret_is_logged_or_answered(guarded, logged, capfd):
    """Not that of the listener, and not what a sender shows by mistake."""
    shown = "a-token-of-somebody-else-9876543210"
    answers = [
        guarded.ask(method, path, body, {"Authorization": given, "Cookie": shown})
        for given in (f"Bearer {shown}", f"Bearer {TOKEN}", basic(shown), f"Bearer {shown}\u00ff")
        for method, path, body in (
            ("POST", DOWN, b"n1"),
            ("POST", DOWN, b"n["),
            ("POST", f"/{shown}/node/down", b"n1"),
            ("POST", SNAPSHOT, b"{}"),
            ("PUT", DOWN, b"n1"),
            *(("GET", path, None) for path in GETS),
        )
    ]
    assert {answer.status for answer in answers} == {200, 202, 400, 401, 404, 405}
    told = repr(answers) + repr(logged()) + "".join(capfd.readouterr())
    assert TOKEN not in told and shown not in told


def test_what_a_sender_writes_is_never_logged_as_it_is(guarded, logged):
    for body in (b'n1\n{"decision": "stored"}', b"n1\x1b[2J", b"\xff\xfe"):
        assert guarded.post(body, headers=BEARER).status == 400
    assert "decision" not in repr(logged()) and "[2J" not in repr(logged())


def test_a_flood_of_refusals_is_one_line_a_second(listener, logged):
    for _number in range(50):
        listener.post(path="/nosuch/x/y")
    lines = [facts for decision, facts in logged() if decision == "refused"]
    assert 0 < len(lines) < 50
    assert lines[0] == {"status": 404, "reason": "path", "sender": "127.0.0.1"}
    assert listener.core.sample("refusals_total", reason="path") == 50


# Under the hood.


class SlowInbox:
    """Stores when it is let, and notes how many at a time."""

    def __init__(self):
        self.go, self.batches, self.failure = threading.Event(), [], None

    def store(self, entries):
        self.batches.append(list(entries))
        assert self.go.wait(10)
        if self.failure:
            raise self.failure


def test_those_that_come_while_a_write_is_under_way_share_the_next():
    async def scenario():
        inbox = SlowInbox()
        writer = _Writer(inbox)
        first = [asyncio.create_task(writer.store(name)) for name in "ab"]
        while not inbox.batches:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(writer.store(name)) for name in "cdef"]
        await asyncio.sleep(0)
        others[1].cancel()  # its sender has gone, and it is stored nevertheless
        inbox.go.set()
        results = await asyncio.gather(*first, *others, return_exceptions=True)
        assert [type(result) for result in results] == [type(None)] * 3 + [asyncio.CancelledError] + [type(None)] * 2
        await writer.store("g")
        return inbox.batches

    assert drive(scenario()) == [["a", "b"], ["c", "d", "e", "f"], ["g"]]


def test_one_alone_is_written_without_a_change_of_threads():
    class Inbox:
        def store(self, entries):
            threads.append((len(entries), threading.current_thread() is threading.main_thread()))

    async def scenario():
        writer = _Writer(Inbox())
        await writer.store("a")
        await asyncio.gather(writer.store("b"), writer.store("c"))

    threads = []
    drive(scenario())
    assert threads == [(1, True), (2, False)]


def test_all_that_share_a_write_hear_of_its_failure():
    async def scenario():
        inbox = SlowInbox()
        inbox.failure = sqlite3.OperationalError("database or disk is full")
        inbox.go.set()
        writer = _Writer(inbox)
        for names in ("ab", "c"):
            results = await asyncio.gather(*(writer.store(name) for name in names), return_exceptions=True)
            assert results == [inbox.failure] * len(names)
        inbox.failure = None
        await writer.store("d")

    drive(scenario())


def test_a_large_notification_holds_up_nobody(listener, monkeypatch):
    """It is read in a thread: others are answered meanwhile."""
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
        assert listener.ask("GET", "/healthz").status == 200
        assert not large.done()
        go.set()
        assert large.result().json["nodes"] == 10000
    wait_until(lambda: listener.woken == 2, "both to be stored")
