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
      - Path of the cluster's C(slurm.conf) on the host where the module runs.
      - The default is that of Slurm, E(SLURM_CONF) or C(/etc/slurm/slurm.conf).
    type: path
requirements:
  - pyslurm of the host's Slurm release X.Y
notes:
  - Run the module on a host with Slurm's libraries, usually the controller, with an C(ansible_python_interpreter) that
    can import pyslurm.
  - A failure has Slurm's error number (RV(ignore:errno)) and its name (RV(ignore:errno_name)) if there is one. Options
    are checked before anything is changed. If Slurm refuses a request for many nodes, some of them may be changed;
    run the task again when the cause is removed. RV(ignore:changed) says whether something was changed.
  - In text that is not UTF-8, such as a job's name, undecodable bytes are returned as U+FFFD.
author:
  - hpc.slurm developers (!UNKNOWN)
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

    # Modules that change something.
    WRITES = r"""
attributes:
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
  idempotent:
    description: A second run with the same options changes nothing and sends no request.
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
    description: A second run with the same options changes nothing and sends no request.
    support: full
"""
