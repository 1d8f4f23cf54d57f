# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of reactions: accepted whole or refused, and shown with their event."""

from __future__ import annotations

import json

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.record_body import parse_record
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.records import Group, Record
from ansible_collections.hpc.slurm.tests.unit.listener import BEARER, ID

RECORD = f"/{ID}/record"
GROUP = {"nodes": "n[1-2]", "decision": "resumed", "why": "slurmctld set it down"}
CONTENT = {"event": "e", "notification": "i", "playbook": "hpc.slurm.node_down", "groups": [GROUP]}


def test_a_record():
    wanted = Record("e", "i", "hpc.slurm.node_down", 5.0, [Group("n[1-2]", "resumed", "slurmctld set it down")])
    assert parse_record(json.dumps(CONTENT), 5.0) == wanted
    assert parse_record(json.dumps({**CONTENT, "groups": []}), 5.0).groups == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ([], "the record must be an object with event, notification, playbook, groups"),
        ({**CONTENT, "more": 1}, "the record must be an object"),
        ({**CONTENT, "event": 7}, "the record: event has another type"),
        ({**CONTENT, "groups": {}}, "the record: groups has another type"),
        ({**CONTENT, "groups": [7]}, r"groups\[0\] must be an object with nodes, decision, why"),
        ({**CONTENT, "groups": [GROUP, {**GROUP, "why": None}]}, r"groups\[1\]: why has another type"),
        ({**CONTENT, "groups": [{**GROUP, "nodes": "n["}]}, r"groups\[0\]: "),
    ],
)
def test_what_is_refused(content, message):
    with pytest.raises(SlurmError, match=message):
        parse_record(content if isinstance(content, str) else json.dumps(content), 5.0)


def test_the_address(guarded, logged):
    entry = guarded.core.notify("down", "n[1-2]")
    body = json.dumps({**CONTENT, "notification": entry.uuid})
    assert guarded.post(body, RECORD).status == 401
    assert guarded.post(body, "/another-listener-id/record", headers=BEARER).status == 404
    assert guarded.post("{}", RECORD, headers=BEARER).status == 400
    answer = guarded.post(body, RECORD, headers=BEARER)
    assert (answer.status, answer.json) == (202, {"groups": 1})
    facts = {"nodes": "n[1-2]", "outcome": "resumed", "why": "slurmctld set it down"}
    assert ("reaction recorded", {"event": "e", "playbook": "hpc.slurm.node_down", **facts}) in logged()
    (shown,) = [it for it in guarded.ask("GET", "/status", headers=BEARER).json["entries"] if it["id"] == entry.uuid]
    assert shown["reactions"] == [GROUP]


def test_the_last_record_of_an_event_is_shown(guarded):
    entry = guarded.core.notify("down", "n[1-2]")
    for decision in ("failed", "resumed"):
        body = {**CONTENT, "event": "e2", "notification": entry.uuid, "groups": [{**GROUP, "decision": decision}]}
        assert guarded.post(json.dumps(body), RECORD, headers=BEARER).status == 202
    (shown,) = [it for it in guarded.ask("GET", "/status", headers=BEARER).json["entries"] if it["id"] == entry.uuid]
    assert [it["decision"] for it in shown["reactions"]] == ["resumed"]


def test_the_disk_cannot_be_written(listener):
    listener.core.connection.execute("PRAGMA query_only=1")
    assert listener.post(json.dumps(CONTENT), RECORD).status == 503
