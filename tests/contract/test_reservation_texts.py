# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Odd texts in reservations: each is stored and read exactly, or refused, and no other reservation is affected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.info import plan_info
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.plan import plan_reservation
from ansible_collections.hpc.slurm.tests.contract.cluster import (
    NODES,
    RESERVATION,
    RESERVATION_OPTIONS,
    has_accounting,
)
from ansible_collections.hpc.slurm.tests.contract.odd_texts import ODD_TEXTS

pytestmark = pytest.mark.texts

REFUSED = {"not UTF-8": "is not UTF-8", "NUL": "has a NUL character"}
OTHER = f"{RESERVATION}-other"


def run(slurm: Slurm, **options: Any) -> dict[str, Any]:
    return execute(plan_reservation, slurm, {**RESERVATION_OPTIONS, **options}, check_mode=False)


def found(slurm: Slurm) -> dict[str, Any]:
    """Return our reservations as slurm_reservation_info does."""
    shown = execute(plan_info, slurm, {"names": None, "nodes": None}, check_mode=False)["reservations"]
    return {name: details for name, details in shown.items() if name.startswith(RESERVATION)}


@pytest.fixture
def other(slurm: Slurm) -> Iterator[dict[str, Any]]:
    """Another reservation, which must stay as it is."""
    run(slurm, name=OTHER, nodes=NODES[:1], comment="other", start_time="now+1hour")
    before = found(slurm)[OTHER]
    yield before
    assert found(slurm)[OTHER] == before


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_names(slurm: Slurm, other: dict[str, Any], kind: str) -> None:
    # Leading blanks stay inside: the name begins as those that are removed after a test.
    name, node = f"{RESERVATION}{ODD_TEXTS[kind]}", NODES[1:2]
    if kind in REFUSED:
        with pytest.raises(SlurmError, match=f"name {REFUSED[kind]}"):
            run(slurm, name=name, nodes=node)
        return
    assert run(slurm, name=name, nodes=node, comment="c")["reservation"]["name"] == name
    assert run(slurm, name=name, nodes=node, comment="c")["changed"] is False
    shown = found(slurm)
    assert set(shown) == {OTHER, name}
    assert (shown[name]["name"], shown[name]["nodes"], shown[name]["comment"]) == (name, node, "c")
    assert run(slurm, name=name, comment="d")["reservation"]["comment"] == "d"
    assert run(slurm, name=name, state="absent")["changed"] is True
    assert set(found(slurm)) == {OTHER}


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_texts(slurm: Slurm, other: dict[str, Any], kind: str) -> None:
    stored = {"comment": ODD_TEXTS[kind], "burst_buffer": ODD_TEXTS[kind].strip() or None}
    task = {"nodes": NODES[1:2], **dict.fromkeys(stored, ODD_TEXTS[kind])}
    if kind in REFUSED:
        with pytest.raises(SlurmError, match=REFUSED[kind]):
            run(slurm, **task)
        return
    for before in ({}, {"comment": "plain", "burst_buffer": "plain"}):  # of a new reservation, and of an existing one
        if before:
            run(slurm, **before)
        made = run(slurm, **task)["reservation"]
        assert {field: made[field] for field in stored} == stored
        assert run(slurm, **task)["changed"] is False
    assert {field: found(slurm)[RESERVATION][field] for field in stored} == stored
    cleared = run(slurm, **dict.fromkeys(stored, ""))["reservation"]
    assert [cleared[field] for field in stored] == [None, None]
    assert set(found(slurm)) == {OTHER, RESERVATION}


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_names_of_users_and_so_on(slurm: Slurm, other: dict[str, Any], kind: str) -> None:
    """Slurm knows them, except accounts: without accounting storage it accepts any."""
    text = ODD_TEXTS[kind]
    lists = {field: [text] for field in ("users", "groups", "allowed_partitions", "licenses")}
    for field, value in {**lists, "partition": text}.items():
        if text.strip():
            with pytest.raises(SlurmError):
                run(slurm, nodes=NODES[1:2], **{field: value})
        assert set(found(slurm)) == {OTHER}
    task = {"nodes": NODES[1:2], "accounts": [text]}
    if kind in REFUSED or kind == "signs" or (has_accounting(slurm) and text.strip()):
        with pytest.raises(SlurmError):
            run(slurm, **task)
        return
    made = run(slurm, **task)["reservation"]
    assert run(slurm, **task)["changed"] is False
    assert found(slurm)[RESERVATION]["accounts"] == made["accounts"]


@pytest.mark.parametrize("field", ["name", "comment"])
def test_bytes_that_are_not_utf8(slurm: Slurm, other: dict[str, Any], field: str) -> None:
    """Somebody else may have written them: they become U+FFFD, and all others are read."""
    name, text = f"{RESERVATION}-", ODD_TEXTS["not UTF-8"]
    name, comment = (name + text, "c") if field == "name" else (name, text)
    fields = {"nodes": NODES[1], "users": "root", "starttime": "now+1hour", "duration": "60", "comment": comment}
    slurm.create_reservation(name, fields)
    try:
        (shown,) = (details for name, details in found(slurm).items() if name != OTHER)
        assert "\ufffd" in shown[field]
        assert (shown["nodes"], shown["users"]) == (NODES[1:2], ["root"])
    finally:
        slurm.delete_reservation(name)
