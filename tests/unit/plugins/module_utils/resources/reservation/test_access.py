# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.access import access_update
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import (
    make,
    run,
    run_twice,
)


@pytest.mark.parametrize("name", ["users", "accounts", "qos", "allowed_partitions"])
@pytest.mark.parametrize(
    ("before", "wanted", "written"),
    [
        (["a"], ["b", "c"], "b,c"),
        (["-a"], ["b"], "b"),
        (["-a"], ["-b"], "-b,+a"),
        (["-a", "-b"], ["-b"], "+a"),
        (["-a"], ["-a", "-b"], "-b"),
    ],
)
def test_update(name: str, before: list[str], wanted: list[str], written: str) -> None:
    assert access_update(name, before, wanted) == written


@pytest.mark.parametrize(
    ("name", "before", "wanted", "written"),
    [
        ("users", [], ["-a"], "-a"),
        ("accounts", ["-a"], [], ""),
        ("groups", ["a"], [], ""),
        ("qos", [], ["-a"], "qos: Slurm cannot add a list of denied names"),
        ("allowed_partitions", [], ["-a"], "allowed_partitions: Slurm cannot add a list of denied names"),
        ("qos", ["a"], [], "qos: Slurm cannot clear the list"),
        ("allowed_partitions", ["-a"], [], "allowed_partitions: Slurm cannot clear the list"),
        *((name, ["a"], ["-a"], "Slurm cannot turn a list of allowed") for name in ("users", "accounts", "qos")),
    ],
)
def test_lists_that_slurm_changes_differently(name: str, before: list[str], wanted: list[str], written: str) -> None:
    if "Slurm cannot" in written:
        with pytest.raises(SlurmError, match=f"{written}.*: delete and create the reservation"):
            access_update(name, before, wanted)
    else:
        assert access_update(name, before, wanted) == written


def test_denied_users(slurm: FakeSlurm) -> None:
    assert run_twice(slurm, nodes=["n1"], users=["-root"])["reservation"]["users"] == ["-root"]
    slurm.writes.clear()
    assert run_twice(slurm, users=["-bob"])["reservation"]["users"] == ["-bob"]
    slurm.writes.clear()
    assert run_twice(slurm, users=["-bob", "-alice"])["reservation"]["users"] == ["-alice", "-bob"]
    slurm.writes.clear()
    assert run_twice(slurm, users=["alice"])["reservation"]["users"] == ["alice"]
    with pytest.raises(SlurmError, match="users: Slurm cannot turn a list of allowed names into one of denied names"):
        run(slurm, check_mode=True, users=["-alice"])


def test_groups_do_not_replace_users(slurm: FakeSlurm) -> None:
    make(slurm, accounts=["art"], users=["root"])
    with pytest.raises(SlurmError, match="Slurm cannot replace users by groups in one request"):
        run(slurm, check_mode=True, users=[], groups=["a"])
    run(slurm, users=[])
    slurm.writes.clear()
    run_twice(slurm, groups=["a"])
    slurm.writes.clear()
    assert run_twice(slurm, groups=[], users=["alice"])["reservation"]["groups"] == []


@pytest.mark.parametrize("field", ["accounts", "qos", "allowed_partitions"])
def test_other_denied_lists(slurm: FakeSlurm, field: str) -> None:
    one, two = {"qos": ("high", "low"), "allowed_partitions": ("main", "gpu")}.get(field, ("art", "physics"))
    assert make(slurm, **{field: [f"-{one}"]})[field] == [f"-{one}"]
    assert run_twice(slurm, **{field: [f"-{two}"]})["reservation"][field] == [f"-{two}"]
    slurm.writes.clear()
    assert run_twice(slurm, **{field: [one]})["reservation"][field] == [one]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"users": ["root", "-alice"]}, "users either allows or denies: -alice, root does both"),
        ({"accounts": ["+physics"]}, r"accounts is the whole list, \+physics adds to one: leave the plus sign out"),
        ({"groups": ["-wheel"]}, "Slurm cannot deny groups: -wheel"),
    ],
)
def test_refused_lists(slurm: FakeSlurm, options: dict[str, list[str]], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, check_mode=True, nodes=["n1"], **options)
    make(slurm)
    with pytest.raises(SlurmError, match=words):
        run(slurm, check_mode=True, **options)
