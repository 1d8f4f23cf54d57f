# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about nodes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace

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


def test_all_attributes(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sent", "failure"):  # the stand-in's own
        monkeypatch.delattr(Node, name)
    assert Slurm().node_attributes() == ["reason", "reason_user", "state", "weight"]
    assert sorted(Slurm().nodes()["n1"]) == ["reason", "reason_user", "state", "weight"]


def test_an_update_is_one_request(pyslurm: ModuleType) -> None:
    Slurm().update_nodes("n[1-3]", state="DRAIN", reason="r")
    assert Node.sent == [("n[1-3]", {"state": "DRAIN", "reason": "r"})]


def test_a_field_that_cannot_be_set(pyslurm: ModuleType) -> None:
    with pytest.raises(SlurmError, match="a node cannot be given {'nonsense': 1}: 'nonsense'") as caught:
        Slurm().update_nodes("n1", nonsense=1)
    assert (caught.value.call, Node.sent) == ("REQUEST_UPDATE_NODE", [])


@pytest.mark.parametrize(
    ("errno", "name", "kind"),
    [
        (2018, "ESLURM_INVALID_NODE_NAME", SlurmError),
        (2089, "ESLURM_TRIGGER_DUP", ConflictError),
        (2180, "ESLURM_INVALID_NODE_STATE_TRANSITION", ConflictError),
        (9999, None, SlurmError),
    ],
)
def test_an_rpc_error_is_ours(
    pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch, errno: int, name: str | None, kind: type[SlurmError]
) -> None:
    monkeypatch.setattr(Node, "failure", RPCError(errno))
    with pytest.raises(SlurmError) as caught:
        Slurm().update_nodes("n1", state="RESUME")
    assert caught.value.__class__ is kind
    assert (caught.value.errno, caught.value.name, caught.value.call) == (errno, name, "REQUEST_UPDATE_NODE")
    assert str(RPCError(errno)) in caught.value.message


def test_another_exception_is_a_fault_and_stays_what_it_is(
    pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Node, "failure", ZeroDivisionError("fault"))
    with pytest.raises(ZeroDivisionError):
        Slurm().update_nodes("n1", state="RESUME")


def test_a_weight_of_zero_is_not_one_that_is_not_set(pyslurm: ModuleType) -> None:
    pyslurm.Nodes.load()["n1"].weight = None
    assert Slurm().nodes(["weight"]) == {"n1": {"weight": 0}, "n2": {"weight": 2}}


class Latin1:
    """An attribute whose bytes are not UTF-8, as pyslurm has it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, source: object, kind: type) -> str:
        return self.text.encode("latin-1").decode()


def test_what_is_not_utf8_is_replaced_and_the_rest_is_read(pyslurm: ModuleType) -> None:
    class Spoilt(Node):
        reason = Latin1("d\u00e9fectueux")
        active_features = Latin1("a,caf\u00e9")

    well, spoilt = Node("n1", active_features=["a"]), Spoilt("n2", state="IDLE+DRAIN", reason_user="bob")
    well.state = "IDLE"
    vars(pyslurm).update(Nodes=SimpleNamespace(load=lambda: {"n1": well, "n2": spoilt}))
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


def test_what_a_command_prints_need_not_be_utf8(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "printf '1 node * down 0 root PERM /bin/caf\\351\\n'")
    assert [found["program"] for found in Slurm().triggers()] == ["/bin/caf\ufffd"]


def test_update_attributes(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    command("scontrol", f'test "$1" = --version || printf "%s\\n" "$@" >{tmp_path}/said')
    Slurm().update_attributes("n[1-2]", {"comment": "a b = c", "gres": ""})
    assert arguments_of(tmp_path) == ["update", "nodename=n[1-2]", "comment=a b = c", "gres="]
