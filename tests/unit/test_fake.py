# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fake itself, where the contract tests cannot look."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

PUBLIC = [name for name in dir(Slurm) if not name.startswith("_")]
WRITES: list[Callable[[FakeSlurm], None]] = [
    lambda slurm: slurm.update_nodes("n1", state="DRAIN", reason="r"),
    lambda slurm: slurm.set_trigger(selectors=["--node", "--down"], offset=0, permanent=True, program="/bin/true"),
    lambda slurm: slurm.clear_trigger(1),
    lambda slurm: slurm.update_attributes("n1", {"comment": "c"}),
    lambda slurm: slurm.create_reservation("r", RESERVED),
    lambda slurm: slurm.update_reservation("there", {"comment": "c"}),
    lambda slurm: slurm.delete_reservation("there"),
]
RESERVED = {"nodes": "n1", "users": "root", "starttime": "now", "duration": "60", "flags": "OVERLAP"}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_fake_has_all_of_the_interface(name: str) -> None:
    assert name in vars(FakeSlurm)
    assert inspect.signature(getattr(FakeSlurm, name)) == inspect.signature(getattr(Slurm, name))


@pytest.mark.parametrize("write", WRITES)
def test_every_write_can_be_made_to_fail(write: Callable[[FakeSlurm], None]) -> None:
    slurm = FakeSlurm({"n1": "IDLE"}, user="slurm")
    slurm.reserved.create("there", RESERVED, "scontrol")
    slurm.broken = SlurmError("broken")
    before = (slurm.nodes(), slurm.triggers(), slurm.reservations())
    with pytest.raises(SlurmError, match="broken"):
        write(slurm)
    assert (slurm.nodes(), slurm.triggers(), slurm.reservations()) == before
    assert sum(slurm.writes.values()) == 1


def test_what_is_read_is_a_copy() -> None:
    slurm = FakeSlurm({"n1": "IDLE"})
    slurm.nodes()["n1"]["state"].append("DRAIN")
    assert slurm.nodes()["n1"]["state"] == ["IDLE"]


def test_a_node_event_wants_to_know_about_what() -> None:
    with pytest.raises(SlurmError, match="no node or job named"):
        FakeSlurm({}, user="slurm").set_trigger(selectors=["--down"], offset=0, permanent=False, program="/bin/true")
