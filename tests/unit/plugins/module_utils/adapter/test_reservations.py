# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.reservations import parse_reservations
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import TEXTS, Command, arguments_of

# As scontrol --oneliner show reservation wrote them, with SLURM_TIME_FORMAT=%s.
PLAIN = (
    "ReservationName=X StartTime=1795431917 EndTime=1826967917 Duration=365-00:00:00 Nodes=big[00901-00902] NodeCnt=2 "
    "CoreCnt=128 Features=(null) PartitionName=(null) Flags=MAINT,OVERLAP,IGNORE_JOBS,SPEC_NODES TRES=cpu=128 "
    "AllowedPartitions=(null) QOS=(null) Users=root,alice Groups=(null) Accounts=(null) Licenses=(null) State=ACTIVE "
    "BurstBuffer=(null) MaxStartDelay=(null)"
)
RECORD: dict[str, Any] = {
    "name": "X",
    "state": "ACTIVE",
    "nodes": "big[00901-00902]",
    "node_count": 2,
    "core_count": 128,
    "start_time": 1795431917,
    "end_time": 1826967917,
    "duration": 525600,
    "flags": ["IGNORE_JOBS", "MAINT", "OVERLAP", "SPEC_NODES"],
    "users": ["alice", "root"],
    "accounts": [],
    "groups": [],
    "qos": [],
    "allowed_partitions": [],
    "licenses": [],
    "tres": {"cpu": "128"},
    "partition": None,
    "features": None,
    "burst_buffer": None,
    "max_start_delay": None,
    "comment": None,
}


def change(**fields: str) -> str:
    text = PLAIN
    for key, value in fields.items():
        before = next(word for word in text.split() if word.startswith(f"{key}="))
        text = text.replace(f" {before}", f" {key}={value}")
    return text


def test_a_reservation() -> None:
    assert parse_reservations(f"{PLAIN}\n") == [RECORD]


@pytest.mark.parametrize("text", ["", "No reservations in the system\n", "\n"])
def test_no_reservation(text: str) -> None:
    assert parse_reservations(text) == []


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        (change(Flags="SPEC_NODES,TIME_FLOAT", State="INACTIVE"), "flags", ["SPEC_NODES", "TIME_FLOAT"]),
        (change(Flags="(null)"), "flags", []),
        (change(Flags="PURGE_COMP=00:05:00,DAILY"), "flags", ["DAILY", "PURGE_COMP=00:05:00"]),
        (change(Nodes="(null)", NodeCnt="0"), "nodes", ""),
        (change(EndTime="Unknown"), "end_time", 4294967295),
        (change(Users="(null)"), "users", []),
        (change(Accounts="physics,art"), "accounts", ["art", "physics"]),
        (change(QOS="normal"), "qos", ["normal"]),
        (change(AllowedPartitions="main,big"), "allowed_partitions", ["big", "main"]),
        (change(PartitionName="big"), "partition", "big"),
        (change(Features="large"), "features", "large"),
        (change(Licenses="matlab:5,a:1"), "licenses", ["a:1", "matlab:5"]),
        (change(TRES="cpu=128,gres/gpu=2"), "tres", {"cpu": "128", "gres/gpu": "2"}),
        (change(TRES=""), "tres", {}),
        (change(BurstBuffer="x"), "burst_buffer", "x"),
        (change(MaxStartDelay="01:30:00"), "max_start_delay", 5400),
        (change(MaxStartDelay="1-02:03:04"), "max_start_delay", 93784),
        (PLAIN.replace(" QOS=(null)", ""), "qos", []),
        (PLAIN.replace(" AllowedPartitions=(null)", ""), "allowed_partitions", []),
    ],
)
def test_a_field(line: str, field: str, value: Any) -> None:
    (found,) = parse_reservations(line)
    assert found[field] == value


def test_the_cores_of_a_node_are_no_field_of_the_reservation() -> None:
    line = change(Nodes="node8", Flags="SPEC_NODES   NodeName=node8 CoreIDs=0-1")
    (found,) = parse_reservations(line)
    assert (found["nodes"], found["flags"]) == ("node8", ["SPEC_NODES"])
    assert set(found) == set(RECORD)


@pytest.mark.parametrize(
    "comment", ["why", "a = b, c=d", "Users=nobody  State=x", "first\nsecond\n\nfourth", "x Comment=y", " "]
)
def test_a_comment(comment: str) -> None:
    text = f"{PLAIN} Comment={comment}\n{PLAIN}\n"
    assert parse_reservations(text) == [{**RECORD, "comment": comment}, RECORD]


def test_reservations(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    command(
        "scontrol",
        f'test "$1" = --version || {{ echo "$LC_ALL $SLURM_TIME_FORMAT $*" >{tmp_path}/said; echo No reservations; }}',
    )
    assert Slurm().reservations() == []
    assert arguments_of(tmp_path) == ["C %s show reservation --all --oneliner"]


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
    assert arguments_of(tmp_path) == words


def test_a_name_that_somebody_else_took(pyslurm: ModuleType, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEXTS, 2082, "Duplicate reservation name")
    vars(pyslurm).update(ESLURM_RESERVATION_NAME_DUP=2082)
    words = "Error creating the reservation: Duplicate reservation name"
    command("scontrol", f'test "$1" = --version || {{ echo "{words}" >&2; exit 1; }}')
    with pytest.raises(ConflictError) as caught:
        Slurm().create_reservation("r", {})
    assert (caught.value.errno, caught.value.call) == (2082, "scontrol create reservation")
