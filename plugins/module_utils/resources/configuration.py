# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module slurm_config_info: parameters under their names in slurm.conf(5) and in pyslurm."""

from __future__ import annotations

import difflib
import re
from typing import Any

from ..adapter.configuration import SPELLINGS
from ..adapter.errors import SlurmError
from ..adapter.slurm import Slurm
from ..common.plan import Plan


def plan_info(slurm: Slurm, params: dict[str, Any]) -> Plan:
    """Plan the module slurm_config_info: nothing is written."""
    config = slurm.config()
    if params["item"] is None:
        return Plan({"config": config})
    return Plan({"config": {name: config[find(name, config)] for name in params["item"]}})


def find(name: str, config: dict[str, Any]) -> str:
    """Return pyslurm's name of a parameter, given in either spelling and in any case, as in slurm.conf(5).

    :raises SlurmError: for an unknown name; the message suggests similar ones.
    """
    spellings = {_comparable(known): known for known in config}
    spellings.update({_comparable(spelling): known for spelling, known in SPELLINGS.items() if known in config})
    if _comparable(name) in spellings:
        return spellings[_comparable(name)]
    similar = [spellings[match] for match in difflib.get_close_matches(_comparable(name), spellings, n=3)]
    advice = f"did you mean {', '.join(dict.fromkeys(similar))}?" if similar else "leave item out to see all"
    raise SlurmError(f"pyslurm reads no parameter {name} of slurm.conf: {advice}")


def _comparable(name: str) -> str:
    return re.sub("[_ ]", "", name).lower()
