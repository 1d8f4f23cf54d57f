# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module slurm_maintenance: plans a maintenance, gives out its nodes, and takes them back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...adapter.slurm import Slurm
from ...common import hostlist
from ...common.availability import limit_of
from ...common.capacity import capacity_lock
from ...common.plan import Change, Plan
from ...common.reasons import SLURMCTLD, out_of_service_by
from ...common.times import moment, seconds
from ..node.selection import Selection
from . import show
from .identity import Identity
from .journal import DONE, FAILED, FINAL, UNNEEDED, WORKING, Journal, Progress
from .schedule import Bounds, Wish, expect_possible, schedule
from .situation import NodeView, read_situation
from .strategies import STRATEGIES, WINDOW, Strategy, Window

# What is told of an outcome that has no reason of its own.
WHY = {DONE: "in service again", UNNEEDED: "there was nothing to do"}
# Seconds between two reads while a node is awaited: at least, and as a multiple of what a read takes.
PAUSE, OF_READ = 2.0, 4.0


class Maintenance(NamedTuple):
    """A maintenance, as a task describes it.

    :param path: of the journal.
    :param deadline: when the last node may be begun, in seconds since the epoch, as given.
    :param margin: seconds for which a node is to be free of others' reservations.
    """

    slurm: Slurm
    identity: Identity
    path: str
    journal: Journal
    deadline: Optional[int]
    selection: Selection
    strategy: Strategy
    bounds: Bounds
    margin: int
    max_failures: int
    run: str

    @classmethod
    def of(cls, slurm: Slurm, params: dict[str, Any]) -> Maintenance:
        """Return the maintenance of a module's options.

        :raises SlurmError: for options with a value that they cannot have.
        """
        identity = Identity.of(params["name"])
        deadline = moment("deadline", params["deadline"]).epoch if params["deadline"] else None
        path = params["journal"] or f"/var/lib/hpc-slurm/maintenance-{identity.name}.json"
        return cls(
            slurm,
            identity,
            path,
            Journal(path),
            deadline,
            Selection.of(params),
            STRATEGIES[params["strategy"]](slurm, identity, params["comment"] or ""),
            Bounds(
                (lambda size: size) if params["strategy"] == WINDOW else limit_of(params["max_unavailable"]),
                params["slots"],
                deadline or int(time.time()) + 365 * 86400,
            ),
            seconds("expected_duration", params["expected_duration"]),
            params["max_failures"],
            params["run"] or "",
        )

    def read(self) -> dict[str, NodeView]:
        return read_situation(self.slurm, self.identity, time.time(), self.margin)

    def names(self, nodes: dict[str, NodeView]) -> list[str]:
        """Return the nodes that the task is about.

        :raises SlurmError: for nodes and partitions that the cluster does not have.
        """
        return list(self.selection.nodes(self.slurm, {name: node._asdict() for name, node in nodes.items()}))

    def todo(self, names: list[str], progress: Progress) -> list[str]:
        """Return the nodes that are not done. What has failed is tried once in each run."""
        over = {*progress.with_outcome(*FINAL), *progress.failed()}
        return [name for name in names if name not in over]

    def wishes(self, nodes: dict[str, NodeView], todo: list[str], progress: Progress) -> dict[str, Wish]:
        working, now = progress.in_work(), int(time.time())
        if isinstance(self.strategy, Window):
            start = (progress.window or [now])[0]
            room = max(self.slots(progress) - len(working), 0)
            free = [name for name in todo if name not in working and not nodes[name].obstacle]
            # Those that are free first: a node with a job holds nobody back.
            free.sort(key=lambda name: not nodes[name].is_free)
            return {name: Wish(start) for name in free[:room]}
        return schedule(nodes, todo, working, self.bounds._replace(slots=self.slots(progress)), now)

    def slots(self, progress: Progress) -> int:
        """Return how many nodes can be worked on: until the first is done, only as many as may fail."""
        if progress.seconds():
            return self.bounds.slots
        return min(self.bounds.slots, max(self.max_failures - progress.failures, 1))

    def is_over(self, progress: Progress) -> bool:
        """Tell whether it is too late to begin another node."""
        end = progress.window[1] if progress.window else self.bounds.deadline
        return time.time() >= end


def plan_maintenance(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_maintenance."""
    work = Maintenance.of(slurm, params)
    actions: dict[str, Callable[[Maintenance, dict[str, Any]], Plan]] = {
        "planned": _plan,
        "begun": _begin,
        "claimed": _claim,
        "done": _give_back,
        "failed": _give_back,
        "ended": _end,
    }
    return actions[params["state"]](work, params)


def _plan(work: Maintenance, _params: dict[str, Any]) -> Plan:
    # A new run begins anew what another one has left.
    return Plan(_planned(work, work.journal.read()._replace(run=work.run)))


def _planned(work: Maintenance, progress: Progress, unneeded: Collection[str] = ()) -> dict[str, Any]:
    """Return what is to be done.

    :param unneeded: nodes on which there is nothing to do.
    """
    nodes = work.read()
    names = work.names(nodes)
    todo = work.todo(names, progress)
    expect_possible(nodes, todo, work.bounds.limit)
    found = work.wishes(nodes, todo, progress)
    if progress.window:  # all begin with it
        found = {name: Wish(max(progress.window[0], int(time.time()))) for name in todo}
    needed = [name for name in todo if name not in unneeded]
    rows = show.plan_rows(nodes, needed, found)
    return {
        "todo": needed,
        "hostlist": hostlist.fold(names),
        "plan": rows,
        "table": show.table(rows) if rows else ["nothing is to be done"],
        "window": progress.window,
        "deadline": work.deadline,
        "journal": work.path,
    }


def _begin(work: Maintenance, params: dict[str, Any]) -> Plan:
    """Take the maintenance over for a new run, and make the reservation of a window."""
    work = work._replace(run=str(uuid.uuid4()))
    before = work.journal.read()
    unneeded = set(hostlist.from_option(params["unneeded"] or ()))
    window = _window(before, params)

    def begun(progress: Progress) -> Progress:
        return progress._replace(run=work.run, failures=0, stopped="", window=window)

    def with_unneeded(progress: Progress) -> Progress:
        after = begun(progress)
        for name in unneeded - set(after.with_outcome(*FINAL)):
            after.end(name, UNNEEDED)
        return after

    result = _planned(work, begun(before), unneeded)
    # Before its begin a window has nothing to give.
    waits = window and time.time() < window[0] and not params["wait"]
    result.update(run=work.run, turns=0 if waits else len(result["todo"]))
    news = unneeded - set(before.with_outcome(*FINAL))
    changes = [Change(name, "outcome", before.nodes.get(name, {}).get("outcome"), UNNEEDED) for name in sorted(news)]
    if not result["todo"] and not changes:
        return Plan(result)
    if result["todo"]:
        changes.append(Change(f"maintenance {work.identity.name}", "run", before.run, work.run))

    def begin() -> None:
        work.journal.change(with_unneeded)

    def reserve() -> None:
        if isinstance(work.strategy, Window) and result["todo"]:
            free = [row["node"] for row in result["plan"] if not row["obstacle"]]
            work.strategy.reserve(work.read(), free, window[0], (window[1] - window[0]) // 60)

    anew = hostlist.fold(set(before.with_outcome(WORKING)).intersection(result["todo"]))
    warnings = [f"{anew} was in work by another run, which must have ended: its work begins anew"] if anew else []
    return Plan(result, changes, [begin, reserve], warnings=warnings)


def _window(before: Progress, params: dict[str, Any]) -> list[int]:
    """Return begin and end of the window: those of an earlier run, or the ones that the task gives."""
    if params["strategy"] != WINDOW:
        return []
    if before.window:
        return before.window
    if not params["start_time"] or not params["duration"]:
        raise SlurmError("strategy=window needs start_time and duration")
    start = moment("start_time", params["start_time"]).epoch
    if start is None:
        raise SlurmError(f"start_time of a window is a date and a time, this is {params['start_time']!r}")
    return [start, start + seconds("duration", params["duration"])]


def _claim(work: Maintenance, _params: dict[str, Any]) -> Plan:
    """Wait for a node that can be worked on, and take it."""
    found: dict[str, Any] = {"node": None, "why": "in check mode no node is taken", "line": ""}

    def wait() -> None:
        with work.journal.queue():
            while True:
                began = time.monotonic()
                progress = work.journal.read()
                if progress.run != work.run:
                    raise SlurmError(f"another run has taken maintenance {work.identity.name} over: {progress.run}")
                with capacity_lock():
                    taken = _step(work, progress)
                if taken is not None:
                    found.update(taken)
                    return
                time.sleep(max(PAUSE, OF_READ * (time.monotonic() - began)))

    change = Change(f"maintenance {work.identity.name}", "node", None, "the next that is free")
    return Plan(found, [change], [wait], lambda: found)


def _step(work: Maintenance, progress: Progress, again: bool = True) -> Optional[dict[str, Any]]:
    """Take a node that is ready, or hold those that will be: None where one is to be awaited.

    :param again: whether to look again at once when a node is held now that is free.
    """
    nodes = work.read()
    names = work.names(nodes)
    working = progress.in_work()
    waiting = [name for name in work.todo(names, progress) if name not in working]
    opened = [name for name in waiting if not nodes[name].obstacle]
    now, held = int(time.time()), _waiting(nodes, progress)
    if progress.stopped or work.is_over(progress):
        work.strategy.hold(held, {}, now)
        return _none(progress.stopped or "it is too late to begin another node")
    if not opened:
        return _none("no other node is to be done")
    wishes = work.wishes(nodes, opened, progress)
    ready = [name for name in opened if name in wishes and work.strategy.is_ready(nodes[name], now)]
    if ready:
        return _take(work, nodes, ready[0], names)
    if not wishes and not held and not working and progress.failed():
        why = f"{hostlist.fold(progress.failed())} failed, and with them no other node may be away"
        work.journal.change(lambda it: it._replace(stopped=why))
        return _none(why)
    work.strategy.hold({**held, **{name: nodes[name] for name in wishes}}, wishes, now)
    if again and any(nodes[name].is_free and name not in held for name in wishes):
        return _step(work, progress, again=False)
    return None


def _waiting(nodes: dict[str, NodeView], progress: Progress) -> dict[str, NodeView]:
    """Return the nodes that this maintenance holds, and on which no work has begun.

    A node whose work was interrupted stays held, whatever happens: it may be half done.
    """
    begun = set(progress.with_outcome(WORKING))
    return {name: node for name, node in nodes.items() if node.is_own and name not in begun}


def _none(why: str) -> dict[str, Any]:
    return {"node": None, "why": why, "line": ""}


def _take(work: Maintenance, nodes: dict[str, NodeView], name: str, names: list[str]) -> dict[str, Any]:
    progress = work.journal.change(lambda it: it.begin(name))
    said = show.line(name, "free, the work begins", show.counts(progress, nodes, names, work.bounds))
    return {"node": name, "address": nodes[name].address, "why": "", "line": said}


def _give_back(work: Maintenance, params: dict[str, Any]) -> Plan:
    """Take back a node that was worked on: into service, or drained where its work has failed."""
    name = params["node"]
    outcome, why = (DONE, "") if params["state"] == "done" else (FAILED, " ".join((params["why"] or "").split()))
    progress = work.journal.read()
    if progress.run != work.run or progress.nodes.get(name, {}).get("outcome") != WORKING:
        raise SlurmError(f"{name} is not in work by this run: nothing was changed")
    said: dict[str, Any] = {"node": name, "line": "", "why": why}

    def give_back() -> None:
        nodes = work.read()
        if outcome == FAILED:
            _leave_drained(work, nodes, name, why)
        else:
            work.strategy.give_back(nodes, [name])
            _resume(work.slurm, name)
        after = work.journal.change(lambda it: _stopped(it.end(name, outcome, why), work.max_failures))
        step = "done, in service" if outcome == DONE else f"failed, drained: {why}"
        names = work.names(nodes)
        said["line"] = show.line(name, step, show.counts(after, nodes, names, work.bounds))
        said["stopped"] = after.stopped

    return Plan(said, [Change(name, "outcome", WORKING, outcome)], [give_back], lambda: said)


def _leave_drained(work: Maintenance, nodes: dict[str, NodeView], name: str, why: str) -> None:
    """Drain a node whose work has failed, and hold it no longer otherwise."""
    work.slurm.update_nodes(name, state="DRAIN", reason=work.identity.failure(why))
    # This drain stays.
    work.strategy.give_back({**nodes, name: nodes[name]._replace(drained=False)}, [name])


def _resume(slurm: Slurm, name: str) -> None:
    """Resume a node that slurmctld has set down while it was worked on, as after a reboot that it does not expect."""
    node = slurm.nodes(("state", "reason", "reason_user"))[name]
    slurm_user = str(slurm.config()["slurm_user_name"])
    if out_of_service_by(node["state"], node["reason"], node["reason_user"], slurm_user) == SLURMCTLD:
        slurm.update_nodes(name, state="RESUME")


def _stopped(progress: Progress, most: int) -> Progress:
    if progress.failures < most or progress.stopped:
        return progress
    last = sorted(progress.failed(), key=lambda name: float(progress.nodes[name]["ended"]))[-progress.failures :]
    return progress._replace(
        stopped=f"{progress.failures} nodes in a row have failed: {hostlist.fold(last)}, the last one with: "
        f"{progress.nodes[last[-1]]['why']}"
    )


def _end(work: Maintenance, _params: dict[str, Any]) -> Plan:
    """End a run: nodes that it has not finished have failed, and what it held for later is given back."""
    progress, nodes = work.journal.read(), work.read()
    names = work.names(nodes)
    if progress.run != work.run:
        return Plan(_report(work, progress, nodes, names))
    lost = progress.in_work()
    given_back = [] if isinstance(work.strategy, Window) else list(_waiting(nodes, progress))
    why = "the run has lost the node: it is unreachable, or its tasks were cancelled"
    changes = [
        *(Change(name, "outcome", WORKING, FAILED) for name in lost),
        *(Change(name, "held", True, False) for name in given_back),
    ]

    def end() -> None:
        for name in lost:
            _leave_drained(work, nodes, name, why)
            work.journal.change(lambda it, name=name: it.end(name, FAILED, why))  # type: ignore[misc]
        work.strategy.give_back(nodes, given_back)

    return Plan(
        _report(work, progress, nodes, names),
        changes,
        [end],
        lambda: _report(work, work.journal.read(), work.read(), names),
    )


def _report(work: Maintenance, progress: Progress, nodes: dict[str, NodeView], names: list[str]) -> dict[str, Any]:
    """Return what became of each node, in groups and one by one."""
    report: dict[str, dict[str, Any]] = {}
    for name in names:
        entry = progress.nodes.get(name)
        if entry is not None and entry["outcome"] != WORKING:
            taken = round(entry["ended"] - entry["began"]) if entry["ended"] else None
            report[name] = {"outcome": entry["outcome"], "why": entry["why"], "seconds": taken}
        else:
            report[name] = {"outcome": "left alone", "why": _why_left(work, progress, nodes[name]), "seconds": None}
    groups: dict[tuple[str, str], list[str]] = {}
    for name, it in report.items():
        groups.setdefault((it["outcome"], it["why"]), []).append(name)
    return {
        "report": report,
        "groups": [
            {"nodes": hostlist.fold(members), "decision": outcome, "why": why or WHY.get(outcome, "")}
            for (outcome, why), members in groups.items()
        ],
        "summary": show.summary(groups),
        "stopped": progress.stopped,
        "failed_nodes": hostlist.fold(progress.failed()),
    }


def _why_left(work: Maintenance, progress: Progress, node: NodeView) -> str:
    if node.obstacle:
        return node.obstacle
    if progress.stopped:
        return "the run was stopped"
    if progress.window and time.time() < progress.window[0]:
        return f"the window begins at {show.clock(progress.window[0])}"
    if work.is_over(progress):
        return "jobs on it had not ended when it was too late to begin" if node.jobs else "it was too late to begin"
    return "it was not begun"
