# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation that all modules share."""

from __future__ import annotations


class ModuleDocFragment:
    # Option and requirements of every module.
    DOCUMENTATION = r"""
options:
  slurm_conf:
    description:
      - Path of the C(slurm.conf) of the cluster to talk to, on the host where the module runs.
      - By default Slurm's own rules say which one it is, E(SLURM_CONF) and then C(/etc/slurm/slurm.conf).
    type: path
requirements:
  - pyslurm of the Slurm release X.Y that the host has
  - ClusterShell 1.9 or later
notes:
  - The module runs where Slurm's libraries and pyslurm are, usually on the host of slurmctld, with a
    C(ansible_python_interpreter) that can import pyslurm.
  - A failure is told with Slurm's error number and its name (RV(ignore:errno_name)) where there is one. What can be
    found wrong before anything is changed is found then; where Slurm itself refuses a request for many nodes it may
    have changed some of them, and a second run goes on from there. A failure with RV(ignore:changed) true comes after
    something was changed.
  - Of a text that is not UTF-8, such as a job's name, the bytes that cannot be read are returned as U+FFFD.
author:
  - hpc.slurm developers (@hpc-slurm)
"""

    # Attributes of every module.
    ATTRIBUTES = r"""
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
"""

    # Modules that write.
    WRITES = r"""
attributes:
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
  idempotent:
    description: A second run with the same options changes nothing, and sends no request that writes.
    support: full
"""

    # Modules that only read.
    INFO = r"""
attributes:
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
    details: The module changes nothing.
  idempotent:
    description: A second run with the same options changes nothing, and sends no request that writes.
    support: full
"""
