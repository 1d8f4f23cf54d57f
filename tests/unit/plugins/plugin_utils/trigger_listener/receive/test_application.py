# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses, on a real socket with a real inbox: what they answer and what is stored."""

from __future__ import annotations

import concurrent.futures
import time

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common.trigger_events import CLASSES, NODE_STATES
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.guard import RETRY_AFTER
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.show.page import SECURITY_HEADERS
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store import inbox as inbox_module
from ansible_collections.hpc.slurm.tests.unit.listener import ID, TOKEN, snapshot_body

DOWN, SNAPSHOT = f"/{ID}/node/down", f"/{ID}/snapshot"


# Accepted.


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "text/plain; charset=no-such", None]
)
def test_a_notification(listener, kind, logged):
    answer = listener.post(b"n[1-3],n7\n", headers={"Content-Type": kind} if kind else {})
    assert answer.status == 202
    ((number, hosts),) = listener.core.rows("SELECT uuid, hostlist FROM inbox")
    assert answer.json == {"id": number, "nodes": 4}
    assert hosts == "n[1-3],n7"
    assert listener.core.pending() == ["node down"]
    assert listener.stored_count == 1
    assert listener.core.sample("notifications_total", **{"class": "node", "type": "down", "result": "stored"}) == 1
    assert ("notification stored", {"id": number, "trigger": "node down", "nodes": 4, "hostlist": hosts}) in logged()


@pytest.mark.parametrize("state", NODE_STATES)
def test_every_type(shared, state):
    assert shared.post(b"n1", f"/{ID}/node/{state}").status == 202


def body_of(class_, type_):
    """Return what slurmctld appends to the program of a trigger."""
    if class_ == "job":
        return b"4711"
    return b"n1" if class_ == "node" and type_ in NODE_STATES else type_.encode()


@pytest.mark.parametrize(("class_", "type_"), [(class_, type_) for class_ in CLASSES for type_ in CLASSES[class_]])
def test_every_class_and_event_kind(shared, class_, type_):
    answer = shared.post(body_of(class_, type_), f"/{ID}/{class_}/{type_}")
    assert (answer.status, answer.json["nodes"]) == (202, int(body_of(class_, type_) == b"n1"))


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("job/fini", b"n1", "the body is not the id of a job: 'n1'"),
        ("job/fini", b"", "the body is not the id of a job: ''"),
        ("job/fini", b"1,2", "the body is not the id of a job: '1,2'"),
        ("job/fini", "\u0664".encode(), "the body is not the id of a job: '\u0664'"),
        ("slurmctld/primary_slurmctld_failure", b"n1", "the body is not primary_slurmctld_failure, which a trigger"),
        ("node/reconfig", b"n1", "the body is not reconfig, which a trigger of this event kind sends"),
    ],
)
def test_a_body_that_is_not_of_the_event_kind(shared, path, body, message):
    before = shared.entry_count()
    answer = shared.post(body, f"/{ID}/{path}")
    assert answer.status == 400 and answer.json["error"].startswith(message)
    assert shared.entry_count() == before


def test_a_sender_that_expects_100_continue(guarded):
    token = f"Authorization: Bearer {TOKEN}\r\n"
    head = f"POST {DOWN} HTTP/1.1\r\nHost: x\r\n{token}Expect: 100-continue\r\n"
    head += "Connection: close\r\nContent-Length: 2\r\n\r\n"
    with guarded.connect() as sock:
        sock.sendall(head.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"n1")
        assert sock.recv(65536).startswith(b"HTTP/1.1 202 ")


def test_a_snapshot(listener, logged):
    answer = listener.post(snapshot_body(), SNAPSHOT)
    assert answer.status == 202
    assert answer.json == {"id": listener.core.rows("SELECT uuid FROM inbox")[0], "events": 3}
    assert listener.stored_count == 1
    again = listener.post(snapshot_body(), SNAPSHOT)
    assert (again.status, again.json["events"]) == (202, 0)
    assert listener.core.sample("snapshots_total", result="stored") == 2
    facts = {"id": answer.json["id"], "nodes": 10, "events": 3, "hostlist": "n[1-3]"}
    assert ("snapshot compared", facts) in logged()


def test_concurrent_notifications_are_all_stored(listener):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: listener.post(f"n{number}"), range(200)))
    assert {answer.status for answer in answers} == {202}
    ids = [answer.json["id"] for answer in answers]
    assert sorted(listener.core.rows("SELECT uuid FROM inbox")) == sorted(ids)
    assert len(set(ids)) == listener.stored_count == 200


# Refused: 404, 405.


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
        f"/{ID}/job/idle",
        f"/{ID}/slurmctld/down",
        f"/{ID}/node/primary_slurmctld_failure",
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
    before = shared.entry_count()
    answer = shared.post(b"n1", path)
    assert (answer.status, list(answer.json)) == (404, ["error"])
    assert ID not in answer.body.decode()
    assert shared.entry_count() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", DOWN), ("PUT", DOWN), ("DELETE", SNAPSHOT), ("GET", SNAPSHOT), ("POST", "/healthz"), ("POST", "/")],
)
def test_another_method(shared, method, path):
    before = shared.entry_count()
    assert shared.ask(method, path, b"n1").status == 405
    assert shared.entry_count() == before


# 503.


def test_the_inbox_cannot_be_written(listener, logged):
    listener.post(snapshot_body(), SNAPSHOT)
    listener.core.metrics.snapshots.clear()
    before = (listener.entry_count(), listener.stored_count)
    listener.core.connection.execute("PRAGMA query_only=1")
    for path, body in ((DOWN, b"n1"), (SNAPSHOT, snapshot_body())):
        answer = listener.post(body, path)
        assert (answer.status, answer.json) == (503, {"error": "the inbox cannot be written: try again later"})
        assert answer.headers["Retry-After"] == str(RETRY_AFTER)
    health = listener.ask("GET", "/healthz")
    assert (health.status, health.json) == (
        503,
        {
            "status": "failing",
            "reasons": ["the inbox cannot be written: check the disk of state_dir"],
            "inbox": False,
            "feeder": True,
            "sync": True,
        },
    )
    assert listener.ask("GET", "/status").json["health"]["status"] == "failing"
    assert b'hpc_slurm_healthy{check="inbox"} 0.0' in listener.ask("GET", "/metrics").body
    assert (listener.entry_count(), listener.stored_count) == before
    assert ("inbox unavailable", {"error": "attempt to write a readonly database"}) in logged()
    sample = listener.core.sample
    assert sample("notifications_total", **{"class": "node", "type": "down", "result": "unwritable"}) == 1
    assert sample("snapshots_total", result="unwritable") == 1
    listener.core.connection.execute("PRAGMA query_only=0")
    assert listener.post().status == 202
    assert listener.ask("GET", "/healthz").json["status"] == "ok"


def test_the_inbox_is_full(listener, monkeypatch):
    monkeypatch.setattr(inbox_module, "MOST_PENDING", 1)
    assert listener.post().status == 202
    for path, body in ((DOWN, b"n2"), (SNAPSHOT, snapshot_body("n2"))):
        answer = listener.post(body, path)
        assert (answer.status, answer.json) == (503, {"error": "the inbox is full: try again later"})
    listener.core.inbox.complete(listener.core.resolver.next_entry(), "delivered")
    assert listener.post(snapshot_body("n2"), SNAPSHOT).status == 202


def test_the_database_cannot_be_read(listener):
    listener.core.connection.execute("ALTER TABLE last_sync RENAME TO elsewhere")
    assert listener.ask("GET", "/healthz").status == 503
    assert listener.ask("GET", "/status").status == 503
    metrics = listener.ask("GET", "/metrics")
    assert metrics.status == 200 and b'hpc_slurm_healthy{check="inbox"} 0.0' in metrics.body
    listener.core.connection.execute("ALTER TABLE elsewhere RENAME TO last_sync")
    assert listener.ask("GET", "/status").status == 200


# What GET answers.


def test_healthz(listener):
    health = listener.ask("GET", "/healthz")
    assert (health.status, health.json["sync"]) == (503, False)
    assert health.json["reasons"] == ["no sync has succeeded yet, the first one may still run"]
    listener.post(snapshot_body(), SNAPSHOT)
    answer = listener.ask("GET", "/healthz")
    assert answer.json == {"status": "ok", "reasons": [], "inbox": True, "feeder": True, "sync": True}


def test_a_sync_on_request(listener):
    answer = listener.post(b"", f"/{ID}/sync")
    assert answer.status == 202 and abs(answer.json["requested"] - time.time()) < 60
    assert listener.sync_count == 1
    assert listener.post(b"", "/listener-of-another/sync").status == 404
    assert listener.sync_count == 1


def test_a_sync_that_failed(listener, logged):
    assert listener.post(b"ctl1: Host key verification failed.", f"/{ID}/sync_failure").status == 202
    assert listener.ask("GET", "/status").json["sync"]["failure"]["error"] == "ctl1: Host key verification failed."
    assert ("sync failed", {"error": "ctl1: Host key verification failed."}) in logged()
    listener.post(b"x" * 5000, f"/{ID}/sync_failure")
    assert listener.ask("GET", "/status").json["sync"]["failure"]["error"] == "x" * 2000
    listener.post(b"", f"/{ID}/sync_failure")
    assert listener.ask("GET", "/status").json["sync"]["failure"]["error"] == "it gave no reason"


def test_delivery_is_stopped(listener):
    listener.post(snapshot_body(), SNAPSHOT)
    listener.problem = "delivery waits for the disk of state_dir: full"
    answer = listener.ask("GET", "/healthz")
    assert (answer.status, answer.json["reasons"]) == (503, [listener.problem])


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
