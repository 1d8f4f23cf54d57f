# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import FIELDS
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import (
    HOUR,
    NOW,
    VALUES,
    make,
    run,
    run_twice,
)

# Changes of an existing reservation that Slurm refuses, and the module before it.
UNCLEARABLE = ("allowed_partitions", "partition", "qos")
NEW_ONLY = ("features",)


@pytest.mark.parametrize("field", ["accounts", "groups", "qos", "allowed_partitions"])
def test_root_is_the_default_user_only_without_other_access(slurm: FakeSlurm, field: str) -> None:
    assert run_twice(slurm, nodes=["n1"], **{field: VALUES[field][0]})["reservation"]["users"] == []
    run(slurm, state="absent")
    assert run(slurm, nodes=["n1"], **{field: []})["reservation"]["users"] == ["root"]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(("field", "given"), [*itertools.product(VALUES, ("none", "same", "other", "empty"))])
def test_a_field(slurm: FakeSlurm, field: str, given: str, there: bool) -> None:
    value, same, other, empty = VALUES[field]
    # Users and groups exclude each other: accounts alone leave every field free.
    base = {"accounts": ["base"]} if field != "accounts" else {"users": ["root"]}
    if there:
        make(slurm, **{**base, field: value})
    options = {**base, "nodes": ["n1"], field: {"none": None, "same": same, "other": other, "empty": empty}[given]}
    if not there:
        options.update(flags=[], start_time=str(NOW + HOUR))
    if there and field in (UNCLEARABLE if given == "empty" else NEW_ONLY if given == "other" else ()):
        with pytest.raises(SlurmError, match="delete and create the reservation"):
            run(slurm, check_mode=True, **options)
        return
    done = run_twice(slurm, int(not there or given in ("other", "empty")), **options)
    stored = FIELDS[field].normalise(other) if given == "other" else FIELDS[field].normalise(value)
    absent = given == "empty" or (given == "none" and not there)
    assert done["reservation"][field] == (FIELDS[field].empty if absent else stored)


@pytest.mark.parametrize("field", VALUES)
def test_normalisers_are_idempotent(field: str) -> None:
    value, same, _other, _empty = VALUES[field]
    normal = FIELDS[field].normalise(value)
    assert FIELDS[field].normalise(same) == normal
    if field != "max_start_delay":  # given in minutes, kept in seconds
        assert FIELDS[field].normalise(normal) == normal


@pytest.mark.parametrize(
    ("text", "words"), [("caf\udce9", "a text of a reservation is not UTF-8"), ("a\0b", "has a NUL character")]
)
def test_texts_that_slurm_cannot_store(slurm: FakeSlurm, text: str, words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, nodes=["n1"], comment=text)
    with pytest.raises(SlurmError, match=words.replace("a text of a reservation", "a name")):
        run(slurm, nodes=["n1"], accounts=[text])


def test_a_reservation_needs_users_groups_or_accounts(slurm: FakeSlurm) -> None:
    make(slurm)
    with pytest.raises(SlurmError, match="lacks users, groups or accounts"):
        run(slurm, users=[])
    slurm.writes.clear()
    assert run_twice(slurm, users=[], accounts=["art"])["reservation"]["accounts"] == ["art"]
    slurm.writes.clear()
    assert run_twice(slurm, accounts=[], groups=["a"])["reservation"]["groups"] == ["a"]


def test_several_fields_are_one_request(slurm: FakeSlurm) -> None:
    make(slurm)
    done = run_twice(
        slurm, nodes=["n3"], comment="c", flags=["FLEX"], start_time=str(NOW + 60), duration="30", users=["bob"]
    )
    assert set(done["diff"]["after"]["reservation r"]) == {
        *("nodes", "node_count", "comment", "flags", "start_time", "end_time", "duration", "users"),
    }
