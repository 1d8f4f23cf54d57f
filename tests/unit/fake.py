# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster that is not there: it keeps nodes, jobs, reservations and triggers, and refuses what slurmctld does.

The contract tests (tests/contract) run on it and on a real controller, so that the two cannot drift apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Optional

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.tests.unit.fake_reservations import Reservations, complain

UPDATE = "REQUEST_UPDATE_NODE"
OUT_OF_SERVICE = {"DOWN", "DRAIN", "FAIL"}
STATES = ("DOWN", "DRAIN", "FAIL", "RESUME", "UNDRAIN")
WRITABLE = {"state": str, "reason": str, "comment": str, "extra": str, "weight": int}
NEW_NODE: dict[str, Any] = {
    "state": "IDLE",
    "reason": None,
    "reason_user": None,
    "reason_time": None,
    "boot_time": None,
    "partitions": ["main"],
    "comment": None,
    "extra": None,
    "weight": 1,
    "total_cpus": 4,
    "available_features": [],
    "active_features": [],
    "configured_gres": {},
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
NEW_JOB: dict[str, Any] = {
    "id": 0,
    "array_id": None,
    "array_task_id": None,
    "array_tasks_waiting": None,
    "heterogeneous_id": None,
    "heterogeneous_offset": None,
    "allocated_nodes": None,
    "required_nodes": None,
    "excluded_nodes": None,
    "scheduled_nodes": None,
    "state": "PENDING",
    "state_reason": None,
    "user_name": "slurm",
    "partition": "main",
    "name": "wrap",
    "account": None,
    "batch_host": None,
    "comment": None,
    "num_nodes": 1,
    "is_batch_job": True,
    "licenses": [],
    "gres": {},
    "reservation": None,
}
NODE_EVENTS = ("up", "down", "drained", "draining", "fail", "idle", "resume")
RESOURCES = {"burst_buffer": "other", "primary_slurmdbd": "slurmdbd", "primary_database": "database"}
MOST_OFFSET = 32_000


def refusal(errno: int, name: str, text: str, call: str) -> SlurmError:
    return SlurmError.of(errno, name, text, call)


def denied(call: str) -> SlurmError:
    return refusal(2002, "ESLURM_ACCESS_DENIED", "Access/permission denied", call)


class FakeSlurm(Slurm):
    """The interface of Slurm, on a cluster in memory.

    :param nodes: hostlist -> state, such as C({"node[1-3]": "IDLE+DRAIN"}).
    :param user: who asks; root and slurm may update nodes, slurm alone may set triggers.
    :param programs: the files that can be executed.
    :param jobs: the jobs there are: what of each is not as in NEW_JOB, at least its C(id).
    """

    def __init__(
        self,
        nodes: Mapping[str, str],
        user: str = "root",
        programs: Iterable[str] = ("/bin/true",),
        jobs: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__()
        self.asking = user
        self.programs = set(programs)
        self.queue: dict[int, dict[str, Any]] = {job["id"]: {**NEW_JOB, **job} for job in jobs}
        self.steps: dict[int, dict[str, dict[str, Any]]] = {}
        """The steps of jobs, by the jobs' ids."""
        self.records: dict[str, dict[str, Any]] = {}
        for names, state in nodes.items():
            self.records.update({name: {**NEW_NODE, "state": state.split("+")} for name in hostlist.expand(names)})
        self.reserved = Reservations(self.records)
        self.armed: list[dict[str, Any]] = []
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.broken: Optional[SlurmError] = None
        """What every write fails with, when set."""
        self.unreadable: Optional[SlurmError] = None
        """What the reading of reservations fails with, when set."""
        self.meanwhile: list[Callable[[], None]] = []
        """What somebody else does before the next writes, one of them each."""
        self._last_id = 0

    # Configuration.

    def config(self) -> dict[str, Any]:
        self.reads["config"] += 1
        return {"cluster_name": "fake", "slurm_user_name": "slurm", "kill_wait_time": 30, "plugin_dirs": ["/usr/lib"]}

    def user(self) -> str:
        return self.asking

    def executable(self, path: str) -> bool:
        return path in self.programs

    # Nodes.

    def nodes(self, attributes: Optional[Iterable[str]] = None) -> dict[str, dict[str, Any]]:
        self.reads["nodes"] += 1
        wanted = self.node_attributes() if attributes is None else list(attributes)
        seen = {name: {**record, "name": name, "state": self._state(name)} for name, record in self.records.items()}
        return {name: {key: _copy(record[key]) for key in wanted} for name, record in seen.items()}

    def node_attributes(self) -> list[str]:
        return sorted([*NEW_NODE, "name"])

    def _state(self, name: str) -> list[str]:
        """Return a node's state flags, as its jobs make them."""
        base, *flags = self.records[name]["state"]
        running = (job["allocated_nodes"] for job in self.queue.values() if job["state"] == "RUNNING")
        busy = base == "IDLE" and any(name in hostlist.expand(nodes) for nodes in running)
        return ["MIXED" if busy else base, *flags]

    def update_nodes(self, nodes: str, **fields: Any) -> None:
        expect_fields(fields)
        self._writing("update_nodes")
        if self.asking not in ("root", "slurm"):
            raise refusal(2010, "ESLURM_USER_ID_MISSING", "Invalid user id", UPDATE)
        failure = None
        # Seen: they are taken sorted; one that is refused is passed over, one that is unknown ends the request.
        for name in sorted(hostlist.expand(nodes)) if nodes else [""]:
            if name not in self.records:
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", UPDATE)
            failure = self._update(name, fields) or failure
        if failure:
            raise failure

    def _update(self, name: str, fields: Mapping[str, Any]) -> Optional[SlurmError]:
        record, before = self.records[name], self._state(name)
        if fields.get("state"):
            after = transition(before, fields["state"])
            if after is None:
                name_of_it = "ESLURM_INVALID_NODE_STATE_TRANSITION"
                return refusal(2180, name_of_it, "Invalid node state transition", UPDATE)
            record["state"] = [record["state"][0] if after[0] == before[0] else after[0], *after[1:]]
        reason = fields.get("reason")
        if reason and (reason != record["reason"] or before != self._state(name)):
            record.update(reason=reason, reason_user=self.asking)
        if not OUT_OF_SERVICE & set(record["state"]):
            record.update(reason=None, reason_user=None)
        record.update({key: value for key, value in fields.items() if key not in ("state", "reason")})
        return None

    def reboot_nodes(self, nodes: str, reason: str, next_state: str) -> None:
        call = "scontrol reboot"
        self._writing("reboot_nodes")
        if next_state not in ("RESUME", "DOWN"):
            complain(f"Invalid nextstate={next_state}", call)
        for name in hostlist.expand(nodes):
            if name not in self.records:
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", call)
            # Seen: one that is about to be rebooted is passed over.
            base, *flags = self.records[name]["state"]
            if not {"REBOOT_REQUESTED", "REBOOT_ISSUED"} & set(flags):
                state = [base, *sorted({*flags, "DRAIN", "REBOOT_REQUESTED"})]
                self.records[name].update(state=state, reason=reason, reason_user=self.asking)

    def update_attributes(self, nodes: str, fields: Mapping[str, str]) -> None:
        call = f"scontrol update nodename={nodes}"
        for key, value in fields.items():
            if key not in SCONTROL:
                words = f"Update of this parameter is not supported: {key}={value}\nRequest aborted"
                raise SlurmError(f"{call}: {words}", call=call)
            if key == "weight" and not (value or "0").isdecimal():
                complain(f"Invalid value weight={value} for Weight", call)
            if key == "cpubind" and value not in ("off", "none", "core", "socket", "ldom", "thread"):
                complain(f"Invalid input cpubind={value}", call)
        self._writing("update_attributes")
        names = hostlist.expand(nodes) if nodes else []
        if self.asking not in ("root", "slurm"):
            raise refusal(2010, "ESLURM_USER_ID_MISSING", "Invalid user id", call)
        for name in names or [""]:
            # Seen: as many addresses are wanted as there are nodes.
            places = [fields[key].split(",") for key in ("nodeaddr", "nodehostname") if key in fields]
            if name not in self.records or any("" in place or len(place) != len(names) for place in places):
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", call)
            changed = {SCONTROL[key]: attribute(key, value) for key, value in fields.items()}
            node = {**self.records[name], **changed}
            if not set(node["active_features"]) <= set(node["available_features"]):
                text = "Active features not subset of available features"
                raise refusal(2031, "ESLURM_ACTIVE_FEATURE_NOT_SUBSET", text, call)
            self.records[name].update(changed)

    # Jobs.

    def jobs(
        self,
        needed: Collection[str],
        keep: Callable[[dict[str, Any]], bool],
        attributes: Collection[str],
        steps: bool = False,
    ) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        self.reads["jobs"] += 1
        found = {}
        for number, job in self.queue.items():
            record = {name: _copy(job[name]) for name in needed}
            if keep(record):
                details = {name: _copy(job[name]) for name in attributes}
                if steps:
                    details["steps"] = dict(self.steps.get(number, {}))
                found[number] = (record, details)
        return found

    def job_attributes(self) -> list[str]:
        return sorted(NEW_JOB)

    def submit(self, *words: str) -> int:
        """Do what sbatch does: a job that is not held runs at once, on its C(--nodelist)."""
        first = max(self.queue, default=0) + 1
        components = " ".join(words).split(" : ")
        for offset, component in enumerate(components):
            options = dict(word.removeprefix("--").partition("=")[::2] for word in component.split())
            job = _submitted(options, self.asking)
            if len(components) > 1:
                job.update(heterogeneous_id=first, heterogeneous_offset=offset)
            self._queue(first + offset, job, options.get("array"))
        return first

    def _queue(self, number: int, job: dict[str, Any], array: Optional[str]) -> None:
        if array is None:
            self.queue[number] = {**job, "id": number}
        elif job["state"] == "PENDING":
            self.queue[number] = {**job, "id": number, "array_id": number, "array_tasks_waiting": array}
        else:  # each task that starts is a job of its own, and the last keeps the id of the array
            *others, last = [int(task) for task in array.split(",")]
            self.queue[number] = {**job, "id": number, "array_id": number, "array_task_id": last}
            for task in others:
                own = max(self.queue) + 1
                self.queue[own] = {**job, "id": own, "array_id": number, "array_task_id": task}

    def cancel(self, number: int) -> None:
        """Do what scancel does."""
        for job in self.queue.values():
            if number in (job["id"], job["array_id"], job["heterogeneous_id"]):
                job["state"] = "CANCELLED"

    # Reservations.

    def reservations(self) -> list[dict[str, Any]]:
        self.reads["reservations"] += 1
        if self.unreadable:
            raise self.unreadable
        return self.reserved.listed()

    def create_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        call = "scontrol create reservation"
        self._reserving("create_reservation", call)
        self.reserved.create(name, fields, call)

    def update_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        call = f"scontrol update reservationname={name}"
        self._reserving("update_reservation", call)
        self.reserved.update(name, fields, call)

    def delete_reservation(self, name: str) -> None:
        call = f"scontrol delete reservationname={name}"
        self._reserving("delete_reservation", call)
        busy = any((job["reservation"], job["state"]) == (name, "RUNNING") for job in self.queue.values())
        self.reserved.delete(name, busy, call)

    def _reserving(self, kind: str, call: str) -> None:
        self._writing(kind)
        if self.asking not in ("root", "slurm"):
            raise refusal(2010, "ESLURM_USER_ID_MISSING", "Invalid user id", call)

    # Triggers.

    def triggers(self) -> list[dict[str, Any]]:
        self.reads["triggers"] += 1
        return [dict(trigger) for trigger in self.armed]

    def set_trigger(self, *, selectors: Iterable[str], offset: int, permanent: bool, program: str) -> None:
        call = "strigger --set"
        self._writing("set_trigger")
        if program.split()[0] not in self.programs:
            raise SlurmError(f"{call}: strigger: error: Invalid --program value, file not found", call=call)
        if abs(offset) > MOST_OFFSET:
            raise SlurmError(f"{call}: strigger: error: The --offset parameter must be between +/-32000", call=call)
        if self.asking != "slurm":
            raise denied(call)
        described = {
            **self._selected(list(selectors), call),
            "offset": offset,
            "permanent": permanent,
            "program": program,
            "user": self.asking,
        }
        if any({**trigger, "id": 0} == {**described, "id": 0} for trigger in self.armed):
            raise refusal(2089, "ESLURM_TRIGGER_DUP", "Duplicate event trigger", call)
        self._last_id += 1
        self.armed.append({"id": self._last_id, **described})

    def clear_trigger(self, trigger_id: int) -> None:
        self._writing("clear_trigger")
        for trigger in self.armed:
            if trigger["id"] == trigger_id:
                if self.asking not in ("root", trigger["user"]):
                    raise denied("strigger --clear")
                self.armed.remove(trigger)
                return

    def _selected(self, selectors: list[str], call: str) -> dict[str, Any]:
        """Return what a trigger is about, from strigger's options."""
        values = dict(selector.removeprefix("--").partition("=")[::2] for selector in selectors)
        event = next(name for name in values if name not in ("node", "jobid"))
        if "jobid" in values:
            if int(values["jobid"]) not in self.queue:
                raise refusal(2017, "ESLURM_INVALID_JOB_ID", "Invalid job id specified", call)
            return {"event": event, "resource": "job", "resource_id": values["jobid"]}
        if "node" in values or event == "reconfig":
            names = values.get("node") or "*"
            if names != "*" and not set(hostlist.expand(names)) <= set(self.records):
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", call)
            return {"event": event, "resource": "node", "resource_id": names}
        if event in NODE_EVENTS:
            raise SlurmError(f"{call}: strigger: error: no node or job named", call=call)
        resource = next((found for start, found in RESOURCES.items() if event.startswith(start)), "slurmctld")
        return {"event": event, "resource": resource, "resource_id": "*"}

    def _writing(self, kind: str) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        self.writes[kind] += 1
        if self.broken:
            raise self.broken


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
        if not OUT_OF_SERVICE & set(state):
            return None
        base = "IDLE" if base == "DOWN" else base
        flags -= {"DRAIN", "FAIL"}
    elif request == "UNDRAIN":
        # Seen: it takes FAIL off an idle node too, and leaves it on one that is down or has jobs.
        flags -= {"DRAIN", "FAIL"} if base == "IDLE" else {"DRAIN"}
    elif request == "DOWN":
        base = "DOWN"
    else:
        flags = flags - {"DRAIN", "FAIL"} | {request}
    return [base, *sorted(flags)]


def attribute(key: str, value: str) -> Any:
    """Return an attribute of a node as pyslurm reads it, from what scontrol takes."""
    if key in ("activefeatures", "availablefeatures"):
        return value.split(",") if value else []
    if key == "gres":
        pairs = [item.rpartition(":")[::2] for item in value.split(",") if item]
        return {name: int(count) for name, count in pairs}
    if key == "weight":
        return int(value or 0)
    if key == "cpubind":
        return {"off": None, "none": "none"}.get(value, f"{value}s")
    return value or None


def _submitted(options: Mapping[str, str], user: str) -> dict[str, Any]:
    nodes = options.get("nodelist")
    running = nodes is not None and "hold" not in options
    return {
        **NEW_JOB,
        "user_name": user,
        "required_nodes": nodes,
        "excluded_nodes": options.get("exclude"),
        "comment": options.get("comment"),
        "reservation": options.get("reservation"),
        "state": "RUNNING" if running else "PENDING",
        "state_reason": None if running else "JobHeldUser",
        "allocated_nodes": nodes if running else None,
        "batch_host": nodes if running else None,
    }


def _copy(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return value.copy()
    return value
