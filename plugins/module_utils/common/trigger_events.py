# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event kinds of triggers, by resource (strigger(1))."""

from __future__ import annotations

# Event kinds about the state of nodes. For strigger, a reconfiguration of the cluster is a node event as well.
NODE_STATES = ("up", "down", "drained", "draining", "fail", "idle", "resume")
NODE_EVENTS = (*NODE_STATES, "reconfig")
JOB_EVENTS = ("time", "fini", "up", "down", "fail")
# Event kinds about daemons and burst buffers, with the resource that strigger --get shows.
OTHER_EVENTS = {
    "burst_buffer": "other",
    "primary_slurmctld_failure": "slurmctld",
    "primary_slurmctld_resumed_operation": "slurmctld",
    "primary_slurmctld_resumed_control": "slurmctld",
    "primary_slurmctld_acct_buffer_full": "slurmctld",
    "backup_slurmctld_failure": "slurmctld",
    "backup_slurmctld_resumed_operation": "slurmctld",
    "backup_slurmctld_assumed_control": "slurmctld",
    "primary_slurmdbd_failure": "slurmdbd",
    "primary_slurmdbd_resumed_operation": "slurmdbd",
    "primary_database_failure": "database",
    "primary_database_resumed_operation": "database",
}
EVENTS = sorted({*NODE_EVENTS, *JOB_EVENTS, *OTHER_EVENTS})
