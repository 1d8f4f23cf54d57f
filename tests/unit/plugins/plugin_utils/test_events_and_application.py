# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events, and the addresses by Flask's test client with a real inbox."""

from __future__ import annotations

import uuid

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils import hostlist
from ansible_collections.hpc.slurm.plugins.module_utils.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.application import create_application
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.events import (
    events_of,
    listener_event,
    notification,
)
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.inbox import Entry, Inbox
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.settings import Settings

ID = "listener-1"
TOKEN = "0123456789abcdef"
ORIGIN = str(uuid.UUID(int=7))
GOOD = {"Authorization": f"Bearer {TOKEN}"}


class Listener:
    """An application with what it stands on."""

    def __init__(self, path, **args):
        self.inbox, self.alive, self.woken = Inbox(path), True, 0
        settings = Settings.from_args(args)
        app = create_application(settings, ID, self.inbox, self.wake, lambda: self.alive)
        self.client = app.test_client()

    def wake(self):
        self.woken += 1

    def post(self, body=b"n1", where=f"/{ID}/node/down", **keys):
        return self.client.post(where, data=body, **keys)


@pytest.fixture
def make(tmp_path):
    made = []

    def build(**args):
        made.append(Listener(tmp_path / f"inbox{len(made)}", **args))
        return made[-1]

    yield build
    for listener in made:
        listener.inbox.close()


def entry_of(text: str) -> Entry:
    return Entry(1, ORIGIN, 86400.5, "notification", notification("node", "down", text), 0)


def test_an_event_a_node():
    entry = entry_of("n[1-2],gpu07")
    events = list(events_of(entry, "node", "lab"))
    assert events == list(events_of(entry, "node", "lab"))
    assert [event["type"] for event in events] == ["trigger_fired"] + ["node_state"] * 3
    assert events[0]["trigger"] == {"class": "node", "type": "down"}
    assert [event["meta"]["hosts"] for event in events] == [[], ["gpu07"], ["n1"], ["n2"]]
    assert {event["meta"]["received_at"] for event in events} == {"1970-01-02T00:00:00.500000+00:00"}
    assert len({event["meta"]["uuid"] for event in events}) == 4
    meta = events[1].pop("meta")
    assert meta["uuid"] == str(uuid.uuid5(uuid.UUID(ORIGIN), "node_state gpu07"))
    assert events[1] == {
        "type": "node_state",
        "node": "gpu07",
        "state": "down",
        "cluster": "lab",
        "origin": "trigger",
        "notification": ORIGIN,
    }


def test_an_event_a_notification():
    fired, batch = events_of(entry_of("n2,n1,n1"), "batch", None)
    assert fired["type"] == "trigger_fired"
    assert (batch["nodes"], batch["hostlist"], batch["meta"]["hosts"]) == (["n1", "n2"], "n[1-2]", ["n1", "n2"])


def test_ten_thousand_nodes():
    events = list(events_of(entry_of("n[00001-10000]"), "node", None))
    assert len({event["meta"]["uuid"] for event in events}) == 10001
    assert events[-1]["node"] == "n10000"


def test_an_event_as_it_is():
    event = listener_event("listener_up", {"id": ID})
    assert event["meta"]["hosts"] == []
    assert list(events_of(Entry(1, ORIGIN, 1.0, "event", event, 0), "node", "lab")) == [event]


@pytest.mark.parametrize(
    "text", ["sn1234567890,sn1234567891", "n1,n01", "a1b1,a1b2,a2b1", "1,2", "n[09-11]", "n1[1-3]"]
)
def test_what_is_folded_can_be_read_again(text):
    names = hostlist.expand(text)
    assert hostlist.expand(hostlist.fold(names)) == names


@pytest.mark.parametrize("text", ["n9[8-11]", "n[8-11]0", "n9999999[0-10]", "n" + "[0-9]" * 5000])
def test_texts_that_would_be_read_as_other_nodes(text):
    with pytest.raises(SlurmError, match="not a hostlist|more than the"):
        hostlist.expand(text)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
def test_accepted(make, kind):
    listener = make()
    answer = listener.post(b"n[1-3],n7\n", content_type=kind)
    assert answer.status_code == 202
    entry = listener.inbox.first()
    assert answer.json == {"id": entry.uuid, "nodes": 4}
    assert entry.content == {"class": "node", "type": "down", "hostlist": "n[1-3,7]", "count": 4}
    assert listener.woken == 1


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"@all", b"n[1-", b"n1 n2", b"n[1-5000000]", b"\xff\xfe", b"n" + b"[0-9]" * 5000, b"a=b&c"]
)
def test_a_body_that_is_no_hostlist(make, body):
    listener = make()
    answer = listener.post(body)
    assert (answer.status_code, list(answer.json)) == (400, ["error"])
    assert listener.inbox.first() is None and listener.woken == 0


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        f"Bearer  {TOKEN}",
        TOKEN,
        "Bearer \xff\xe4",
        "Bearer \u20ac",
    ],
)
def test_no_token_or_a_wrong_one(make, given):
    """Whatever else may be wrong with the request, nothing of it is told."""
    listener = make(token=TOKEN, max_body=1024)
    environ = {} if given is None else {"HTTP_AUTHORIZATION": given}
    requests = [("POST", f"/{ID}/node/down"), ("POST", "/other/x/y"), ("GET", f"/{ID}/node/down"), ("GET", "/healthz")]
    for method, where in requests:
        answer = listener.client.open(where, method=method, data=b"\xff" * 2000, environ_overrides=environ)
        assert answer.status_code == 401
    assert listener.inbox.first() is None


def test_the_token(make):
    listener = make(token=TOKEN)
    assert listener.post(headers=GOOD).status_code == 202
    assert listener.client.get("/healthz", headers=GOOD).status_code == 200


@pytest.mark.parametrize(
    "where",
    [
        "/",
        "/other-id/node/down",
        "/%ff%e4/node/down",
        f"/{ID}/job/down",
        f"/{ID}/node/reconfig",
        f"/{ID}/node",
        f"/{ID}/node/down/",
        f"//{ID}/node/down",
        f"/{ID}//node/down",
        "/static/x/y",
    ],
)
def test_another_address(make, where):
    listener = make()
    answer = listener.client.post(where, base_url="http://localhost", data=b"n1")
    assert (answer.status_code, list(answer.json)) == (404, ["error"])
    assert listener.inbox.first() is None


@pytest.mark.parametrize(
    ("method", "where"), [("GET", f"/{ID}/node/down"), ("PUT", f"/{ID}/node/up"), ("POST", "/healthz")]
)
def test_another_method(make, method, where):
    listener = make()
    assert listener.client.open(where, method=method, data=b"n1").status_code == 405
    assert listener.inbox.first() is None


def test_a_body_that_is_too_large(make):
    listener = make(max_body=1024)
    assert listener.post(b"n" * 1024).status_code == 202
    listener.inbox.remove(listener.inbox.first())
    assert listener.post(b"n" * 1025).status_code == 413
    assert listener.inbox.first() is None


def test_an_inbox_that_cannot_be_written(make):
    listener = make()
    listener.inbox._connection.execute("PRAGMA query_only=1")
    assert listener.post().status_code == 503
    assert listener.client.get("/healthz").json == {"status": "failing", "inbox": False, "feeder": True}
    assert listener.inbox.first() is None and listener.woken == 0
    listener.inbox._connection.execute("PRAGMA query_only=0")
    assert listener.post().status_code == 202
    assert listener.client.get("/healthz").json == {"status": "ok", "inbox": True, "feeder": True}


def test_a_feeder_that_has_ended(make):
    listener = make()
    listener.alive = False
    answer = listener.client.get("/healthz")
    assert (answer.status_code, answer.json) == (503, {"status": "failing", "inbox": True, "feeder": False})
