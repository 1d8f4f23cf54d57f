# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster as everything above sees it: plain values in and out, and a L(SlurmError) for every failure.

What libslurm may do to the process that it runs in is the concern of C(isolation).
"""

from __future__ import annotations

from .configuration import ConfigurationRequests
from .jobs import JobRequests
from .nodes import NodeRequests
from .reservations import ReservationRequests
from .triggers import TriggerRequests


class Slurm(ConfigurationRequests, NodeRequests, JobRequests, ReservationRequests, TriggerRequests):
    """A cluster: a file of this folder for each of its resources.

    :param conf: path of another slurm.conf than the default one.
    """
