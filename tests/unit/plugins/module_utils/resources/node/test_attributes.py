# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node import attributes as node_attributes
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import cluster, run

TABLE: list[tuple[str, Any, Any, str]] = [
    ("comment", " a = b ", " a = b ", " a = b "),
    ("comment", 12, "12", "12"),
    ("comment", "", None, ""),
    ("comment", None, None, ""),
    ("extra", "e", "e", "e"),
    ("extra", "  ", "  ", "  "),
    ("weight", 7, 7, "7"),
    ("weight", "7", 7, "7"),
    ("weight", 0, 0, "0"),
    ("weight", "", 1, "1"),
    ("weight", None, 1, "1"),
    ("available_features", "b,a , a", ["a", "b"], "a,b"),
    ("available_features", ["b", " a"], ["a", "b"], "a,b"),
    ("available_features", [], [], ""),
    ("active_features", "", [], ""),
    ("active_features", None, [], ""),
    ("configured_gres", "gpu:2", {"gpu": 2}, "gpu:2"),
    ("configured_gres", "gpu:tesla:1,gpu:2", {"gpu": 2, "gpu:tesla": 1}, "gpu:2,gpu:tesla:1"),
    ("configured_gres", ["gpu:tesla:1", "fpga:0"], {"fpga": 0, "gpu:tesla": 1}, "fpga:0,gpu:tesla:1"),
    ("configured_gres", {"gpu:tesla": "1", "gpu": 2}, {"gpu": 2, "gpu:tesla": 1}, "gpu:2,gpu:tesla:1"),
    ("configured_gres", "gpu", {"gpu": 1}, "gpu:1"),
    ("configured_gres", "gpu:tesla", {"gpu:tesla": 1}, "gpu:tesla:1"),
    ("configured_gres", "gpu:1g.5gb:2", {"gpu:1g.5gb": 2}, "gpu:1g.5gb:2"),
    ("configured_gres", ["fpga:1K"], {"fpga": 1024}, "fpga:1024"),
    ("configured_gres", {"bw:no_consume": "4g"}, {"bw:no_consume": 4 << 30}, "bw:no_consume:4294967296"),
    ("configured_gres", "bw:lustre:no_consume:2", {"bw:lustre:no_consume": 2}, "bw:lustre:no_consume:2"),
    ("configured_gres", {}, {}, ""),
    ("configured_gres", "", {}, ""),
    ("configured_gres", None, {}, ""),
    ("cpu_binding", "Cores", "core", "core"),
    ("cpu_binding", "ldoms", "ldom", "ldom"),
    ("cpu_binding", "socket", "socket", "socket"),
    ("cpu_binding", "threads", "thread", "thread"),
    ("cpu_binding", "none", None, "off"),
    ("cpu_binding", "off", None, "off"),
    ("cpu_binding", "", None, "off"),
    ("cpu_binding", False, None, "off"),  # what YAML makes of off
    ("cpu_binding", None, None, "off"),
    ("address", " gpu07-ib ", "gpu07-ib", "gpu07-ib"),
    ("hostname", "gpu07", "gpu07", "gpu07"),
]


@pytest.mark.parametrize(("name", "given", "compared", "formatted"), TABLE)
def test_attribute_forms(name: str, given: Any, compared: Any, formatted: str) -> None:
    assert node_attributes.normalised({name: given}) == {name: compared}
    assert node_attributes.record_of({name: given, "state": []}, [name]) == {name: compared}
    assert node_attributes.normalised({name: compared}) == {name: compared}
    assert node_attributes.scontrol_fields({name: compared}) == {node_attributes.ATTRIBUTES[name].key: formatted}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"comment": "a\nb"}, "an attribute of a node is one line"),
        ({"comment": "a\0b"}, "comment has a NUL character"),
        ({"extra": "caf\udce9"}, "extra is not UTF-8"),
        ({"weight": "heavy"}, "weight is a whole number, this is 'heavy'"),
        ({"weight": -1}, "weight is a whole number"),
        ({"weight": 1.5}, "weight is a whole number"),
        ({"configured_gres": "gpu:"}, r"configured_gres is a list of NAME\[:TYPE\]\[:no_consume\]\[:COUNT\]"),
        ({"configured_gres": ":2"}, "configured_gres is a list of NAME"),
        ({"configured_gres": "2"}, "configured_gres is a list of NAME"),
        ({"configured_gres": "gpu:-1"}, "configured_gres is a list of NAME"),
        ({"configured_gres": "gpu:1.5"}, "configured_gres is a list of NAME"),
        ({"configured_gres": "gpu:a:b:1"}, "configured_gres is a list of NAME"),
        ({"configured_gres": {"gpu": -1}}, "configured_gres is a list of NAME"),
        ({"configured_gres": {"gpu": None}}, "configured_gres is a list of NAME"),
        ({"configured_gres": {"gpu": "tesla"}}, "configured_gres is a list of NAME"),
        ({"configured_gres": {"gpu": ""}}, "configured_gres is a list of NAME"),
        ({"cpu_binding": "tight"}, "cpu_binding is one of off, core, socket, ldom, thread"),
        ({"address": ""}, "address cannot be cleared"),
        ({"hostname": None}, "hostname cannot be cleared"),
        ({"wight": 1}, r"a node has no attribute to set wight: did you mean weight\?"),
        ({"state": "DRAIN"}, "a node has no attribute to set state"),
    ],
)
def test_an_invalid_attribute_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        node_attributes.normalised(given)


# In the plan of slurm_node.


def test_attributes_alone() -> None:
    slurm = cluster("IDLE", "MIXED", "IDLE+DRAIN", reason="theirs")
    slurm.records["n1"]["comment"] = "there"
    task = {"nodes": ["n[1-3]"], "attributes": {"comment": "there", "weight": 5}}
    predicted = run(slurm, check_mode=True, **task)
    assert sum(slurm.writes.values()) == 0
    outcome = run(slurm, **task)
    assert outcome == predicted
    assert outcome["diff"]["before"] == {
        "n1": {"weight": 1},
        "n2": {"comment": None, "weight": 1},
        "n3": {"comment": None, "weight": 1},
    }
    assert outcome["nodes"]["n3"] == {
        "state": ["IDLE", "DRAIN"],
        "reason": "theirs",
        "reason_user": "alice",
        "comment": "there",
        "weight": 5,
    }
    assert slurm.writes == {"update_attributes": 1}
    assert run(slurm, **task)["changed"] is False
    assert slurm.writes == {"update_attributes": 1}


def test_only_differing_attributes_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = cluster("IDLE", "IDLE", "IDLE")
    for record in slurm.records.values():
        record["extra"] = "same"
    slurm.records["n1"]["weight"] = 5
    sent: list[Any] = []
    monkeypatch.setattr(slurm, "update_attributes", lambda nodes, fields: sent.append((nodes, fields)))
    run(slurm, nodes=["n[1-3]"], attributes={"extra": "same", "weight": 5})
    assert sent == [("n[2-3]", {"weight": "5"})]


def test_state_reason_and_attributes_take_one_request_each() -> None:
    slurm = cluster("IDLE", "IDLE+DRAIN", "IDLE+DRAIN", reason="old")
    slurm.records["n3"].update(reason="new", comment="c")
    task = {
        "nodes": ["n[1-3]"],
        "state": "drained",
        "reason": "new",
        "update_reason": True,
        "attributes": {"comment": "c"},
    }
    predicted = run(slurm, check_mode=True, **task)
    outcome = run(slurm, **task)
    assert outcome == predicted
    assert outcome["changed_nodes"] == ["n1", "n2"]
    assert outcome["diff"]["after"] == {
        "n1": {"state": ["IDLE", "DRAIN"], "reason": "new", "reason_user": "root", "comment": "c"},
        "n2": {"reason": "new", "reason_user": "root", "comment": "c"},
    }
    assert slurm.writes == {"update_attributes": 1, "update_nodes": 2}
    assert run(slurm, **task)["changed"] is False


def test_only_reason_applies_to_attributes() -> None:
    slurm = cluster("IDLE+DRAIN", "IDLE+DRAIN", reason="ours")
    slurm.records["n2"]["reason"] = "theirs"
    outcome = run(slurm, nodes=["n[1-2]"], attributes={"comment": "c"}, only_reason="^ours")
    assert (outcome["changed_nodes"], list(outcome["skipped_nodes"])) == (["n1"], ["n2"])
    assert [record["comment"] for record in slurm.records.values()] == ["c", None]


@pytest.mark.parametrize("attributes", [{"nosuch": 1}, {"address": ""}, {"weight": "x"}])
def test_attributes_that_are_refused_before_any_request(attributes: dict[str, Any]) -> None:
    slurm = cluster("IDLE")
    with pytest.raises(SlurmError):
        run(slurm, attributes=attributes)
    assert (sum(slurm.reads.values()), sum(slurm.writes.values())) == (0, 0)


def test_an_address_is_set_on_one_node_at_a_time() -> None:
    slurm = cluster("IDLE", "IDLE")
    with pytest.raises(SlurmError, match=r"address and hostname are for one node at a time, these are n\[1-2\]"):
        run(slurm, check_mode=True, nodes=["n[1-2]"], attributes={"address": "other"})
    assert run(slurm, attributes={"address": "other"})["nodes"]["n1"]["address"] == "other"
    # Only what is to change counts: n1 is there already.
    assert run(slurm, nodes=["n[1-2]"], attributes={"address": "other"})["changed_nodes"] == ["n2"]
