# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of the fake cluster: what scontrol and slurmctld 26.05 do with a request, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Optional

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.gres import parse_gres
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.tests.unit.fake_refusals import refusal
from ansible_collections.hpc.slurm.tests.unit.fake_reservations import complain

UPDATE = "REQUEST_UPDATE_NODE"
OUT_OF_SERVICE = {"DOWN", "DRAIN", "FAIL"}
POWER_DOWN = ("POWER_DOWN", "POWER_DOWN_ASAP", "POWER_DOWN_FORCE")
STATES = ("DOWN", "DRAIN", "FAIL", "RESUME", "UNDRAIN", "POWER_UP", *POWER_DOWN)
WRITABLE = {"state": str, "reason": str, "comment": str, "extra": str, "weight": int}
NEW_NODE: dict[str, Any] = {
    "state": "IDLE",
    "reason": None,
    "reason_user": None,
    "reason_time": None,
    "boot_time": None,
    "next_state": None,
    "partitions": ["main"],
    "comment": None,
    "extra": None,
    "weight": 1,
    "total_cpus": 4,
    "available_features": [],
    "active_features": [],
    "configured_gres": {},
    "allocated_gres": {},
    "allocated_gres_indexes": {},
    "cpu_binding": None,
    "address": "localhost",
    "hostname": "localhost",
}
# The names of attributes in scontrol update nodename.
SCONTROL = {
    "activefeatures": "active_features",
    "availablefeatures": "available_features",
    "comment": "comment",
    "cpubind": "cpu_binding",
    "extra": "extra",
    "gres": "configured_gres",
    "nodeaddr": "address",
    "nodehostname": "hostname",
    "weight": "weight",
}


class Nodes:
    """The nodes of a cluster.

    :param nodes: hostlist -> state, such as C({"node[1-3]": "IDLE+DRAIN"}).
    :param has_job: whether a job runs on a node.
    """

    def __init__(self, nodes: Mapping[str, str], has_job: Callable[[str], bool]) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        for names, state in nodes.items():
            self.records.update({name: {**NEW_NODE, "state": state.split("+")} for name in hostlist.expand(names)})
        self._has_job = has_job

    def listed(self, attributes: Collection[str], future: bool) -> dict[str, dict[str, Any]]:
        """Return copies of the nodes with these attributes.

        :param future: whether to show nodes in state FUTURE.
        """
        seen = {
            name: {**record, "name": name, "state": self._state(name)}
            for name, record in self.records.items()
            if future or record["state"][0] != "FUTURE"
        }
        return {name: {key: copy(record[key]) for key in attributes} for name, record in seen.items()}

    def create(self, name: str, fields: Mapping[str, object]) -> None:
        """Make a node, as C(scontrol create nodename) does."""
        record = {**NEW_NODE, "state": [str(fields["state"]), "DYNAMIC_NORM"], "partitions": []}
        record["weight"] = fields.get("weight", 1)
        record["total_cpus"] = fields.get("cpus", 1)
        record["available_features"] = str(fields["feature"]).split(",") if "feature" in fields else []
        record["configured_gres"] = parse_gres(str(fields.get("gres", "")))
        self.records[name] = record

    def _state(self, name: str) -> list[str]:
        """Return a node's state, with its jobs in it."""
        base, *flags = self.records[name]["state"]
        return ["MIXED" if base == "IDLE" and self._has_job(name) else base, *flags]

    def update(self, nodes: str, fields: Mapping[str, Any], user: str) -> None:
        """Do what REQUEST_UPDATE_NODE does with states and reasons."""
        if user not in ("root", "slurm"):
            raise refusal(2010, "ESLURM_USER_ID_MISSING", "Invalid user id", UPDATE)
        failure = None
        # slurmctld goes through the sorted names, skips a node that it refuses, and stops at one that it does not know.
        for name in sorted(hostlist.expand(nodes)) if nodes else [""]:
            if name not in self.records:
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", UPDATE)
            failure = self._update(name, fields, user) or failure
        if failure:
            raise failure

    def _update(self, name: str, fields: Mapping[str, Any], user: str) -> Optional[SlurmError]:
        record, before = self.records[name], self._state(name)
        if fields.get("state"):
            after = transition(before, fields["state"])
            if after is None:
                errno_name = "ESLURM_INVALID_NODE_STATE_TRANSITION"
                return refusal(2180, errno_name, "Invalid node state transition", UPDATE)
            record["state"] = [record["state"][0] if after[0] == before[0] else after[0], *after[1:]]
        if fields.get("state") == "POWER_DOWN_ASAP" and not record["reason"] and before != self._state(name):
            record.update(reason="POWER_DOWN_ASAP", reason_user=None)
        reason = fields.get("reason")
        if reason and (reason != record["reason"] or before != self._state(name)):
            record.update(reason=reason, reason_user=user)
        # slurmctld does not look at the reason with requests about power.
        if not OUT_OF_SERVICE & set(record["state"]) and not str(fields.get("state")).startswith("POWER"):
            record.update(reason=None, reason_user=None)
        record.update({key: value for key, value in fields.items() if key not in ("state", "reason")})
        return None

    def reboot(self, nodes: str, reason: str, next_state: str, user: str) -> None:
        """Do what C(scontrol reboot ASAP) does."""
        call = "scontrol reboot"
        if next_state not in ("RESUME", "DOWN"):
            complain(f"Invalid nextstate={next_state}", call)
        for name in hostlist.expand(nodes):
            if name not in self.records:
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", call)
            # slurmctld skips a node whose reboot is pending.
            base, *flags = self.records[name]["state"]
            if not {"REBOOT_REQUESTED", "REBOOT_ISSUED"} & set(flags):
                state = [base, *sorted({*flags, "DRAIN", "REBOOT_REQUESTED"})]
                self.records[name].update(state=state, reason=reason, reason_user=user, next_state=next_state)

    def update_attributes(self, nodes: str, fields: Mapping[str, str], user: str) -> None:
        """Do what C(scontrol update nodename) does with attributes."""
        call = f"scontrol update nodename={nodes}"
        names = hostlist.expand(nodes) if nodes else []
        if user not in ("root", "slurm"):
            raise refusal(2010, "ESLURM_USER_ID_MISSING", "Invalid user id", call)
        for name in names or [""]:
            # slurmctld takes as many addresses as there are nodes.
            places = [fields[key].split(",") for key in ("nodeaddr", "nodehostname") if key in fields]
            if name not in self.records or any("" in place or len(place) != len(names) for place in places):
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", call)
            changed = {SCONTROL[key]: attribute(key, value) for key, value in fields.items()}
            node = {**self.records[name], **changed}
            if not set(node["active_features"]) <= set(node["available_features"]):
                text = "Active features not subset of available features"
                raise refusal(2031, "ESLURM_ACTIVE_FEATURE_NOT_SUBSET", text, call)
            self.records[name].update(changed)


def expect_attributes(nodes: str, fields: Mapping[str, str]) -> None:
    """Refuse what scontrol refuses before it sends anything."""
    call = f"scontrol update nodename={nodes}"
    for key, value in fields.items():
        if key not in SCONTROL:
            text = f"Update of this parameter is not supported: {key}={value}\nRequest aborted"
            raise SlurmError(f"{call}: {text}", call=call)
        if key == "weight" and not (value or "0").isdecimal():
            complain(f"Invalid value weight={value} for Weight", call)
        if key == "cpubind" and value not in ("off", "none", "core", "socket", "ldom", "thread"):
            complain(f"Invalid input cpubind={value}", call)


def expect_fields(fields: Mapping[str, Any]) -> None:
    """Refuse what pyslurm refuses before anything is sent."""
    problem = None
    for name, value in fields.items():
        if name not in WRITABLE:
            problem = f"attribute '{name}' is not writable" if name in NEW_NODE else f"'{name}'"
        elif not isinstance(value, WRITABLE[name]):
            problem = f"{WRITABLE[name].__name__} is required"
        elif name == "state" and value not in STATES:
            problem = f"Invalid Node state: {value}"
    if problem:
        raise SlurmError(f"{UPDATE}: a node cannot be given {dict(fields)}: {problem}", call=UPDATE)


def transition(state: list[str], request: str) -> Optional[list[str]]:
    """Return a node's state after a request, as slurmctld makes it; None where it refuses."""
    base, flags = state[0], set(state[1:])
    if request in ("RESUME", "UNDRAIN") and "INVALID_REG" in flags:
        return None
    if request == "RESUME":
        if not OUT_OF_SERVICE & set(state) and base != "FUTURE":
            return None
        base = "IDLE" if base in ("DOWN", "FUTURE") else base
        flags -= {"DRAIN", "FAIL"}
    elif request == "UNDRAIN":
        # Seen: it takes FAIL off an idle node too, and leaves it on one that is down or has jobs.
        flags -= {"DRAIN", "FAIL"} if base == "IDLE" else {"DRAIN"}
    elif request == "DOWN":
        base = "DOWN"
    elif request in ("POWER_UP", *POWER_DOWN):
        base, flags = power(base, flags, request)
    else:
        flags = flags - {"DRAIN", "FAIL"} | {request}
    return [base, *sorted(flags)]


def power(base: str, flags: set[str], request: str) -> tuple[str, set[str]]:
    """Return a node's state after a request about power."""
    if request == "POWER_UP":
        # slurmctld ignores it, without an error, for a node that is not powered down.
        return base, flags | ({"POWER_UP"} if "POWERED_DOWN" in flags else set())
    if "POWERING_DOWN" in flags:
        return base, flags
    flags = flags - {"REBOOT_REQUESTED", "REBOOT_ISSUED"} | {"POWER_DOWN"}
    if request == "POWER_DOWN_ASAP":
        flags |= {"DRAIN"}
    if request == "POWER_DOWN_FORCE":
        base = "IDLE" if base in ("MIXED", "ALLOCATED") else base
        flags -= {"POWER_UP", "POWERING_UP"}
    return base, flags


def attribute(key: str, value: str) -> Any:
    """Return an attribute of a node as pyslurm reads it, from what scontrol takes."""
    if key in ("activefeatures", "availablefeatures"):
        return value.split(",") if value else []
    if key == "gres":
        return parse_gres(value)
    if key == "weight":
        return int(value or 0)
    if key == "cpubind":
        return {"off": None, "none": "none"}.get(value, f"{value}s")
    return value or None


def copy(value: Any) -> Any:
    """Return a value that a test may change."""
    return value.copy() if isinstance(value, (list, dict)) else value
