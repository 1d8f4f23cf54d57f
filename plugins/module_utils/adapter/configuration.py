# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's configuration, read with pyslurm."""

from __future__ import annotations

from typing import Any

from .connection import Connection
from .error_numbers import translated
from .values import properties, record


class ConfigurationRequests(Connection):
    """Requests about slurm.conf(5), as the controller has it."""

    def config(self) -> dict[str, Any]:
        """Return the parameters under pyslurm's names, such as C(kill_wait_time)."""
        pyslurm = self._pyslurm()
        with translated(pyslurm, "REQUEST_BUILD_INFO"):
            loaded = pyslurm.slurmctld.Config.load()
            return record(loaded, properties(type(loaded)))
