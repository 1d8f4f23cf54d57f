# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task asks of its nodes, from the options of slurm_node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

from ...adapter.errors import SlurmError
from ...common.node_states import OUT_OF_SERVICE
from ...common.reasons import SLURMCTLD, continues, out_of_service_by
from ...common.texts import expect_text
from .attributes import normalised
from .power import PowerDown, PowerUp
from .reboot import Reboot
from .records import DETAILS, Node
from .targets import DOWN, DRAINED, FAILED, RESUMED, UNDRAINED, Target

# The choices of the option state, each with what makes its target from the other options.
STATES: dict[str, Callable[[dict[str, Any]], Target]] = {
    "down": lambda _params: DOWN,
    "drained": lambda _params: DRAINED,
    "failed": lambda _params: FAILED,
    "resumed": lambda _params: RESUMED,
    "rebooted": Reboot.of,
    "undrained": lambda _params: UNDRAINED,
    "powered_down": PowerDown.of,
    "powered_up": PowerUp.of,
}


class Task(NamedTuple):
    """What a task asks of its nodes.

    :param target: the state, if any.
    :param reason: the reason to give with it; None where the state has none.
    :param update_reason: whether nodes that are in the state already get the reason too.
    :param attributes: attributes in the form that is compared.
    :param only_reason: what the reason of a node must match for the task to act on it.
    :param include_out_of_service: whether to act on nodes that are out of service for another reason, where Slurm would
        bring them back into service.
    """

    target: Optional[Target]
    reason: Optional[str]
    update_reason: bool
    attributes: dict[str, Any]
    only_reason: Optional[re.Pattern[str]]
    include_out_of_service: bool

    @classmethod
    def of(cls, params: dict[str, Any]) -> Task:
        """Return the task of a module's options.

        :raises SlurmError: for options that exclude each other, or have a value that they cannot have.
        """
        target = STATES[params["state"]](params) if params["state"] else None
        if params["booted_after"] is not None and not isinstance(target, Reboot):
            raise SlurmError("booted_after is for state=rebooted: leave it out")
        reason = _reason(params, target)
        return cls(
            target,
            reason,
            params["update_reason"] and reason is not None,
            normalised(params["attributes"] or {}),
            _pattern(params["only_reason"]),
            params["include_out_of_service"],
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """What the task compares and returns of a node, besides the attributes to set."""
        return (*DETAILS, *self.target.fields) if self.target else DETAILS

    def record(self, node: Node) -> Node:
        """Return what the task compares and returns of a node, without the attributes to set."""
        found = {field: node[field] for field in self.fields}
        return {**found, **self.target.derived(found)} if self.target else found

    def is_reached(self, node: Node) -> bool:
        """Return whether a node is in the state that the task asks for."""
        return self.target is None or self.target.is_reached(node)

    def after(self, node: Node, user: str) -> Node:
        """Return a node as the task wants it: unchanged when there is nothing to do."""
        changed = {**node, **self.attributes}
        if self.target is not None and not self.is_reached(node):
            changed.update(self.target.after(node, self.reason, user))
        elif self.update_reason and node["reason"] != self.reason:
            changed.update(reason=self.reason, reason_user=user)
        return changed

    def skip_cause(self, node: Node, slurm_user: Callable[[], str]) -> Optional[str]:
        """Return why the task may not act on a node that it would change; None: it may.

        :param slurm_user: returns SlurmUser of slurm.conf.
        """
        reason = node["reason"] or ""
        if self.only_reason is not None:  # the task says itself which nodes it is about
            return None if self.only_reason.search(reason) else f"its reason {reason!r} does not match only_reason"
        if self.target is None or not self.target.undoes_drain or self.include_out_of_service or self.is_reached(node):
            return None
        if any(own is not None and continues(own, reason) for own in (self.reason, self.target.slurm_reason)):
            return None
        if OUT_OF_SERVICE.isdisjoint(node["state"]):
            return None
        if out_of_service_by(node["state"], reason, node["reason_user"], slurm_user()) in (None, SLURMCTLD):
            return None
        return (
            f"it is out of service for another reason: {reason!r}"
            if reason
            else "it is out of service, without a reason"
        )


def _reason(params: dict[str, Any], target: Optional[Target]) -> Optional[str]:
    reason: Optional[str] = params["reason"]
    if target is None or target.default_reason is None:
        if reason is not None and target is not None:
            raise SlurmError(f"reason cannot be given with state={params['state']}: Slurm clears it")
        if reason is not None:
            raise SlurmError("reason needs a state: down, drained, failed or rebooted")
        return None
    if reason is not None and not reason.strip():
        raise SlurmError("reason is empty: say why the node is out of service, or leave the option out")
    return expect_text("reason", reason) if reason else target.default_reason


def _pattern(text: Optional[str]) -> Optional[re.Pattern[str]]:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise SlurmError(f"only_reason is not a regular expression: {text!r}: {error}") from None
