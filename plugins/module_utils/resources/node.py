# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes: their states as sets of flags, the states a task can ask for, and the plan that leads there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from ..adapter.errors import ConflictError, SlurmError
from ..adapter.slurm import Slurm
from ..common import hostlist
from ..common.availability import expect_within, limit_of, unavailable
from ..common.core import Change, Plan, wait_until_none
from ..common.names import expect_known
from ..common.node_states import BASES, BUSY, FLAGS, OUT_OF_SERVICE, REBOOTING
from ..common.times import moment
from .node_attributes import normalised, record_of, words

# What a task on nodes reads, and returns, of each.
DETAILS = ("state", "reason", "reason_user")
# Flags of a node that is not back from a reboot.
SILENT = REBOOTING | {"NOT_RESPONDING"}
# States of a job that holds its nodes.
HOLDING = frozenset(("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "CONFIGURING"))


class Target(NamedTuple):
    """A state that a task can ask for.

    :param request: the state as scontrol(1) C(update nodename) takes it.
    :param reached_with: flags of which a node has one when it is in this state.
    :param reached_without: flags of which it has none.
    :param adds: flags that the request adds, by what slurmctld 26.05 does.
    :param drops: flags that it takes away.
    :param base: the base state that it leads to, from any other; None: it stays.
    :param default_reason: the reason when the task gives none; None: the state carries no reason.
    """

    request: str
    reached_with: frozenset[str] = frozenset()
    reached_without: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()
    base: Optional[str] = None
    default_reason: Optional[str] = None


TARGETS = {
    "down": Target(
        "DOWN",
        reached_with=frozenset(("DOWN",)),
        base="DOWN",
        default_reason="Ansible: Downed using hpc.slurm.slurm_node",
    ),
    "drained": Target(
        "DRAIN",
        reached_with=frozenset(("DRAIN",)),
        adds=frozenset(("DRAIN",)),
        drops=frozenset(("FAIL",)),
        default_reason="Ansible: Drained using hpc.slurm.slurm_node",
    ),
    "failed": Target(
        "FAIL",
        reached_with=frozenset(("FAIL",)),
        adds=frozenset(("FAIL",)),
        drops=frozenset(("DRAIN",)),
        default_reason="Ansible: Failed using hpc.slurm.slurm_node",
    ),
    "resumed": Target("RESUME", reached_without=OUT_OF_SERVICE, drops=frozenset(("DRAIN", "FAIL")), base="IDLE"),
    # Reached by the time of the last boot, see Task.arrived.
    "rebooted": Target(
        "REBOOT",
        reached_with=REBOOTING,
        adds=frozenset(("DRAIN", "REBOOT_REQUESTED")),
        default_reason="Ansible: Rebooted using hpc.slurm.slurm_node",
    ),
    "undrained": Target("UNDRAIN", reached_without=frozenset(("DRAIN",)), drops=frozenset(("DRAIN",))),
}


# The states that take a node out of service.
TAKEN_OUT = ("down", "drained", "failed", "rebooted")
# Those that give one back, wholly or in part.
GIVEN_BACK = ("resumed", "undrained")


def reached(target: Target, flags: Iterable[str]) -> bool:
    """Tell whether a node with these state flags is in the target state."""
    present = set(flags)
    return bool(present & target.reached_with) if target.reached_with else not present & target.reached_without


def predict(target: Target, flags: Iterable[str]) -> list[str]:
    """Return a node's state flags after the request, as slurmctld will have them.

    C(NOT_RESPONDING) and C(COMPLETING) come and go by themselves and are left as they are.
    """
    base, *others = flags
    if target.base == "DOWN" or (target.base and base == "DOWN"):
        base = target.base
    return [base, *sorted(set(others) - target.drops | target.adds)]


class Task(NamedTuple):
    """What a task wants of its nodes.

    :param target: the state, if any.
    :param reason: the reason to give with it; None where the state carries none.
    :param update_reason: whether nodes that are in the state already get the reason too.
    :param attributes: attributes in the form that compares.
    :param may: tells of a node's present reason whether the task may act on it.
    :param booted_after: with state=rebooted, the time that the last boot must be later than.
    :param next_state: with state=rebooted, the state after it, as scontrol(1) names it.
    """

    target: Optional[Target]
    reason: Optional[str]
    update_reason: bool
    attributes: dict[str, Any]
    may: Callable[[str], object]
    booted_after: Optional[int]
    next_state: str

    @property
    def fields(self) -> tuple[str, ...]:
        """What the task compares and returns of a node, beside its attributes."""
        return DETAILS if self.booted_after is None else (*DETAILS, "boot_time")

    @classmethod
    def of(cls, params: dict[str, Any]) -> Task:
        """:raises SlurmError: for options that cannot be meant."""
        target = TARGETS[params["state"]] if params["state"] else None
        reason = _reason(params, target)
        attributes = normalised(params["attributes"] or {})
        return cls(
            target,
            reason,
            params["update_reason"] and reason is not None,
            attributes,
            _reason_filter(params),
            _booted_after(params),
            params["next_state"].upper(),
        )

    def arrived(self, node: dict[str, Any]) -> bool:
        if self.booted_after is not None and (node["boot_time"] or 0) > self.booted_after:
            return True
        return self.target is None or reached(self.target, node["state"])

    def after(self, node: dict[str, Any], user: str) -> dict[str, Any]:
        """Return a node as the task wants it; the node as it is when the task has nothing to do."""
        changed = {**node, **self.attributes}
        if self.target is not None and not self.arrived(node):
            changed.update(_moved(node, self.target, self.reason, user))
        elif self.update_reason and node["reason"] != self.reason:
            changed.update(reason=self.reason, reason_user=user)
        return changed


def plan_nodes(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_node: its options in, what is to be done out."""
    names = hostlist.from_option(params["nodes"])
    task = Task.of(params)
    loaded = slurm.nodes({*task.fields, *task.attributes, "partitions"})
    before = _records(loaded, names, task)
    after, skipped, user = {}, {}, slurm.user()
    for name, node in before.items():
        after[name] = task.after(node, user)
        if after[name] != node and not task.may(node["reason"] or ""):
            skipped[name] = f"its reason {node['reason'] or ''!r} does not match only_reason"
            after[name] = node
    changed = [name for name in names if after[name] != before[name]]
    moving = [name for name in changed if not task.arrived(before[name])]
    if params["max_unavailable"] is not None:
        _expect_available(slurm, params, loaded, moving)
    if params["state"] in GIVEN_BACK:
        _expect_valid({name: before[name] for name in moving})

    def result(nodes: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {"nodes": nodes, "changed_nodes": sorted(changed), "skipped_nodes": skipped}

    return Plan(
        result(after),
        [
            Change(name, field, before[name][field], after[name][field])
            for name in changed
            for field in after[name]
            if before[name][field] != after[name][field]
        ],
        _writes(slurm, task, before, changed, moving),
        read_back=lambda: result(_records(slurm.nodes({*task.fields, *task.attributes}), names, task)),
        wait=_wait(slurm, params, task, [name for name in names if name not in skipped]),
    )


def _records(nodes: dict[str, dict[str, Any]], names: list[str], task: Task) -> dict[str, dict[str, Any]]:
    """Return what a task compares and returns of its nodes."""
    return {
        name: {**{field: node[field] for field in task.fields}, **record_of(node, task.attributes)}
        for name, node in select_nodes(nodes, names).items()
    }


def _writes(
    slurm: Slurm, task: Task, before: dict[str, dict[str, Any]], changed: list[str], moving: list[str]
) -> list[Callable[[], None]]:
    """Return one request for each kind of change, with the nodes that need it."""
    altered = [name for name in changed if any(before[name][key] != task.attributes[key] for key in task.attributes)]
    moved = set(moving)
    renamed = [name for name in changed if task.update_reason and name not in moved]
    renamed = [name for name in renamed if before[name]["reason"] != task.reason]
    differing = {
        key: value for key, value in task.attributes.items() if any(before[name][key] != value for name in altered)
    }
    if len(altered) > 1 and {"address", "hostname"} & set(differing):
        raise SlurmError(f"address and hostname are for one node at a time, these are {hostlist.fold(altered)}")
    writes: list[Callable[[], None]] = []
    if altered:
        writes.append(lambda: slurm.update_attributes(altered, words(differing)))
    target = task.target
    if moving and task.booted_after is not None:
        writes.append(lambda: slurm.reboot_nodes(moving, task.reason or "", task.next_state))
    elif moving and target is not None:
        writes.append(lambda: _move(slurm, moving, target, task.reason))
    if renamed:
        writes.append(lambda: slurm.update_nodes(renamed, reason=task.reason))
    return writes


def _expect_valid(nodes: dict[str, dict[str, Any]]) -> None:
    """Refuse what Slurm refuses: to give back a node that is less than it should be, until it registers anew."""
    invalid = [name for name, node in nodes.items() if "INVALID_REG" in node["state"]]
    if invalid:
        reasons = list(dict.fromkeys(nodes[name]["reason"] or "for no reason told" for name in invalid))
        told = "; ".join([*reasons[:3], *(["..."] if len(reasons) > 3 else [])])
        raise SlurmError(
            f"{hostlist.fold(invalid)} registered with less than slurm.conf says ({told}), and Slurm gives no such "
            "node back: correct that and restart slurmd"
        )


def _expect_available(
    slurm: Slurm, params: dict[str, Any], loaded: dict[str, dict[str, Any]], moving: list[str]
) -> None:
    limit = limit_of(params["max_unavailable"])
    if moving and params["state"] in TAKEN_OUT:
        expect_within(limit, moving, loaded, unavailable(loaded, slurm.reservations()))


def _wait(slurm: Slurm, params: dict[str, Any], task: Task, names: list[str]) -> Optional[Callable[[], dict[str, Any]]]:
    """Return the wait for the last job of the nodes, or for their reboot, when the task asks for it."""
    if not params["wait"]:
        return None
    if params["state"] not in TAKEN_OUT:
        raise SlurmError("wait is for a state that takes nodes out of service: down, drained, failed or rebooted")
    look, late = _wait_for_reboot(slurm, task, names) if task.booted_after is not None else _wait_for_jobs(slurm, names)
    return lambda: {"waited": wait_until_none(look, late, params["wait_timeout"])}


def given_up(node: dict[str, Any]) -> bool:
    """Tell whether slurmctld no longer waits for a node's reboot: after ResumeTimeout it adds that to the reason."""
    return not REBOOTING & set(node["state"]) and (node["reason"] or "").endswith("reboot timed out")


Wait = tuple[Callable[[], dict[str, Any]], Callable[[dict[str, Any], float], SlurmError]]


def _wait_for_reboot(slurm: Slurm, task: Task, names: list[str]) -> Wait:
    def booting() -> dict[str, Any]:
        nodes = slurm.nodes(("state", "reason", "boot_time"))
        done = {name for name in names if task.arrived({**nodes[name], "state": ["IDLE"]})}
        left = {name: nodes[name] for name in names if name not in done or SILENT & set(nodes[name]["state"])}
        states = {name: node["state"] for name, node in left.items()}
        lost = [name for name, node in left.items() if name not in done and given_up(node)]
        if lost:
            raise SlurmError(
                f"{hostlist.fold(lost)} did not come back from the reboot, and Slurm waits no longer "
                f"({nodes[lost[0]]['reason']}): see their consoles and the log of slurmd",
                details={"not_back": states},
            )
        return states

    def late(left: dict[str, Any], waited: float) -> SlurmError:
        return SlurmError(
            f"after {waited:.0f} s {hostlist.fold(left)} did not come back from the reboot: see their consoles, or "
            "wait longer with wait_timeout",
            details={"not_back": left, "waited": round(waited, 1)},
        )

    return booting, late


def _wait_for_jobs(slurm: Slurm, names: list[str]) -> Wait:

    def busy() -> dict[str, Any]:
        nodes = slurm.nodes(("state",))
        flagged = {name: nodes[name]["state"] for name in names if BUSY & set(nodes[name]["state"])}
        # A suspended job holds its nodes without a flag on them.
        return flagged or _held(names, jobs_on(slurm, names))

    def late(held: dict[str, Any], waited: float) -> SlurmError:
        jobs = jobs_on(slurm, list(held))
        whose = ", ".join(f"{number} of {job['user_name']}" for number, job in jobs.items())
        return SlurmError(
            f"after {waited:.0f} s jobs still run or complete on {hostlist.fold(held)} ({whose or 'none is listed'}): "
            "wait longer with wait_timeout, or end them",
            details={"running_jobs": jobs, "waited": round(waited, 1)},
        )

    return busy, late


def _held(names: list[str], jobs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the nodes that jobs hold, each with the state of a job."""
    on = set(names)
    return {
        name: job["state"] for job in jobs.values() for name in hostlist.expand(job["allocated_nodes"]) if name in on
    }


def jobs_on(slurm: Slurm, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the jobs that hold nodes, each with its user, state and nodes."""
    on = set(names)
    found = slurm.jobs(
        needed=("id", "allocated_nodes", "state"),
        keep=lambda job: (
            job["state"] in HOLDING and bool(on & set(hostlist.expand(job["allocated_nodes"] or "") or ()))
        ),
        attributes=("user_name", "state", "allocated_nodes"),
    )
    return {str(number): details for number, (_job, details) in sorted(found.items())}


def _move(slurm: Slurm, names: list[str], target: Target, reason: Optional[str]) -> None:
    """Bring nodes into the target state.

    A node that cannot make the transition, because somebody else moved it meanwhile, makes the request fail, but Slurm
    changes the others all the same. When all are where they should be, there is nothing to do again.

    :raises ConflictError: when nodes are left that are not in the target state; it tells whether others are in it now.
    """
    try:
        slurm.update_nodes(names, state=target.request, **({"reason": reason} if reason else {}))
    except ConflictError as error:
        now = select_nodes(slurm.nodes(("state",)), names)
        there = [reached(target, node["state"]) for node in now.values()]
        if not all(there):
            error.details["changed"] = any(there)
            raise


def _booted_after(params: dict[str, Any]) -> Optional[int]:
    if (params["state"] == "rebooted") != (params["booted_after"] is not None):
        raise SlurmError(
            "state=rebooted and booted_after go together: a node that has booted since then is not rebooted again"
        )
    if params["booted_after"] is None:
        return None
    after = moment("booted_after", params["booted_after"])
    if after.epoch is None or after.relative:
        raise SlurmError("booted_after is a fixed time: with now, nodes would be rebooted on each run")
    return after.epoch


def _reason(params: dict[str, Any], target: Optional[Target]) -> Optional[str]:
    reason: Optional[str] = params["reason"]
    if target is None or target.default_reason is None:
        if reason is not None and target is not None:
            raise SlurmError(f"reason cannot be given with state={params['state']}: Slurm clears it")
        if reason is not None:
            raise SlurmError("reason is given with a state: down, drained or failed")
        return None
    if reason is not None and not reason.strip():
        raise SlurmError("reason is empty: say why, for whoever finds the node, or leave the option out")
    return reason or target.default_reason


def select_nodes(nodes: dict[str, dict[str, Any]], names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the named nodes; SlurmError with the names that the cluster does not have."""
    unknown = [name for name in names if name not in nodes]
    if unknown:
        raise SlurmError(
            f"the cluster has no node {hostlist.fold(unknown)}; nothing was changed",
            2018,
            "ESLURM_INVALID_NODE_NAME",
            "REQUEST_NODE_INFO",
        )
    return {name: nodes[name] for name in names}


def _reason_filter(params: dict[str, Any]) -> Callable[[str], object]:
    """Return the test by which a task may act on a node with a reason."""
    pattern: Optional[str] = params["only_reason"]
    if pattern is None:
        return lambda reason: True
    try:
        return re.compile(pattern).search
    except re.error as error:
        raise SlurmError(f"only_reason is not a regular expression: {pattern!r}: {error}") from None


def _moved(record: dict[str, Any], target: Target, reason: Optional[str], user: str) -> dict[str, Any]:
    state = predict(target, record["state"])
    if reason:
        return {"state": state, "reason": reason, "reason_user": user}
    if "DOWN" in state:  # seen: undraining a node that stays DOWN keeps its reason
        return {**record, "state": state}
    return {"state": state, "reason": None, "reason_user": None}


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_node_info: a reading, nothing else."""
    attributes = params["attributes"]
    if attributes is not None:
        expect_known("a node", "attribute", attributes, slurm.node_attributes())
    nodes = slurm.nodes(None if attributes is None else {*attributes, "state", "partitions"})
    every, states = nodes, params["states"]
    if params["nodes"] is not None:
        nodes = select_nodes(nodes, hostlist.from_option(params["nodes"]))
    if params["partitions"] is not None:
        nodes = _having("partitions", "partition", params["partitions"], _values(every, "partitions"), nodes)
    if states is not None:
        # Those that the nodes have, too: a later release of Slurm may have more than are known here.
        known = BASES | FLAGS | _values(every, "state")
        nodes = _having("state", "state", [state.upper() for state in states], known, nodes)
    names, folded = hostlist.arrange(nodes)
    shown = {name: _pick(nodes[name], attributes) for name in names}
    return Plan({"nodes": shown, "names": names, "hostlist": folded, "total": len(every)})


def _values(nodes: dict[str, dict[str, Any]], attribute: str) -> set[str]:
    return {value for node in nodes.values() for value in node[attribute]}


def _having(
    attribute: str, kind: str, wanted: list[str], known: Iterable[str], nodes: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the nodes that have one of the wanted values in an attribute that is a list."""
    expect_known("a node", kind, wanted, known)
    return {name: node for name, node in nodes.items() if not set(wanted).isdisjoint(node[attribute])}


def _pick(node: dict[str, Any], attributes: Optional[list[str]]) -> dict[str, Any]:
    return node if attributes is None else {name: node[name] for name in attributes}
