# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapter's interface: plain values in and out, and a L(SlurmError) for every failure.

libslurm may end the process that it runs in: see C(isolation).
"""

from __future__ import annotations

from .configuration import ConfigurationRequests
from .jobs import JobRequests
from .nodes import NodeRequests
from .reservations import ReservationRequests
from .triggers import TriggerRequests


class Slurm(ConfigurationRequests, NodeRequests, JobRequests, ReservationRequests, TriggerRequests):
    """A cluster. Each resource has a file in this folder.

    :param conf: path of a slurm.conf to use instead of the default one.
    """
