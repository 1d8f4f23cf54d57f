# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every attribute of a node compared with the JSON of scontrol, on a node of the real controller that has them all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.values import Unreadable, record
from ansible_collections.hpc.slurm.tests.contract.cluster import PRIVILEGED, RESERVATION, RealSlurm, command, until

# Only a real controller has these.
pytestmark = pytest.mark.parametrize("slurm", [name for name in PRIVILEGED if name == "real"], indirect=True)

NODE, PLAIN_NODE, SILENT_NODE = "node8", "node7", "big00950"
# slurm.h
CPU_BINDINGS = {0: None, 4: "cores"}


def number(value: dict[str, Any]) -> int | None:
    return value["number"] if value["set"] and not value["infinite"] else None


def time_of(value: dict[str, Any]) -> int | None:
    return number(value) or None


def counts(text: str) -> dict[str, int]:
    """Return the counts of generic resources, without what is in parentheses. K is 1024."""
    found = {}
    for item in re.sub(r"\([^)]*\)", "", text).split(",") if text else []:
        name, _colon, count = item.rpartition(":")
        digits, unit = re.fullmatch(r"(\d+)([KMGTP]?)", count).groups()  # type: ignore[union-attr]
        found[name] = int(digits) << (10 * " KMGTP".index(unit or " "))
    return found


def tres(text: str) -> dict[str, Any]:
    pairs = (item.split("=", 1) for item in text.split(",")) if text else ()
    return {name: int(value) if value.isdigit() else value for name, value in pairs}


# Each attribute of ours from a node in the JSON.
EXPECTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "active_features": lambda node: node["active_features"],
    "address": lambda node: node["address"],
    "allocated_cpus": lambda node: node["alloc_cpus"],
    "allocated_gres": lambda node: {name: count for name, count in counts(node["gres_used"]).items() if count},
    "allocated_gres_indexes": lambda node: dict(re.findall(r"([^,]+):\d+\(IDX:([\d,-]+)\)", node["gres_used"])),
    "allocated_memory": lambda node: node["alloc_memory"],
    "allocated_tres": lambda node: tres(node["tres_used"]),
    "architecture": lambda node: node["architecture"] or None,
    "available_features": lambda node: node["features"],
    "avg_watts": lambda node: node["energy"]["average_watts"],
    "bcast_address": lambda node: node["burstbuffer_network_address"] or None,
    "boards": lambda node: node["boards"],
    "boot_time": lambda node: time_of(node["boot_time"]),
    "cluster": lambda node: "lab",  # the JSON has it of other clusters only
    "comment": lambda node: node["comment"] or None,
    "configured_gres": lambda node: counts(node["gres"]),
    "cores_per_socket": lambda node: node["cores"],
    "cores_reserved_for_system": lambda node: node["specialized_cores"],
    "cpu_binding": lambda node: CPU_BINDINGS[node["cpu_binding"]],
    "cpu_load": lambda node: node["cpu_load"] / 100,
    "current_watts": lambda node: number(node["energy"]["current_watts"]) or 0,
    "effective_cpus": lambda node: node["effective_cpus"],
    "extra": lambda node: node["extra"] or None,
    "free_memory": lambda node: number(node["free_mem"]),
    "hostname": lambda node: node["hostname"],
    "idle_cpus": lambda node: node["alloc_idle_cpus"],
    "idle_memory": lambda node: node["real_memory"] - node["alloc_memory"],
    "last_busy_time": lambda node: time_of(node["last_busy"]),
    "mcs_label": lambda node: node["mcs_label"] or None,
    "memory_reserved_for_system": lambda node: node["specialized_memory"],
    "name": lambda node: node["name"],
    "next_state": lambda node: (
        None if node["next_state_after_reboot"] == ["INVALID"] else "+".join(node["next_state_after_reboot"])
    ),
    "operating_system": lambda node: node["operating_system"] or None,
    "owner": lambda node: node["owner"] or None,
    "partitions": lambda node: node["partitions"],
    "real_memory": lambda node: node["real_memory"],
    "reason": lambda node: node["reason"] or None,
    "reason_time": lambda node: time_of(node["reason_changed_at"]),
    "reason_user": lambda node: node["reason_set_by_user"] or None,
    "slurm_version": lambda node: node["version"] or None,
    "slurmd_port": lambda node: node["port"],
    "slurmd_start_time": lambda node: time_of(node["slurmd_start_time"]),
    "sockets": lambda node: node["sockets"],
    "state": lambda node: node["state"],
    "temporary_disk": lambda node: node["temporary_disk"],
    "threads_per_core": lambda node: node["threads"],
    "total_cpus": lambda node: node["cpus"],
    "weight": lambda node: node["weight"],
}
# Attributes that pyslurm itself reads otherwise than Slurm's JSON has them, on one of the nodes below, or that it does
# not have. The adapter reads them as docs/slurm.md says.
WRONG_IN_PYSLURM = {
    "allocated_gres",
    "allocated_gres_indexes",
    "configured_gres",
    "cores_reserved_for_system",
    "memory_reserved_for_system",
    "temporary_disk",
    "weight",
}
# As above, depending on what was done to the node before: pyslurm returns root while slurmctld has no user of a reason.
WRONG_AT_TIMES = {"reason_user"}


def shown(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command("scontrol", "--details", "show", "node", name, "--json"))
    return found["nodes"][0]  # type: ignore[no-any-return]


def comparable(values: dict[str, Any]) -> dict[str, Any]:
    """Return attributes with the flags of a state in one order."""
    return {**values, "state": sorted(values["state"])}


def differing(read: Callable[[], dict[str, dict[str, Any]]]) -> set[str]:
    """Return the attributes that are not as in the JSON before or after they are read: some change by themselves."""
    names = (NODE, PLAIN_NODE, SILENT_NODE)
    before = {name: shown(name) for name in names}
    found = read()
    after = {name: shown(name) for name in names}
    return {
        key
        for name in names
        for key, expected in EXPECTED.items()
        if comparable({"state": [], **found[name]}).get(key, "missing")
        not in [comparable({"state": [], key: expected(node[name])})[key] for node in (before, after)]
    }


@pytest.fixture
def full(slurm: RealSlurm) -> Iterator[RealSlurm]:
    """A cluster in which NODE has every attribute set, a job with generic resources, a reservation and a reason."""
    fields = {"nodes": NODE, "users": slurm.user(), "starttime": "now", "duration": "60", "flags": "OVERLAP"}
    slurm.create_reservation(RESERVATION, fields)
    try:
        slurm.update_attributes(
            NODE,
            {
                **{"comment": "spare = 1, r\u00e4ck", "extra": "e=1", "weight": "7", "cpubind": "core"},
                **{"availablefeatures": "lab,x", "activefeatures": "lab"},
            },
        )
        slurm.update_attributes(PLAIN_NODE, {"weight": "0"})
        slurm.submit(f"--reservation={RESERVATION}", f"--nodelist={NODE}", "--gres=gpu:tesla:2")
        # A node that was resumed a moment ago has no boot time until slurmd registers again.
        until(lambda: shown(NODE)["alloc_cpus"] and time_of(shown(NODE)["boot_time"]))
        slurm.update_nodes(NODE, state="DRAIN", reason="a fan  is slow")
        yield slurm
    finally:
        slurm.update_nodes(NODE, state="RESUME")
        cleared = {"comment": "", "extra": "", "weight": "1", "cpubind": "off"}
        slurm.update_attributes(NODE, {**cleared, "availablefeatures": "lab", "activefeatures": "lab"})
        slurm.update_attributes(PLAIN_NODE, {"weight": "1"})


def test_every_attribute_is_that_of_slurm(full: Slurm) -> None:
    assert sorted(EXPECTED) == full.node_attributes()
    assert differing(full.nodes) == set()
    assert full.warnings() == []


def test_the_node_has_every_attribute(full: Slurm) -> None:
    unset = {key for key, value in full.nodes()[NODE].items() if value in (None, 0, [], {}, [None])}
    # No plugin measures energy or labels nodes, no job owns a node, the lab reserves nothing, and no reboot is pending.
    expected = {"avg_watts", "current_watts", "mcs_label", "owner", "next_state"}
    assert unset == {*expected, "cores_reserved_for_system", "memory_reserved_for_system"}


def test_what_pyslurm_gets_wrong(full: Slurm) -> None:
    pyslurm = full._pyslurm()

    def read() -> dict[str, dict[str, Any]]:
        loaded = pyslurm.Nodes.load()
        names = [name for name in EXPECTED if name != "allocated_gres_indexes"]
        found = {
            name: record(loaded[name], names, Unreadable().of("node", name)) for name in (NODE, PLAIN_NODE, SILENT_NODE)
        }
        return {name: {**node, "state": node["state"].split("+")} for name, node in found.items()}

    assert differing(read) - WRONG_AT_TIMES == WRONG_IN_PYSLURM


def test_generic_resources(full: Slurm) -> None:
    node = full.nodes(["configured_gres", "allocated_gres", "allocated_gres_indexes"])[NODE]
    assert node == {
        "configured_gres": {"gpu:tesla": 4, "bandwidth:lustre:no_consume": 4 << 30},
        "allocated_gres": {"gpu:tesla": 2},
        "allocated_gres_indexes": {"gpu:tesla": "0-1"},
    }
