# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster in memory, with nodes, jobs, reservations and triggers, which refuses what slurmctld refuses.

The contract tests (tests/contract) run on it and on a real controller, so that both behave alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Optional, Union

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.tests.unit.fake_jobs import NEW_JOB, Jobs
from ansible_collections.hpc.slurm.tests.unit.fake_nodes import NEW_NODE, Nodes, copy, expect_attributes, expect_fields
from ansible_collections.hpc.slurm.tests.unit.fake_refusals import denied, refusal
from ansible_collections.hpc.slurm.tests.unit.fake_reservations import Reservations

NODE_EVENTS = ("up", "down", "drained", "draining", "fail", "idle", "resume")
RESOURCES = {"burst_buffer": "other", "primary_slurmdbd": "slurmdbd", "primary_database": "database"}
MOST_OFFSET = 32_000


class FakeSlurm(Slurm):
    """The interface of Slurm, on a cluster in memory.

    :param nodes: hostlist -> state, such as C({"node[1-3]": "IDLE+DRAIN"}).
    :param user: the user who sends the requests; root and slurm may update nodes, only slurm may set triggers.
    :param programs: the executable files.
    :param jobs: the jobs, each with at least its C(id); other attributes are those of NEW_JOB by default.
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
        self.cluster_jobs = Jobs(jobs)
        self.queue = self.cluster_jobs.records
        """The jobs, by id."""
        self.steps: dict[int, dict[str, dict[str, Any]]] = {}
        """The steps of jobs, by the jobs' ids."""
        self.cluster_nodes = Nodes(nodes, self._has_job)
        self.records = self.cluster_nodes.records
        """The nodes, by name."""
        self.reserved = Reservations(self.records)
        self.trigger_records: list[dict[str, Any]] = []
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.broken: Optional[SlurmError] = None
        """The error of every write, when set."""
        self.read_warnings: list[str] = []
        """The attributes that could not be read."""
        self.unreadable: Optional[SlurmError] = None
        """The error of every reading of reservations, when set."""
        self.meanwhile: list[Callable[[], None]] = []
        """What another process does, one call before each of the next writes."""
        self._last_id = 0

    # Configuration.

    def config(self) -> dict[str, Any]:
        self.reads["config"] += 1
        return {"cluster_name": "fake", "slurm_user_name": "slurm", "kill_wait_time": 30, "plugin_dirs": ["/usr/lib"]}

    def user(self) -> str:
        return self.asking

    def warnings(self) -> list[str]:
        return list(self.read_warnings)

    def executable(self, path: str) -> bool:
        return path in self.programs

    # Nodes.

    def nodes(self, attributes: Optional[Iterable[str]] = None, future: bool = False) -> dict[str, dict[str, Any]]:
        self.reads["nodes"] += 1
        wanted = self.node_attributes() if attributes is None else list(attributes)
        return self.cluster_nodes.listed(wanted, future)

    def node_attributes(self) -> list[str]:
        return sorted([*NEW_NODE, "name"])

    def create_node(self, name: str, **fields: object) -> None:
        """Do what C(scontrol create nodename) does."""
        self.cluster_nodes.create(name, fields)

    def delete_node(self, name: str) -> None:
        """Do what C(scontrol delete nodename) does."""
        del self.records[name]

    def update_nodes(self, nodes: str, **fields: Any) -> None:
        expect_fields(fields)
        self._writing("update_nodes")
        self.cluster_nodes.update(nodes, fields, self.asking)

    def update_attributes(self, nodes: str, fields: Mapping[str, str]) -> None:
        expect_attributes(nodes, fields)
        self._writing("update_attributes")
        self.cluster_nodes.update_attributes(nodes, fields, self.asking)

    def reboot_nodes(self, nodes: str, reason: str, next_state: str) -> None:
        self._writing("reboot_nodes")
        self.cluster_nodes.reboot(nodes, reason, next_state, self.asking)

    def _has_job(self, name: str) -> bool:
        running = (job["allocated_nodes"] for job in self.queue.values() if job["state"] == "RUNNING")
        return any(name in hostlist.expand(nodes) for nodes in running)

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
            record = {name: copy(job[name]) for name in needed}
            if keep(record):
                details = {name: copy(job[name]) for name in attributes}
                if steps:
                    details["steps"] = dict(self.steps.get(number, {}))
                found[number] = (record, details)
        return found

    def job_attributes(self) -> list[str]:
        return sorted(NEW_JOB)

    def submit(self, *words: str) -> int:
        """Submit a job as sbatch does. A job that is not held and has a C(--nodelist) runs at once."""
        return self.cluster_jobs.submit(words, self.asking)

    def submit_texts(self, name: str, comment: str) -> int:
        """Submit a held job with texts that may have blanks in them."""
        number = self.submit("--hold")
        self.queue[number].update(name=name, comment=comment)
        return number

    def cancel(self, job_id: Union[int, str]) -> None:
        """Cancel a job, an array, a het job or a task such as C(12_3), as scancel does."""
        self.cluster_jobs.cancel(str(job_id))

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

    def skip_reservation(self, name: str) -> None:
        call = f"scontrol update reservationname={name}"
        self._reserving("update_reservation", call)
        self.reserved.skip(name, call)

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
        return [dict(trigger) for trigger in self.trigger_records]

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
        if any({**trigger, "id": 0} == {**described, "id": 0} for trigger in self.trigger_records):
            raise refusal(2089, "ESLURM_TRIGGER_DUP", "Duplicate event trigger", call)
        self._last_id += 1
        self.trigger_records.append({"id": self._last_id, **described})

    def clear_trigger(self, trigger_id: int) -> None:
        self._writing("clear_trigger")
        for trigger in self.trigger_records:
            if trigger["id"] == trigger_id:
                if self.asking not in ("root", trigger["user"]):
                    raise denied("strigger --clear")
                self.trigger_records.remove(trigger)
                return

    def _selected(self, selectors: list[str], call: str) -> dict[str, Any]:
        """Return event, resource and resource_id of a trigger, from strigger's options."""
        values = dict(selector.removeprefix("--").partition("=")[::2] for selector in selectors)
        event = next(name for name in values if name not in ("node", "jobid"))
        if "jobid" in values:
            number = values["jobid"].partition("_")[0]  # strigger ignores the task of an array
            if int(number) not in self.queue:
                raise refusal(2017, "ESLURM_INVALID_JOB_ID", "Invalid job id specified", call)
            return {"event": event, "resource": "job", "resource_id": number}
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
