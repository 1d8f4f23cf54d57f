# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of triggers: the classes of what they are about, and the event kinds of each (strigger(1)).

Modules, syncs, the listener and its events take classes and event kinds from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ..adapter.errors import SlurmError
from .names import suggest

# Event kinds that are a state of nodes.
NODE_STATES = ("up", "down", "drained", "draining", "fail", "idle", "resume")
# The classes are also those in the listener's addresses. For strigger, a reconfiguration is an event of nodes as well.
CLASSES = {
    "node": (*NODE_STATES, "reconfig"),
    "job": ("time", "fini", "up", "down", "fail"),
    "slurmctld": (
        "primary_slurmctld_failure",
        "primary_slurmctld_resumed_operation",
        "primary_slurmctld_resumed_control",
        "primary_slurmctld_acct_buffer_full",
        "backup_slurmctld_failure",
        "backup_slurmctld_resumed_operation",
        "backup_slurmctld_assumed_control",
    ),
    "slurmdbd": ("primary_slurmdbd_failure", "primary_slurmdbd_resumed_operation"),
    "database": ("primary_database_failure", "primary_database_resumed_operation"),
    "burst_buffer": ("burst_buffer",),
}
EVENTS = sorted({event for events in CLASSES.values() for event in events})
# What strigger --get names the resource of a class, where that is another word.
RESOURCES = {"burst_buffer": "other"}

# What syncs set triggers for by default. up and resume are needed too: a second failure is a change only if the
# listener knows that the node was up.
DEFAULT = ("down", "drained", "fail", "up", "resume", "primary_slurmctld_resumed_operation")
WITH_BACKUP = (
    "primary_slurmctld_failure",
    "primary_slurmctld_resumed_control",
    "backup_slurmctld_failure",
    "backup_slurmctld_resumed_operation",
    "backup_slurmctld_assumed_control",
)
WITH_ACCOUNTING = ("primary_slurmctld_acct_buffer_full", *CLASSES["slurmdbd"], *CLASSES["database"])
WITH_BURST_BUFFER = CLASSES["burst_buffer"]


def class_of(event: str) -> str:
    """Return the class of an event kind; that of a node where nodes and jobs have it."""
    return next(class_ for class_, events in CLASSES.items() if event in events)


def events_to_set(
    chosen: Optional[Sequence[str]], *, backup: bool, accounting: bool, burst_buffer: bool
) -> tuple[str, ...]:
    """Return the event kinds that a sync sets triggers for.

    :param chosen: those that the site names, all that apply to the cluster by default.
    :raises SlurmError: for an unknown one, with those that look like it, and for one of jobs.
    """
    if chosen is None:
        parts = ((backup, WITH_BACKUP), (accounting, WITH_ACCOUNTING), (burst_buffer, WITH_BURST_BUFFER))
        return (*DEFAULT, *(event for applies, events in parts if applies for event in events))
    choices = sorted(event for class_, events in CLASSES.items() if class_ != "job" for event in events)
    for event in chosen:
        if event in CLASSES["job"] and event not in choices:
            raise SlurmError(f"the event kind {event} is about one job: use slurm_trigger with its job_id")
        if event not in choices:
            raise SlurmError(f"there is no event kind {event}: {suggest(str(event), choices)}")
    return tuple(dict.fromkeys(chosen))


def program(event: str, class_: str, address: str, curl_config: str) -> str:
    """Return the program of a trigger that notifies the listener.

    slurmctld appends what fired it: the nodes, the id of the job, or the event kind. It appends nothing for a burst
    buffer, so that there the event kind is in the program.

    :param address: the URL of the listener with its id.
    """
    body = f" {event}" if class_ == "burst_buffer" else ""
    return f"/usr/bin/curl --config {curl_config} {address}/{class_}/{event} --data-raw{body}"


def is_node_state(class_: str, event: str) -> bool:
    """Tell whether a notification of this class and event kind is about the state of nodes."""
    return class_ == "node" and event in NODE_STATES
