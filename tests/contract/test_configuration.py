# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration on a real controller, read with pyslurm and, as for pyslurm 24.11, with scontrol."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.configuration import parse_config
from ansible_collections.hpc.slurm.tests.contract.cluster import REAL, RealSlurm, command

# pyslurm returns an empty mapping for a frequency without a name, null for these governors, and capitals for what is
# enforced where there is accounting storage.
WRONG_IN_PYSLURM = {"job_accounting_gather_frequency", "cpu_frequency_governors", "accounting_storage_enforce"}


@pytest.mark.skipif(not REAL, reason="needs a real controller")
def test_scontrol_shows_what_pyslurm_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_TIME_FORMAT", "%s")
    pyslurm = RealSlurm().config()
    scontrol = parse_config(command("scontrol", "show", "config"))
    both = (pyslurm.keys() & scontrol.keys()) - WRONG_IN_PYSLURM - {"next_job_id"}
    assert len(both) > 180
    assert {name: without_zero(scontrol[name]) for name in both} == {name: without_zero(pyslurm[name]) for name in both}


def without_zero(value: Any) -> Any:
    """Return None for the number 0, which pyslurm reads as not set."""
    return None if value == 0 and not isinstance(value, bool) else value
