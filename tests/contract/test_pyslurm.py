# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pyslurm cannot do, or does wrongly: why the adapter calls Slurm's commands instead, as docs/slurm.md has it.

When one of these fails, pyslurm has learned it, and the adapter can use it. What pyslurm reads wrongly is in the tests
of the attributes. Run as SlurmUser on a real controller.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.tests.contract.cluster import RESERVATION, command

PROGRAM = "/bin/true hpc-slurm-pyslurm"
NODE = "big00901"


@pytest.fixture
def pyslurm() -> Any:
    return Slurm()._pyslurm()


def ours() -> list[dict[str, Any]]:
    return [trigger for trigger in Slurm().triggers() if trigger["program"] == PROGRAM]


@pytest.fixture
def triggers() -> Iterator[None]:
    """Removes the triggers of a test."""
    yield
    for trigger in ours():
        Slurm().clear_trigger(trigger["id"])


def test_a_trigger_cannot_be_permanent(pyslurm: Any, triggers: None) -> None:
    assert pyslurm.trigger().set({"node": NODE, "event": "down", "program": PROGRAM, "flags": 1}) == 0
    assert [(it["event"], it["permanent"]) for it in ours()] == [("down", False)]


@pytest.mark.parametrize("event", ["draining", "resume"])
def test_event_kinds_that_it_does_not_have(pyslurm: Any, triggers: None, event: str) -> None:
    """It sets a trigger that nothing fires, and says that it succeeded."""
    assert pyslurm.trigger().set({"node": NODE, "event": event, "program": PROGRAM}) == 0
    assert [it["event"] for it in ours()] == ["unknown"]


def test_no_triggers_and_no_controller_read_alike(tmp_path: Path) -> None:
    conf = tmp_path / "slurm.conf"
    conf.write_text("ClusterName=nowhere\nSlurmctldHost=localhost\nSlurmctldPort=9\n", encoding="ascii")
    code = "import pyslurm; print(pyslurm.trigger().get())"
    environment = {"SLURM_CONF": str(conf), "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{}"


def test_an_attribute_of_a_node_cannot_be_cleared(pyslurm: Any) -> None:
    node = pyslurm.Node(NODE)
    try:
        node.modify(pyslurm.Node(comment="x"))
        for value in ("", None):
            node.modify(pyslurm.Node(comment=value))
            assert pyslurm.Node.load(NODE).comment == "x"
    finally:
        command("scontrol", "update", f"nodename={NODE}", "comment=")


def test_it_reboots_no_node(pyslurm: Any) -> None:
    names = [name for kind in (pyslurm.Node, pyslurm.Nodes, pyslurm.slurmctld) for name in dir(kind)]
    assert [name for name in names if "reboot" in name.lower()] == []


def test_nodes_in_state_future_are_not_read(pyslurm: Any) -> None:
    command("scontrol", "create", "nodename=hpc-slurm-future", "state=future", "nodeaddr=localhost")
    try:
        assert "hpc-slurm-future" in Slurm().nodes(["state"], future=True)
        assert "hpc-slurm-future" not in pyslurm.Nodes.load()
    finally:
        command("scontrol", "delete", "nodename=hpc-slurm-future")


@pytest.fixture
def reserved() -> Iterator[None]:
    """A reservation with a user and a comment."""
    words = [f"reservationname={RESERVATION}", f"nodes={NODE}", "starttime=now+1hour", "duration=60", "users=root"]
    command("scontrol", "create", "reservation", *words, "comment=x")
    yield
    command("scontrol", "delete", f"reservationname={RESERVATION}")


def present() -> dict[str, Any]:
    return next(it for it in Slurm().reservations() if it["name"] == RESERVATION)


@pytest.mark.parametrize(("field", "value"), [("comment", ""), ("comment", None)])
def test_a_field_of_a_reservation_cannot_be_cleared(pyslurm: Any, reserved: None, field: str, value: object) -> None:
    pyslurm.Reservation.load(RESERVATION).modify(pyslurm.Reservation(**{field: value}))
    assert present()["comment"] == "x"


def test_flags_are_lost_when_a_reservation_is_made(pyslurm: Any) -> None:
    wanted = {"name": RESERVATION, "nodes": NODE, "start_time": "now", "duration": 60, "users": ["root"]}
    pyslurm.Reservation(**wanted, flags=["MAINT"]).create()
    try:
        assert "MAINT" not in present()["flags"]
    finally:
        command("scontrol", "delete", f"reservationname={RESERVATION}")


@pytest.mark.parametrize("field", ["qos", "allowed_partitions", "skip"])
def test_fields_of_a_reservation_that_it_does_not_have(pyslurm: Any, field: str) -> None:
    assert not hasattr(pyslurm.Reservation, field)


def test_flags_that_it_cannot_read(pyslurm: Any) -> None:
    words = [f"reservationname={RESERVATION}", "nodecnt=1", "partition=big", "starttime=now+1hour", "duration=60"]
    command("scontrol", "create", "reservation", *words, "users=root", "flags=TIME_FLOAT,REPLACE_DOWN")
    try:
        with pytest.raises(ValueError, match=r"."):
            str(pyslurm.Reservations.load()[RESERVATION].flags)
    finally:
        command("scontrol", "delete", f"reservationname={RESERVATION}")


def test_json_of_scontrol_lacks_fields_of_a_reservation(reserved: None) -> None:
    """Why reservations are read as text as well."""
    shown = subprocess.run(
        ["scontrol", "show", "reservation", "--all", "--json"], capture_output=True, text=True, check=True
    )
    assert '"users"' in shown.stdout
    assert [name for name in ("comment", "qos", "allowed_partitions") if f'"{name}"' in shown.stdout] == []
