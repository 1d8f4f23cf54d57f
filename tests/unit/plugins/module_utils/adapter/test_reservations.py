# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.reservations import (
    READ_ATTEMPTS,
    parse_reservations,
)
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.contract.odd_texts import ODD_TEXTS
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


# The same as scontrol --json show reservation wrote it; the rest of it is of no interest.
NUMBER = {"set": True, "infinite": False}
JSON: dict[str, Any] = {
    "accounts": "",
    "burst_buffer": "",
    "core_count": 128,
    "end_time": {**NUMBER, "number": 1826967917},
    "features": "",
    "groups": "",
    "licenses": "",
    "max_start_delay": 0,
    "name": "X",
    "node_count": 2,
    "node_list": "big[00901-00902]",
    "partition": "",
    "start_time": {**NUMBER, "number": 1795431917},
    "tres": "cpu=128",
    "users": "root,alice",
}


def change(**fields: str) -> str:
    text = PLAIN
    for key, value in fields.items():
        before = next(word for word in text.split() if word.startswith(f"{key}="))
        text = text.replace(before, f"{key}={value}")
    return text


def parse(*reservations: tuple[dict[str, Any], str]) -> list[dict[str, Any]] | None:
    return parse_reservations(
        [item for item, _line in reservations], "".join(f"{line}\n" for _item, line in reservations)
    )


def test_a_reservation() -> None:
    assert parse((JSON, PLAIN)) == [RECORD]


def test_no_reservation() -> None:
    assert parse_reservations([], "") == []


@pytest.mark.parametrize(
    ("item", "line", "field", "value"),
    [
        ({}, change(Flags="SPEC_NODES,TIME_FLOAT", State="INACTIVE"), "flags", ["SPEC_NODES", "TIME_FLOAT"]),
        ({}, change(State="INACTIVE"), "state", "INACTIVE"),
        ({}, change(Flags=""), "flags", []),
        ({}, change(Flags="(null)"), "flags", []),
        ({}, change(Flags="PURGE_COMP=00:05:00,DAILY"), "flags", ["DAILY", "PURGE_COMP=00:05:00"]),
        ({"node_list": "", "node_count": 0}, change(Nodes="(null)", NodeCnt="0"), "nodes", ""),
        ({"end_time": {**NUMBER, "number": 4294967295}}, change(EndTime="Unknown"), "end_time", 4294967295),
        ({"end_time": {"set": False, "infinite": False, "number": 0}}, PLAIN, "end_time", 4294967295),
        ({"end_time": {"set": True, "infinite": True, "number": 0}}, PLAIN, "end_time", 4294967295),
        ({"end_time": 1795431977}, PLAIN, "duration", 1),
        ({"users": ""}, change(Users="(null)"), "users", []),
        ({"accounts": "physics,art"}, change(Accounts="physics,art"), "accounts", ["art", "physics"]),
        ({"accounts": "(null)"}, change(Accounts="(null)"), "accounts", ["(null)"]),
        ({"accounts": "a QOS=b Users=c"}, change(Accounts="a QOS=b Users=c"), "accounts", ["a QOS=b Users=c"]),
        ({}, change(QOS="normal"), "qos", ["normal"]),
        ({}, change(QOS="two words"), "qos", ["two words"]),
        ({}, change(AllowedPartitions="main,big"), "allowed_partitions", ["big", "main"]),
        ({"partition": "big"}, change(PartitionName="big"), "partition", "big"),
        ({"features": "large"}, change(Features="large"), "features", "large"),
        ({"licenses": "matlab:5,a:1"}, change(Licenses="matlab:5,a:1"), "licenses", ["a:1", "matlab:5"]),
        ({"tres": "cpu=128,gres/gpu=2"}, change(TRES="cpu=128,gres/gpu=2"), "tres", {"cpu": "128", "gres/gpu": "2"}),
        ({"tres": ""}, change(TRES=""), "tres", {}),
        ({"tres": ""}, change(TRES="(null)"), "tres", {}),
        ({"burst_buffer": "x State=y"}, change(BurstBuffer="x State=y"), "burst_buffer", "x State=y"),
        ({"max_start_delay": 5400}, change(MaxStartDelay="01:30:00"), "max_start_delay", 5400),
        ({"max_start_delay": 93784}, change(MaxStartDelay="1-02:03:04"), "max_start_delay", 93784),
        ({}, PLAIN.replace(" QOS=(null)", ""), "qos", []),
        ({}, PLAIN.replace(" AllowedPartitions=(null)", ""), "allowed_partitions", []),
        ({}, PLAIN.replace(" MaxStart", " Watts=n/a MaxStart"), "max_start_delay", None),
    ],
)
def test_a_field(item: dict[str, Any], line: str, field: str, value: Any) -> None:
    found = parse(({**JSON, **item}, line))
    assert found is not None
    assert found[0][field] == value


def test_the_cores_of_a_node_are_no_field_of_the_reservation() -> None:
    line = change(Nodes="node8", Flags="SPEC_NODES   NodeName=node8 CoreIDs=0-1")
    found = parse(({**JSON, "node_list": "node8"}, line))
    assert found is not None
    assert (found[0]["nodes"], found[0]["flags"]) == ("node8", ["SPEC_NODES"])
    assert set(found[0]) == set(RECORD)


COMMENTS = ["why", "a = b, c=d", "Users=nobody  State=x", "first\nsecond\n\nfourth", "x Comment=y", " ", "last\n"]


@pytest.mark.parametrize("comment", [*COMMENTS, PLAIN, f"x\n{PLAIN.replace('=X', '=Z')}\n"])
def test_a_comment(comment: str) -> None:
    other = {**JSON, "name": "Y"}
    found = parse((JSON, f"{PLAIN} Comment={comment}"), (other, PLAIN.replace("=X", "=Y")))
    assert found == [{**RECORD, "comment": comment}, {**RECORD, "name": "Y"}]


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_odd_names(kind: str) -> None:
    """Each between two others, the later of which has the same text as its comment."""
    name = ODD_TEXTS[kind]
    lines = [PLAIN, PLAIN.replace("=X", f"={name}"), PLAIN.replace("=X", "=Y") + f" Comment={name}"]
    found = parse(*zip([JSON, {**JSON, "name": name}, {**JSON, "name": "Y"}], lines))
    assert found == [RECORD, {**RECORD, "name": name}, {**RECORD, "name": "Y", "comment": name}]


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([JSON], ""),
        ([JSON], PLAIN.replace("=X", "=Y")),
        ([JSON], change(NodeCnt="3")),
        ([JSON, {**JSON, "name": "Y"}], f"{PLAIN}\n"),
        ([JSON], f"{PLAIN} {PLAIN}\n"),
    ],
)
def test_forms_of_different_reservations(items: list[dict[str, Any]], text: str) -> None:
    assert parse_reservations(items, text) is None


def scontrol(command: Command, tmp_path: Path, *texts: str) -> None:
    """Have a scontrol that knows a reservation, whose text is another one at each call, up to the last."""
    (tmp_path / "json").write_text(json.dumps({"reservations": [JSON]}) + "\n", encoding="utf-8")
    for number, text in enumerate(texts):
        (tmp_path / f"text{number}").write_text(f"{text}\n", encoding="utf-8")
    command(
        "scontrol",
        f"""cd {tmp_path}
        say() {{ while IFS= read -r line; do printf '%s\\n' "$line"; done <"$1"; }}
        test "$1" = --version && exit
        echo "$LC_ALL $SLURM_TIME_FORMAT $*" >>said
        case $* in *--json) say json; exit ;; esac
        n=0 && test -f count && read -r n <count
        say "text$n" && test "$n" = {len(texts) - 1} || echo $((n + 1)) >count""",
    )


def test_reservations(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    scontrol(command, tmp_path, PLAIN)
    assert Slurm().reservations() == [RECORD]
    form = "C %s show reservation --all"
    assert arguments_of(tmp_path) == [f"{form} --json", f"{form} --oneliner"]


def test_one_request_where_there_are_none(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    command("scontrol", f'test "$1" = --version || {{ echo $* >>{tmp_path}/said; echo \'{{"reservations": []}}\'; }}')
    assert Slurm().reservations() == []
    assert arguments_of(tmp_path) == ["show reservation --all --json"]


@pytest.mark.parametrize("output", ["", "No reservations in the system", "[]"])
def test_a_slurm_without_json(pyslurm: ModuleType, command: Command, output: str) -> None:
    command("scontrol", f"test $1 = --version || echo '{output}'")
    with pytest.raises(SlurmError, match="scontrol printed no JSON of reservations: .* built with JSON") as caught:
        Slurm().reservations()
    assert caught.value.call == "scontrol show reservation"


def test_a_reservation_changes_while_it_is_read(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    scontrol(command, tmp_path, change(NodeCnt="3"), PLAIN)
    assert Slurm().reservations() == [RECORD]
    assert len(arguments_of(tmp_path)) == 4


def test_a_reservation_changes_all_the_time(pyslurm: ModuleType, command: Command, tmp_path: Path) -> None:
    scontrol(command, tmp_path, change(NodeCnt="3"))
    with pytest.raises(SlurmError, match="the reservations changed each time that they were read"):
        Slurm().reservations()
    assert len(arguments_of(tmp_path)) == 2 * READ_ATTEMPTS


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
