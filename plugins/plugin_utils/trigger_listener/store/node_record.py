# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for one node: whether a trigger or a snapshot brings a change, and what its record is then.

A node has any of the states down, drained, draining and fail, each for itself; a node without one is in service. The
rules are pure functions, so that each state is reported once and no change is missed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ....module_utils.common.node_states import BUSY
from ....module_utils.common.reasons import planned_absence
from .snapshot import Group

# In the order in which they are reported when a snapshot has several.
STATES = ("fail", "draining", "drained", "down")
# The states that an event kind ends (strigger(1), and tried). RESUME ends all; a node that is up may still be drained,
# and the trigger for idle nodes also fires for a drained one.
ENDED_BY = {"up": {"down"}, "idle": {"down"}, "resume": set(STATES)}
# What is reported of a node that a snapshot does not have: it is in service again.
IN_SERVICE = "up"

# Seconds for which leaving service counts as a flap.
FLAP_WINDOW = 3600.0
# Seconds within which the events of one evaluation of triggers arrive, of which there is one every 15 s. Their order
# means nothing: a node that was drained and resumed in between has its resume before its drain as well.
SAME_EVALUATION = 5.0
# Seconds within which retries count.
RETRY_WINDOW = 86400.0
# The most that are counted.
MOST_FLAPS = 100
# Seconds without a snapshot after which triggers may have been missed, as on a machine that was a standby.
SNAPSHOT_GAP = 900.0
# Seconds that Slurm's time of a reason may be off: it has whole seconds, by another clock. A node that returns and
# leaves again within them, and whose triggers are lost, is not reported a second time.
CLOCK_TOLERANCE = 2.0


class NodeRecord(NamedTuple):
    """What was last reported of a node.

    :param reported: when; 0 for a node that was never reported.
    :param left_service: when it left service, within the last hour.
    :param details: its reason and flags in the last snapshot; C(retry) and C(retries_left) after with_retry().
    :param retried: when it was reported again because its reaction did not bring it back, within the last day.
    :param failed: when its reaction last failed; 0: never.
    :param postponed: when its reaction was last postponed; 0: never.
    :param repeated: when it was last reported again, because its reaction failed or was postponed; 0: never.
    :param resumed: when its reaction last resumed it; 0: never.
    """

    node: str
    states: frozenset[str] = frozenset()
    reported: float = 0.0
    left_service: tuple[float, ...] = ()
    details: dict[str, Any] = {}  # noqa: RUF012 - never changed
    retried: tuple[float, ...] = ()
    failed: float = 0.0
    postponed: float = 0.0
    repeated: float = 0.0
    resumed: float = 0.0

    def flaps(self, now: float) -> int:
        """Return how often the node left service within the last hour."""
        return sum(when > now - FLAP_WINDOW for when in self.left_service)

    def is_planned(self) -> bool:
        """Tell whether the node was a planned absence in the last snapshot."""
        return planned_absence(self.details.get("flags", ()), self.details.get("reason"))

    def is_newer(self, read_at: float, now: float) -> bool:
        """Tell whether it was reported after Slurm was read. A time in the future, before a clock was set back, is not
        newer.
        """
        return read_at < self.reported <= now

    def with_return(self, states: frozenset[str], now: float) -> NodeRecord:
        """Return the record of a node that returned.

        :param states: those that it still has.
        """
        left = self.left_service[-1] if self.left_service else self.reported
        details = {"in_service": not states, "by_reaction": self.resumed > left}
        return self.with_report(states, now, details, has_left=False)

    def with_report(self, states: frozenset[str], now: float, details: dict[str, Any], has_left: bool) -> NodeRecord:
        """Return the record after a report.

        :param has_left: whether the node left service.
        """
        times = tuple(when for when in self.left_service if when > now - FLAP_WINDOW)[-MOST_FLAPS:]
        left_service = (*times, now) if has_left else times
        return self._replace(
            states=states, reported=now, left_service=left_service, details=details, retried=self._retries(now)
        )

    def _retries(self, now: float) -> tuple[float, ...]:
        return tuple(when for when in self.retried if when > now - RETRY_WINDOW)

    def with_retry(self, now: float, per_day: int) -> tuple[NodeRecord, bool]:
        """Return the record of a node that its reaction did not bring back, and whether to report it again.

        What was postponed is no retry, and may be reported again at any time.
        """
        times = self._retries(now)
        is_retry = self.postponed <= self.failed
        may = not is_retry or len(times) < per_day
        retried = (*times, now) if may and is_retry else times
        details = {**self.details, "retry": may, "retries_left": per_day - len(retried)}
        if not may:
            return self._replace(details=details, retried=retried), False
        after = self.with_report(self.states, now, details, has_left=False)
        return after._replace(retried=retried, repeated=now), True


def apply_trigger(record: NodeRecord, state: str, now: float) -> tuple[NodeRecord, bool]:
    """Apply a notification: return the new record, and whether it is a change.

    :param state: the event kind of the trigger.
    """
    if state in ENDED_BY:
        states = record.states - ENDED_BY[state]
        is_change = states != record.states or not record.reported
        return (record.with_return(states, now) if is_change else record), is_change
    # For an idle node Slurm fires draining and drained together, in any order.
    if state in record.states or (state == "draining" and "drained" in record.states):
        return record, False
    states = (record.states | {state}) - ({"draining"} if state == "drained" else set())
    return record.with_report(states, now, {}, has_left=_has_left_now(record, state, now)), True


def _has_left_now(record: NodeRecord, state: str, now: float) -> bool:
    """Return whether a node leaves service with a notification, and not with one that came before its return."""
    is_old = state in ("draining", "drained") and 0 <= now - record.reported < SAME_EVALUATION
    return not record.states and not is_old


def apply_snapshot(
    record: NodeRecord, group: Group, read_at: float, now: float, gap_start: float = math.inf
) -> tuple[NodeRecord, list[str]]:
    """Apply what a snapshot has of a node: return the new record, and the states to report.

    :param read_at: when Slurm was read, by the listener's clock. What was reported later is newer.
    :param gap_start: when the previous snapshot was received, if that is long ago: triggers may have been missed since.
    """
    if record.is_newer(read_at, now):
        return record, []
    states = states_of(group)
    if states is None:
        return (record._replace(details=group.details) if record.states else record), []
    if not states:
        return apply_absence(record, read_at, now)
    if record.reported <= gap_start < group.since - CLOCK_TOLERANCE:
        has_left, new = True, states
    else:
        has_left = _has_left_again(record, group, states)
        new = states - record.states | ({"down"} if has_left else set())
    changes = [name for name in STATES if name in new]
    if not changes:
        return record._replace(states=states, details=group.details), []
    return record.with_report(states, now, group.details, has_left=has_left or not record.states), changes


def apply_absence(record: NodeRecord, read_at: float, now: float) -> tuple[NodeRecord, list[str]]:
    """Apply that a snapshot does not have a node: it is in service. Returns the same as apply_snapshot()."""
    if not record.states or record.is_newer(read_at, now):
        return record, []
    return record.with_return(frozenset(), now), [IN_SERVICE]


def states_of(group: Group) -> frozenset[str] | None:
    """Return the states of a group of nodes, or None when it is a planned absence."""
    if planned_absence(group.flags, group.reason):
        return None
    found = set()
    if "DOWN" in group.flags:
        found.add("down")
    if "FAIL" in group.flags:
        found.add("fail")
    if "DRAIN" in group.flags:
        found.add("draining" if BUSY & group.flags else "drained")
    return frozenset(found)


def _has_left_again(record: NodeRecord, group: Group, states: frozenset[str]) -> bool:
    """Tell whether a node that was reported down came back and went down again unnoticed, or is still down after a
    planned absence or a drain, during which no reaction acts.

    slurmctld gives its own reason only to a node that was up until then. Persons and playbooks also give new reasons to
    nodes that stay down, which is not a change: otherwise a reaction that sets a reason would start itself again.
    """
    return (
        "down" in states & record.states
        and "DRAIN" not in group.flags
        and group.by_slurmctld
        and (
            group.since > record.reported + CLOCK_TOLERANCE
            or record.is_planned()
            or not record.states.isdisjoint(("drained", "draining"))
        )
    )
