# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapter, with a stand-in for pyslurm and small scripts as Slurm's commands."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.values import plain

TEXTS = {
    2002: "Access/permission denied",
    2018: "Invalid node name specified",
    2089: "Duplicate event trigger",
    2180: "Invalid node state transition",
}


class RPCError(Exception):
    def __init__(self, errno: int) -> None:
        super().__init__(TEXTS.get(errno, "odd"))
        self.errno = errno


class Config:
    """What the adapter uses of pyslurm.slurmctld.Config."""

    slurm_user_name = "slurm"

    @staticmethod
    def load() -> Config:
        return Config()


class Node:
    """What the adapter uses of pyslurm.Node."""

    state = reason = reason_user = weight = None
    sent: list[tuple[str, dict[str, Any]]] = []
    failure: Exception | None = None

    def __init__(self, name: str = "", **fields: Any) -> None:
        self.name, self.fields = name, fields
        if "nonsense" in fields:
            raise KeyError("nonsense")
        for field, value in fields.items():
            setattr(self, field, value)

    def modify(self, change: Node) -> None:
        if Node.failure:
            raise Node.failure
        Node.sent.append((self.name, change.fields))


Command = Callable[[str, str], None]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Write a shell script that is found as a command; there is no other one of Slurm's."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))

    def write(name: str, text: str) -> None:
        (directory / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (directory / name).chmod(0o755)

    return write


@pytest.fixture
def pyslurm(monkeypatch: pytest.MonkeyPatch, command: Command) -> ModuleType:
    module = ModuleType("pyslurm")
    inits: list[str | None] = []
    nodes = {
        "n1": Node("n1", state="IDLE+NOT_RESPONDING+DRAIN", reason="r", reason_user="alice", weight=1),
        "n2": Node("n2", state="MIXED", reason=None, reason_user="root", weight=2),
    }
    vars(module).update(
        __version__="25.11.2",
        RPCError=RPCError,
        Node=Node,
        Nodes=SimpleNamespace(load=lambda: nodes),
        slurmctld=SimpleNamespace(Config=Config),
        slurm_api_version=lambda: (26, 5, 5),
        inits=inits,
        slurm_init=inits.append,
        error=SimpleNamespace(slurm_strerror=lambda errno: TEXTS.get(errno, f"Unknown error {errno}")),
        ESLURM_ACCESS_DENIED=2002,
        ESLURM_INVALID_NODE_NAME=2018,
        ESLURM_TRIGGER_DUP=2089,
        ESLURM_TEXT="not a number",
        OTHER_NUMBER=2018,
    )
    monkeypatch.setitem(sys.modules, "pyslurm", module)
    monkeypatch.setattr(Node, "sent", [])
    monkeypatch.setattr(Node, "failure", None)
    monkeypatch.delenv("SLURM_CONF", raising=False)
    monkeypatch.delenv("PYSLURM_DISABLE_AUTO_INIT", raising=False)
    return module


# How pyslurm is reached.


def test_pyslurm_is_initialised_once_and_by_us(pyslurm: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "slurm.conf").touch()
    slurm = Slurm(str(tmp_path / "slurm.conf"))
    assert pyslurm.inits == []
    slurm.config()
    slurm.nodes()
    assert pyslurm.inits == [str(tmp_path / "slurm.conf")]
    assert os.environ["PYSLURM_DISABLE_AUTO_INIT"] == "1"


def test_without_a_conf_slurm_finds_it(pyslurm: ModuleType) -> None:
    Slurm().config()
    assert pyslurm.inits == [None]


def test_pyslurm_is_missing(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyslurm", None)
    with pytest.raises(SlurmError) as caught:
        Slurm().config()
    assert "pyslurm cannot be imported" in caught.value.message
    assert sys.executable in caught.value.message
    assert "ansible_python_interpreter" in caught.value.message


def test_pyslurm_is_too_old(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pyslurm, "Nodes")
    with pytest.raises(SlurmError, match="pyslurm 25.11.2 is too old: it has no Nodes"):
        Slurm().config()


@pytest.mark.parametrize("said", ["slurm 26.05.5", "slurm-wlm 26.05.0", ""])
def test_pyslurm_of_the_same_release(pyslurm: ModuleType, command: Command, said: str) -> None:
    command("scontrol", f'test "$1" = --version && echo "{said}"' if said else "exit 1")
    assert Slurm().config() == {"slurm_user_name": "slurm"}


@pytest.mark.parametrize("said", ["slurm 25.11.2", "slurm 26.5.1", "slurm 26.050.1"])
def test_pyslurm_of_another_release(pyslurm: ModuleType, command: Command, said: str) -> None:
    command("scontrol", f'echo "{said}"')
    release = said.split()[1]
    with pytest.raises(SlurmError) as caught:
        Slurm().config()
    assert caught.value.message == (
        f"pyslurm 25.11.2 was built for Slurm 26.05, this host has Slurm {release}: "
        f"install pyslurm {release.rpartition('.')[0]}"
    )
    assert pyslurm.inits == []


def test_the_conf_of_the_option_is_missing(pyslurm: ModuleType) -> None:
    with pytest.raises(SlurmError) as caught:
        Slurm("/no/such/slurm.conf").nodes()
    assert caught.value.message == "no slurm.conf at /no/such/slurm.conf, which the option slurm_conf names"
    assert pyslurm.inits == []


def test_the_conf_of_the_environment_is_missing(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", "/no/such/slurm.conf")
    with pytest.raises(SlurmError, match="which the environment variable SLURM_CONF names"):
        Slurm().nodes()


def test_the_conf_may_not_be_read(pyslurm: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slurm.conf").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SlurmError, match="may not read .*slurm.conf: use become"):
        Slurm(str(tmp_path / "slurm.conf")).nodes()


# Nodes.


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


class Flag:
    def __str__(self) -> str:
        return "FLAG"


VALUES = [
    (None, None),
    (True, True),
    (0, 0),
    (1.5, 1.5),
    ("", ""),
    ({1: (1, 2)}, {"1": [1, 2]}),
    ([{"a": {"c", "b"}}], [{"a": ["b", "c"]}]),
    (frozenset(), []),
    (Flag(), "FLAG"),
    (SimpleNamespace(to_dict=lambda: {"flag": Flag()}), {"flag": "FLAG"}),
]


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert plain(plain(value)) == expected


def test_a_weight_of_zero_is_not_one_that_is_not_set(pyslurm: ModuleType) -> None:
    pyslurm.Nodes.load()["n1"].weight = None
    assert Slurm().nodes(["weight"]) == {"n1": {"weight": 0}, "n2": {"weight": 2}}


def said(tmp_path: Path) -> list[str]:
    return (tmp_path / "said").read_text(encoding="utf-8").splitlines()


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
    assert said(tmp_path) == ["update", "nodename=n[1-2]", "comment=a b = c", "gres="]


# Jobs.


class Job:
    """What the adapter uses of pyslurm.Job, each attribute a fault unless it is given."""

    def __init__(self, **given: Any) -> None:
        self.given, self.steps = given, {"batch": Step()}

    def __getattr__(self, name: str) -> Any:
        if name not in self.given:
            raise ZeroDivisionError(f"{name} was evaluated")
        return self.given[name]


class Step:
    name = property(lambda self: "batch")
    stats = property(lambda self: 1 / 0)
    pids = property(lambda self: 1 / 0)


class Jobs(dict[int, Any]):
    loaded = 0

    def load_steps(self) -> None:
        self.loaded += 1


@pytest.fixture
def jobs(pyslurm: ModuleType) -> Jobs:
    """Jobs of which one has nothing but what is needed to choose."""
    array = {"array_id": 7, "array_task_id": None, "heterogeneous_id": None, "heterogeneous_offset": None}
    found = Jobs(
        {
            7: Job(**array, array_tasks_waiting="1-2", id=7, state="PENDING", name="a"),
            8: Job(**array, array_tasks_waiting=None, id=8, state="RUNNING", name="b"),
            9: Job(
                array_id=None,
                array_task_id=None,
                array_tasks_waiting=None,
                heterogeneous_id=9,
                heterogeneous_offset=None,
                id=9,
                state="RUNNING",
            ),
        }
    )
    vars(pyslurm).update(Jobs=SimpleNamespace(load=lambda: found), Job=Job)
    return found


def test_no_more_is_evaluated_than_is_needed(jobs: Jobs) -> None:
    found = Slurm().jobs(("id", "state"), lambda job: job["id"] != 9, ("name",))
    assert found == {
        7: ({"id": 7, "state": "PENDING"}, {"name": "a"}),
        8: ({"id": 8, "state": "RUNNING"}, {"name": "b"}),
    }
    assert jobs.loaded == 0
    with pytest.raises(ZeroDivisionError, match="name was evaluated"):
        Slurm().jobs((), lambda job: True, ("name",))


def test_a_task_and_a_component_of_number_zero(jobs: Jobs) -> None:
    found = Slurm().jobs((), lambda job: True, ("array_task_id", "heterogeneous_offset"))
    assert {number: tuple(details.values()) for number, (_needed, details) in found.items()} == {
        7: (None, None),  # the tasks that wait
        8: (0, None),
        9: (None, 0),
    }


def test_steps(jobs: Jobs) -> None:
    found = Slurm().jobs(("id",), lambda job: job["id"] == 8, (), steps=True)
    assert found == {8: ({"id": 8}, {"steps": {"batch": {"name": "batch"}}})}
    assert jobs.loaded == 1


def test_the_attributes_of_a_job(pyslurm: ModuleType) -> None:
    attributes = dict.fromkeys(("user_name", "id", "steps", "stats", "pids", "_hidden"), property())
    vars(pyslurm).update(Job=type("Job", (), {**attributes, "cancel": print, "__doc__": None}))
    assert Slurm().job_attributes() == ["id", "user_name"]


def test_jobs_cannot_be_had(pyslurm: ModuleType) -> None:
    def load() -> None:
        raise RPCError(2002)

    vars(pyslurm).update(Jobs=SimpleNamespace(load=load))
    with pytest.raises(SlurmError) as caught:
        Slurm().jobs((), lambda job: True, ())
    assert (caught.value.name, caught.value.call) == ("ESLURM_ACCESS_DENIED", "REQUEST_JOB_INFO")


# Reservations.


def test_reservations(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    command(
        "scontrol",
        f'test "$1" = --version || {{ echo "$LC_ALL $SLURM_TIME_FORMAT $*" >{tmp_path}/said; echo No reservations; }}',
    )
    assert Slurm().reservations() == []
    assert said(tmp_path) == ["C %s show reservation --all --oneliner"]


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (
            lambda slurm: slurm.create_reservation("r", {"nodes": "n1", "comment": "a b"}),
            ["create", "reservation", "reservationname=r", "nodes=n1", "comment=a b"],
        ),
        (
            lambda slurm: slurm.update_reservation("r", {"nodes+": "n1", "users": ""}),
            ["update", "reservationname=r", "nodes+=n1", "users="],
        ),
        (lambda slurm: slurm.delete_reservation("r"), ["delete", "reservationname=r"]),
    ],
)
def test_writes_of_reservations(
    pyslurm: ModuleType, command: Command, tmp_path: Path, write: Callable[[Slurm], None], words: list[str]
) -> None:
    command("scontrol", f'test "$1" = --version || printf "%s\\n" "$@" >{tmp_path}/said')
    write(Slurm())
    assert said(tmp_path) == words


def test_a_name_that_somebody_else_took(pyslurm: ModuleType, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEXTS, 2082, "Duplicate reservation name")
    vars(pyslurm).update(ESLURM_RESERVATION_NAME_DUP=2082)
    words = "Error creating the reservation: Duplicate reservation name"
    command("scontrol", f'test "$1" = --version || {{ echo "{words}" >&2; exit 1; }}')
    with pytest.raises(ConflictError) as caught:
        Slurm().create_reservation("r", {})
    assert (caught.value.errno, caught.value.call) == (2082, "scontrol create reservation")


# Triggers.


# As strigger --get --noheader wrote them.
LINES = [
    "      1 node            * down                                     0 slurm    PERM  /usr/bin/true",
    "      2 node      big00901 down                                     0 slurm          /usr/bin/true x  y ",
    "     31 job             1 time                                   -60 slurm          /bin/a PERM",
    "      5 other      (null) burst_buffer                             0 slurm          /usr/bin/true",
    " 123456 slurmctld       * primary_slurmctld_resumed_operation  32000 averylongusername PERM  /p",
    "      3 node      big[00901-00905,00910] drained                     30 slurm          /usr/bin/true",
]


def test_lines_of_strigger(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "/bin/cat <<'END'\n" + "\n".join(LINES) + "\nEND")
    names = ("id", "resource", "resource_id", "event", "offset", "user", "permanent", "program")
    assert [tuple(found[name] for name in names) for found in Slurm().triggers()] == [
        (1, "node", "*", "down", 0, "slurm", True, "/usr/bin/true"),
        (2, "node", "big00901", "down", 0, "slurm", False, "/usr/bin/true x  y"),
        (31, "job", "1", "time", -60, "slurm", False, "/bin/a PERM"),
        (5, "other", "*", "burst_buffer", 0, "slurm", False, "/usr/bin/true"),
        (123456, "slurmctld", "*", "primary_slurmctld_resumed_operation", 32000, "averylongusername", True, "/p"),
        (3, "node", "big[00901-00905,00910]", "drained", 30, "slurm", False, "/usr/bin/true"),
    ]
    assert set(Slurm().triggers()[0]) == set(names)


def test_no_trigger_at_all(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", 'test "$*" = "--get --noheader"')
    assert Slurm().triggers() == []


@pytest.mark.parametrize("line", ["nonsense", "1 node * down 0 slurm true", "x node * down 0 slurm /bin/true", ""])
def test_a_line_that_cannot_be_read(pyslurm: ModuleType, command: Command, line: str) -> None:
    command("strigger", f"echo '{line}'")
    with pytest.raises(SlurmError) as caught:
        Slurm().triggers()
    assert caught.value.message == f"cannot read this line of strigger --get: {line!r}"


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"offset": 0, "permanent": True}, ["--set", "--node", "--down", "--program=/bin/a  b", "--flags=perm"]),
        ({"offset": -60, "permanent": False}, ["--set", "--node", "--down", "--program=/bin/a  b", "--offset=-60"]),
    ],
)
def test_set_trigger(
    pyslurm: ModuleType, command: Command, tmp_path: Path, given: dict[str, Any], arguments: list[str]
) -> None:
    command("strigger", f'printf "%s\\n" "$@" >{tmp_path}/arguments')
    Slurm().set_trigger(selectors=["--node", "--down"], program="/bin/a  b", **given)
    assert (tmp_path / "arguments").read_text(encoding="utf-8").splitlines() == arguments


def test_the_commands_ask_the_same_cluster_in_a_known_language(
    pyslurm: ModuleType, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    command("strigger", f'echo "$LC_ALL ${{SLURM_CONF-none}}" >>{tmp_path}/said')
    (tmp_path / "other.conf").touch()
    Slurm().clear_trigger(1)
    Slurm(str(tmp_path / "other.conf")).clear_trigger(1)
    assert (tmp_path / "said").read_text(encoding="utf-8") == f"C none\nC {tmp_path}/other.conf\n"


def test_clear_trigger(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", 'test "$*" = "--clear --id=17"')
    Slurm().clear_trigger(17)


def test_a_trigger_that_is_gone_already(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "echo 'slurm_clear_trigger: No such process' >&2; exit 1")
    Slurm().clear_trigger(17)


@pytest.mark.parametrize(
    ("said", "errno", "message"),
    [
        (
            "slurm_clear_trigger: Access/permission denied",
            2002,
            "strigger --clear: Access/permission denied (ESLURM_ACCESS_DENIED 2002); "
            "only root, SlurmUser and Slurm operators may do this: use become",
        ),
        (
            "strigger: warning: slow\nslurm_clear_trigger: Invalid node name specified",
            2018,
            "strigger --clear: Invalid node name specified (ESLURM_INVALID_NODE_NAME 2018)",
        ),
        ("strigger: error: odd: thing", None, "strigger --clear: strigger: error: odd: thing"),
        ("", None, "strigger --clear: no message"),
    ],
)
def test_what_strigger_says(pyslurm: ModuleType, command: Command, said: str, errno: int | None, message: str) -> None:
    command("strigger", f"/bin/cat >&2 <<'END'\n{said}\nEND\nexit 1")
    with pytest.raises(SlurmError) as caught:
        Slurm().clear_trigger(17)
    assert (caught.value.errno, caught.value.message) == (errno, message)
    assert caught.value.call == "strigger --clear"


def test_strigger_says_it_where_results_are_said(pyslurm: ModuleType, command: Command) -> None:
    command("strigger", "echo 'slurm_set_trigger: Duplicate event trigger'; exit 1")
    with pytest.raises(ConflictError):
        Slurm().set_trigger(selectors=["--node", "--down"], offset=0, permanent=True, program="/bin/true")


def test_strigger_is_missing(pyslurm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SlurmError, match=rf"strigger is not on PATH \({os.environ['PATH']}\): run the task on the"):
        Slurm().triggers()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SlurmError, match=r"strigger is not on PATH \(\)"):
        Slurm().triggers()


# The user and the programs.


def test_user(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Slurm().user() == pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    assert Slurm().user() == "4000000000"


def test_executable(command: Command, tmp_path: Path) -> None:
    command("program", "")
    (tmp_path / "text").touch(0o644)
    found = {name: Slurm().executable(f"{tmp_path}/{name}") for name in ("bin/program", "text", "bin", "nosuch")}
    assert found == {"bin/program": True, "text": False, "bin": False, "nosuch": False}
