# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about nodes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import (
    Command,
    Node,
    RPCError,
    arguments_of,
)


def test_nodes_are_plain_values(pyslurm: ModuleType) -> None:
    assert Slurm().nodes(["state", "reason", "reason_user"]) == {
        "n1": {"state": ["IDLE", "DRAIN", "NOT_RESPONDING"], "reason": "r", "reason_user": "alice"},
        # uid 0 is what an unset one reads as: nobody gave a reason.
        "n2": {"state": ["MIXED"], "reason": None, "reason_user": None},
    }
    assert Slurm().nodes(["reason_user"]) == {"n1": {"reason_user": "alice"}, "n2": {"reason_user": None}}


def test_all_attributes(pyslurm: ModuleType, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("sinfo", "true")
    for name in ("sent", "failure"):  # the stand-in's own
        monkeypatch.delattr(Node, name)
    gres = ["allocated_gres", "allocated_gres_indexes", "configured_gres"]
    assert Slurm().node_attributes() == [*gres, "reason", "reason_user", "state", "weight"]
    assert sorted(Slurm().nodes()["n1"]) == Slurm().node_attributes()


def test_an_update_takes_one_request(pyslurm: ModuleType) -> None:
    Slurm().update_nodes("n[1-3]", state="DRAIN", reason="r")
    assert Node.sent == [("n[1-3]", {"state": "DRAIN", "reason": "r"})]


def test_a_field_that_cannot_be_set_is_refused(pyslurm: ModuleType) -> None:
    with pytest.raises(SlurmError, match="a node cannot be given {'nonsense': 1}: 'nonsense'") as caught:
        Slurm().update_nodes("n1", nonsense=1)
    assert (caught.value.call, Node.sent) == ("REQUEST_UPDATE_NODE", [])


@pytest.mark.parametrize(
    ("errno", "name", "kind"),
    [
        (2018, "ESLURM_INVALID_NODE_NAME", SlurmError),
        (2089, "ESLURM_TRIGGER_DUP", ConflictError),
        (2028, "ESLURM_INVALID_NODE_STATE", ConflictError),
        (2180, "ESLURM_INVALID_NODE_STATE_TRANSITION", ConflictError),
        (9999, None, SlurmError),
    ],
)
def test_an_rpc_error_becomes_a_slurm_error(
    pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch, errno: int, name: str | None, kind: type[SlurmError]
) -> None:
    monkeypatch.setattr(Node, "failure", RPCError(errno))
    with pytest.raises(SlurmError) as caught:
        Slurm().update_nodes("n1", state="RESUME")
    assert caught.value.__class__ is kind
    assert (caught.value.errno, caught.value.name, caught.value.call) == (errno, name, "REQUEST_UPDATE_NODE")
    assert str(RPCError(errno)) in caught.value.message


def test_another_exception_is_not_caught(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Node, "failure", ZeroDivisionError("fault"))
    with pytest.raises(ZeroDivisionError):
        Slurm().update_nodes("n1", state="RESUME")


def test_a_weight_of_zero(pyslurm: ModuleType) -> None:
    pyslurm.Nodes.load()["n1"].weight = None
    assert Slurm().nodes(["weight"]) == {"n1": {"weight": 0}, "n2": {"weight": 2}}


class Latin1:
    """An attribute whose bytes are not UTF-8, as pyslurm has it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, source: object, kind: type) -> str:
        return self.text.encode("latin-1").decode()


def test_bytes_that_are_not_utf8_are_replaced(pyslurm: ModuleType) -> None:
    class Invalid(Node):
        reason = Latin1("d\u00e9fectueux")
        active_features = Latin1("a,caf\u00e9")

    valid, invalid = Node("n1", active_features=["a"]), Invalid("n2", state="IDLE+DRAIN", reason_user="bob")
    valid.state = "IDLE"
    vars(pyslurm).update(Nodes=SimpleNamespace(load=lambda: {"n1": valid, "n2": invalid}))
    assert Slurm().nodes(["state", "reason", "reason_user", "active_features"]) == {
        "n1": {"state": ["IDLE"], "reason": None, "reason_user": None, "active_features": ["a"]},
        "n2": {
            "state": ["IDLE", "DRAIN"],
            "reason": "d\ufffdfectueux",
            "reason_user": "bob",
            "active_features": ["a", "caf\ufffd"],
        },
    }
    assert Slurm().nodes(["reason_user"])["n2"] == {"reason_user": "bob"}


def test_output_of_a_command_that_is_not_utf8(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "printf '1 node * down 0 root PERM /bin/caf\\351\\n'")
    assert [found["program"] for found in Slurm().triggers()] == ["/bin/caf\ufffd"]


def test_update_attributes(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    command("scontrol", f'test "$1" = --version || printf "%s\\n" "$@" >{tmp_path}/said')
    Slurm().update_attributes("n[1-2]", {"comment": "a b = c", "gres": ""})
    assert arguments_of(tmp_path) == ["update", "nodename=n[1-2]", "comment=a b = c", "gres="]


GRES = ("configured_gres", "allocated_gres", "allocated_gres_indexes")


def test_generic_resources_are_those_of_sinfo(pyslurm: ModuleType, command: Command) -> None:
    line = "n[1-2]|gpu:tesla:4,bandwidth:no_consume:4G|gpu:tesla:2(IDX:0,2),bandwidth:0|"
    command("sinfo", f"echo '{line}'")
    expected = {
        "configured_gres": {"gpu:tesla": 4, "bandwidth:no_consume": 4 << 30},
        "allocated_gres": {"gpu:tesla": 2},
        "allocated_gres_indexes": {"gpu:tesla": "0,2"},
    }
    assert Slurm().nodes(GRES) == {"n1": expected, "n2": expected}
    assert Slurm().nodes(["weight", "allocated_gres"])["n1"] == {"weight": 1, "allocated_gres": {"gpu:tesla": 2}}


def test_sinfo_is_not_run_for_other_attributes(pyslurm: ModuleType) -> None:
    assert Slurm().nodes(["weight"])["n1"] == {"weight": 1}


class Odd:
    """An attribute that pyslurm cannot convert."""

    def __get__(self, source: object, kind: type) -> int:
        return int("no_consume")


def test_a_node_without_a_partition_is_not_in_sinfo(pyslurm: ModuleType, command: Command) -> None:
    class OddNode(Node):
        configured_gres = Odd()

    command("sinfo", "true")
    nodes = {"n1": Node("n1", configured_gres={"gpu": 2}), "n2": OddNode("n2")}
    vars(pyslurm).update(Nodes=SimpleNamespace(load=lambda: nodes))
    slurm = Slurm()
    none: dict[str, Any] = {"allocated_gres": {}, "allocated_gres_indexes": {}}
    assert slurm.nodes(GRES) == {
        "n1": {"configured_gres": {"gpu": 2}, **none},
        "n2": {"configured_gres": None, **none},
    }
    assert slurm.warnings() == [
        "configured_gres of node n2 cannot be read and is returned as null: pyslurm raises ValueError: invalid literal "
        "for int() with base 10: 'no_consume'"
    ]
