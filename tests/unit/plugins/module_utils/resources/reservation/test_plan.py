# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import ATTEMPTS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import FIELDS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.records import DETAILS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import (
    NOW,
    YEAR,
    make,
    run,
    run_twice,
)


def test_defaults_of_a_new_reservation(slurm: FakeSlurm) -> None:
    done = run_twice(slurm, nodes=["n[2-3]"])
    assert done["reservation"] == {
        **{name: field.empty for name, field in FIELDS.items()},
        "name": "r",
        "nodes": ["n2", "n3"],
        "node_count": 2,
        "start_time": NOW,
        "end_time": NOW + YEAR,
        "duration": 525600,
        "flags": ["IGNORE_JOBS", "MAINT", "OVERLAP"],
        "users": ["root"],
    }
    assert set(done["diff"]["before"]["reservation r"].values()) == {None}
    assert done["diff"]["after"]["reservation r"]["nodes"] == ["n2", "n3"]


@pytest.mark.parametrize("nodes", [None, [], [""]])
def test_a_new_reservation_needs_nodes(slurm: FakeSlurm, nodes: Any) -> None:
    with pytest.raises(SlurmError, match="there is no reservation r: give nodes to make it"):
        run(slurm, nodes=nodes)


def test_unknown_nodes(slurm: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match=r"the cluster has no node n\[7-8\]; nothing was changed"):
        run(slurm, nodes=["n[1,7-8]"])
    make(slurm)
    with pytest.raises(SlurmError, match="the cluster has no node n9"):
        run(slurm, nodes=["n9"])
    assert sum(slurm.writes.values()) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "name is empty: Slurm would choose a name"), ("caf\udce9", "name is not UTF-8"), ("a\0b", "has a NUL")],
)
def test_invalid_names(slurm: FakeSlurm, name: str, words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, name=name, nodes=["n1"])
    assert sum(slurm.reads.values()) == 0


@pytest.mark.parametrize("name", [" ", "a b", "a\tb", "a,b", "a=b", "a Users=b", "a\nb", "(null)", "x" * 20_000])
def test_any_other_name_is_valid(slurm: FakeSlurm, name: str) -> None:
    assert run(slurm, name=name, nodes=["n1"])["reservation"]["name"] == name
    assert run(slurm, name=name, nodes=["n1"])["changed"] is False
    assert run(slurm, name=name, state="absent")["changed"] is True
    assert slurm.reserved.stored == {}


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"nodes": ["n1"]}, ["n1", "n2"]),
        ({"nodes": ["n[1-3]"]}, ["n1", "n2", "n3"]),
        ({"nodes": ["n3"]}, ["n1", "n2", "n3"]),
        ({"nodes": ["n3"], "purge_nodes": True}, ["n3"]),
        ({"nodes": ["n2,n1"], "purge_nodes": True}, ["n1", "n2"]),
        ({"nodes": ["n2"], "state": "absent"}, ["n1"]),
        ({"nodes": ["n[2-6]"], "state": "absent"}, ["n1"]),
        ({"nodes": ["n5", "gone7"], "state": "absent"}, ["n1", "n2"]),
        ({"nodes": [], "state": "absent"}, ["n1", "n2"]),
        ({"nodes": ["n[1-2]"], "state": "absent"}, None),
        ({"nodes": ["n[1-6]"], "state": "absent"}, None),
        ({"state": "absent"}, None),
    ],
)
def test_nodes(slurm: FakeSlurm, options: dict[str, Any], after: list[str] | None) -> None:
    make(slurm)
    done = run_twice(slurm, int(after != ["n1", "n2"]), **options)
    assert (done["reservation"] or {"nodes": None})["nodes"] == after
    assert slurm.writes["delete_reservation"] == int(after is None)


def test_an_empty_list_of_nodes(slurm: FakeSlurm) -> None:
    make(slurm)
    with pytest.raises(SlurmError, match="nodes is empty: name nodes, or use state=absent"):
        run(slurm, nodes=[])


@pytest.mark.parametrize("nodes", [None, ["n1"]])
def test_a_missing_reservation_is_absent(slurm: FakeSlurm, nodes: Any) -> None:
    assert run_twice(slurm, 0, state="absent", nodes=nodes)["reservation"] is None


def test_diff_of_a_deletion(slurm: FakeSlurm) -> None:
    before = make(slurm)
    sides = run(slurm, state="absent")["diff"]
    assert set(sides["after"]["reservation r"].values()) == {None}
    assert sides["before"]["reservation r"] == {name: before[name] for name in DETAILS if before[name] is not None}


def test_created_concurrently(slurm: FakeSlurm) -> None:
    theirs = {"nodes": "n1", "users": "root", "starttime": "now", "duration": "infinite", "flags": "MAINT"}
    slurm.meanwhile.append(lambda: slurm.reserved.create("r", theirs, "scontrol create reservation"))
    done = run(slurm, nodes=["n2"])
    assert done["changed"] is True
    assert done["reservation"]["nodes"] == ["n1", "n2"]
    assert slurm.writes == {"create_reservation": 1, "update_reservation": 1}


def test_deleted_concurrently(slurm: FakeSlurm) -> None:
    make(slurm)
    slurm.meanwhile.append(lambda: slurm.reserved.delete("r", False, "scontrol delete reservationname=r"))
    done = run(slurm, state="absent")
    assert (done["changed"], done["reservation"]) == (False, None)
    make(slurm)
    slurm.meanwhile.append(lambda: slurm.reserved.delete("r", False, "scontrol delete reservationname=r"))
    assert run(slurm, nodes=["n4"])["reservation"]["nodes"] == ["n4"]


def test_nodes_added_concurrently(slurm: FakeSlurm) -> None:
    make(slurm)
    slurm.meanwhile.append(lambda: slurm.reserved.update("r", {"nodes+": "n5"}, "scontrol"))
    assert run(slurm, nodes=["n3"])["reservation"]["nodes"] == ["n1", "n2", "n3", "n5"]


def test_a_lasting_conflict(slurm: FakeSlurm) -> None:
    slurm.broken = ConflictError("taken", 2082, "ESLURM_RESERVATION_NAME_DUP")
    with pytest.raises(ConflictError, match="taken"):
        run(slurm, nodes=["n1"])
    assert slurm.writes == {"create_reservation": ATTEMPTS}


def test_deleting_a_reservation_in_use(slurm: FakeSlurm) -> None:
    make(slurm)
    slurm.submit("--nodelist=n1", "--reservation=r")
    with pytest.raises(SlurmError, match="Requested reservation is in use"):
        run(slurm, state="absent")


def test_missing_when_read_back(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    make(slurm)
    monkeypatch.setattr(slurm, "update_reservation", lambda name, fields: slurm.reserved.stored.clear())
    assert run(slurm, comment="c")["reservation"] is None


def test_an_ordinary_user_is_refused(slurm: FakeSlurm) -> None:
    slurm.asking = "alice"
    with pytest.raises(SlurmError, match="use become"):
        run(slurm, nodes=["n1"])
