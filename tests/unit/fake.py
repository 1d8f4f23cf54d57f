# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster that is not there: it keeps nodes and triggers, and refuses what slurmctld 26.05 refuses.

The contract tests (tests/contract) run on it and on a real controller, so that the two cannot drift apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from ansible_collections.hpc.slurm.plugins.module_utils import hostlist
from ansible_collections.hpc.slurm.plugins.module_utils.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.slurm import Slurm

UPDATE = "REQUEST_UPDATE_NODE"
OUT_OF_SERVICE = {"DOWN", "DRAIN", "FAIL"}
STATES = ("DOWN", "DRAIN", "FAIL", "RESUME", "UNDRAIN")
WRITABLE = {"state": str, "reason": str, "comment": str, "extra": str, "weight": int}
NEW_NODE: dict[str, Any] = {
    "state": "IDLE",
    "reason": None,
    "reason_user": None,
    "reason_time": None,
    "partitions": ["main"],
    "comment": None,
    "extra": None,
    "weight": 1,
    "total_cpus": 4,
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
    :param jobs: the ids of the jobs there are.
    """

    def __init__(
        self,
        nodes: Mapping[str, str],
        user: str = "root",
        programs: Iterable[str] = ("/bin/true",),
        jobs: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.asking = user
        self.programs, self.jobs = set(programs), set(jobs)
        self.records: dict[str, dict[str, Any]] = {}
        for names, state in nodes.items():
            self.records.update({name: {**NEW_NODE, "state": state.split("+")} for name in hostlist.expand(names)})
        self.armed: list[dict[str, Any]] = []
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.broken: Optional[SlurmError] = None
        """What every write fails with, when set."""
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
        return {name: {key: _copy(record[key]) for key in wanted} for name, record in self.records.items()}

    def node_attributes(self) -> list[str]:
        return sorted(NEW_NODE)

    def update_nodes(self, names: Iterable[str], **fields: Any) -> None:
        expect_fields(fields)
        self._writing("update_nodes")
        if self.asking not in ("root", "slurm"):
            raise refusal(2010, "ESLURM_USER_ID_MISSING", "Invalid user id", UPDATE)
        failure = None
        # Seen: they are taken sorted; one that is refused is passed over, one that is unknown ends the request.
        for name in sorted(names) or [""]:
            if name not in self.records:
                raise refusal(2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", UPDATE)
            failure = self._update(self.records[name], fields) or failure
        if failure:
            raise failure

    def _update(self, record: dict[str, Any], fields: Mapping[str, Any]) -> Optional[SlurmError]:
        before = list(record["state"])
        if fields.get("state"):
            after = transition(before, fields["state"])
            if after is None:
                name_of_it = "ESLURM_INVALID_NODE_STATE_TRANSITION"
                return refusal(2180, name_of_it, "Invalid node state transition", UPDATE)
            record["state"] = after
        reason = fields.get("reason")
        if reason and (reason != record["reason"] or before != record["state"]):
            record.update(reason=reason, reason_user=self.asking)
        if not OUT_OF_SERVICE & set(record["state"]):
            record.update(reason=None, reason_user=None)
        record.update({key: value for key, value in fields.items() if key not in ("state", "reason")})
        return None

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
            if values["jobid"] not in self.jobs:
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


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
