# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event filter hpc.slurm.expand_hostlist: turns an event with a hostlist into C(node_state) events."""

from __future__ import annotations

import logging
import reprlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Optional, Union

from ..module_utils.adapter.errors import SlurmError
from ..module_utils.common import hostlist
from ..module_utils.common.trigger_events import NODE_STATES
from .trigger_listener.configure.settings import GRANULARITIES
from .trigger_listener.feed.node_event import batch_event, node_event

logger = logging.getLogger("hpc.slurm.expand_hostlist")

Event = dict[str, Any]

# The key with the reason why an event could not be expanded.
ERROR = "hostlist_error"
_MISSING = object()

# Shows what a sender wrote, however long and deep it is.
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80


class EventError(Exception):
    """An event that cannot be expanded."""


class MissingError(EventError):
    """An event without a hostlist at the path."""


@dataclass(frozen=True)
class Arguments:
    """The arguments from a rulebook, checked; the attributes have the documented names."""

    hostlist_path: str
    path_separator: str = "."
    state: Optional[str] = None
    state_path: Optional[str] = None
    cluster: Optional[str] = None
    cluster_path: Optional[str] = None
    granularity: str = GRANULARITIES[0]
    ignore_missing: bool = False

    @classmethod
    def check(cls, given: Mapping[str, Any]) -> Arguments:
        """Check the arguments of a rulebook.

        :raises ValueError: with the argument's name, what is wrong with it and what to write instead.
        """
        known = cls.__dataclass_fields__
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ValueError(f"unknown argument {', '.join(unknown)}; there are: {', '.join(known)}")
        flag = given.get("ignore_missing", False)
        if not isinstance(flag, bool):
            raise ValueError(f"ignore_missing must be true or false, not {flag!r}")
        if "hostlist_path" not in given:
            raise ValueError("hostlist_path is missing: give the path of the hostlist, for example payload.nodes")
        arguments = cls(
            hostlist_path=_text(given, "hostlist_path"),
            path_separator=_text(given, "path_separator", cls.path_separator),
            state=_optional(given, "state"),
            state_path=_optional(given, "state_path"),
            cluster=_optional(given, "cluster"),
            cluster_path=_optional(given, "cluster_path"),
            granularity=_text(given, "granularity", cls.granularity),
            ignore_missing=flag,
        )
        if (arguments.state is None) == (arguments.state_path is None):
            raise ValueError("give either state, or state_path when the state is in the event")
        if arguments.cluster is not None and arguments.cluster_path is not None:
            raise ValueError("cluster and cluster_path exclude each other")
        for name, choices in (("state", NODE_STATES), ("granularity", GRANULARITIES)):
            if getattr(arguments, name) not in (None, *choices):
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(arguments, name)!r}")
        return arguments


def expand(event: Event, given: Mapping[str, Any]) -> Union[Event, list[Event]]:
    """Return the C(node_state) events of an event, or the event itself when it cannot be expanded.

    :raises ValueError: when the arguments are wrong.
    """
    try:
        arguments = Arguments.check(given)
    except ValueError as error:
        raise ValueError(f"hpc.slurm.expand_hostlist: {error}") from None
    try:
        return _events(event, arguments)
    except MissingError as error:
        return event if arguments.ignore_missing else _with_error(event, str(error))
    except EventError as error:
        return _with_error(event, str(error))


def _with_error(event: Event, error: str) -> Event:
    logger.warning("event %s not expanded: %s", _repr.repr(_meta(event).get("uuid")), error)
    return {**event, ERROR: error} if isinstance(event, dict) else event


def _meta(event: Event) -> dict[str, Any]:
    meta = event.get("meta") if isinstance(event, dict) else None
    return meta if isinstance(meta, dict) else {}


def _events(event: Event, arguments: Arguments) -> list[Event]:
    items, nodes = _nodes(event, arguments)
    state: dict[str, Any] = {"state": _state(event, arguments), "cluster": _cluster(event, arguments)}
    state["origin"] = "trigger"
    meta = _meta(event)
    notification, received = _notification(meta.get("uuid")), meta.get("received_at")
    if not isinstance(received, str):
        received = datetime.now(timezone.utc).isoformat()
    if arguments.granularity == "batch":
        # The text as received, as in events of the listener: the uuid is computed from it.
        text = items[0].strip() if len(items) == 1 else hostlist.fold(nodes)
        made = [batch_event(notification, received, nodes, text, **state)]
    else:
        made = [node_event(notification, received, node, **state) for node in nodes]
    for each in made:
        # Copies, because the last filter of every source writes into meta.source.
        copied = {key: dict(value) if isinstance(value, dict) else value for key, value in meta.items()}
        each["meta"] = {**copied, **each["meta"]}
    return made


def _notification(given: Any) -> uuid.UUID:
    """Return the uuid of an event: its own, one computed from a text that is not a uuid, or a new one."""
    if not isinstance(given, str):
        return uuid.uuid4()
    try:
        return uuid.UUID(given)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, ascii(given))


def _nodes(event: Event, arguments: Arguments) -> tuple[list[str], list[str]]:
    """Return the texts at the path, and the names of the nodes."""
    found = _find(event, arguments.hostlist_path, arguments.path_separator)
    if found is _MISSING:
        raise MissingError(f"it has no {arguments.hostlist_path}")
    items = [found] if isinstance(found, str) else found
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise EventError(f"{arguments.hostlist_path} is not a string or a list of strings: {_shown(found)}")
    try:
        nodes = hostlist.from_option(items)
    except SlurmError as error:
        raise EventError(f"{arguments.hostlist_path} is {error.message}") from None
    if not nodes:
        raise EventError(f"{arguments.hostlist_path} is empty")
    return items, nodes


def _state(event: Event, arguments: Arguments) -> str:
    if arguments.state_path is None:
        return str(arguments.state)
    found = _find(event, arguments.state_path, arguments.path_separator)
    # Slurm's tools write states in capitals.
    state = found.strip().lower() if isinstance(found, str) else None
    if state not in NODE_STATES:
        raise EventError(f"{arguments.state_path} is not one of {', '.join(NODE_STATES)}: {_shown(found)}")
    return state


def _cluster(event: Event, arguments: Arguments) -> Optional[str]:
    if arguments.cluster_path is None:
        return arguments.cluster
    found = _find(event, arguments.cluster_path, arguments.path_separator)
    if not isinstance(found, str) or not found.strip():
        raise EventError(f"{arguments.cluster_path} is not the name of a cluster: {_shown(found)}")
    return found.strip()


def _find(event: Any, path: str, separator: str) -> Any:
    """Return the value at a path of keys and list indexes, or C(_MISSING)."""
    found = event
    for step in path.split(separator):
        if isinstance(found, dict):
            found = found.get(step, _MISSING)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return _MISSING
    return found


def _text(given: Mapping[str, Any], name: str, default: Optional[str] = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a non-empty string, not {value!r}")
    return value


def _optional(given: Mapping[str, Any], name: str) -> Optional[str]:
    return None if given.get(name) is None else _text(given, name)


def _shown(value: Any) -> str:
    return "it is missing" if value is _MISSING else _repr.repr(value)
