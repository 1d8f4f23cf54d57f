# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.flags import as_flags
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import (
    make,
    run,
    run_twice,
)


@pytest.mark.parametrize(
    ("there", "given", "after"),
    [
        ([], ["maint"], ["MAINT"]),
        (["MAINT"], ["MAINTENANCE"], ["MAINT"]),
        (["MAINT", "FLEX"], ["FLEX", "MAINT", "FLEX"], ["FLEX", "MAINT"]),
        (["MAINT", "FLEX"], ["IGNORE_RUNNING"], ["IGNORE_JOBS"]),
        (["MAINT", "FLEX"], [], []),
        (["OVERLAP"], ["OVERLAP", "STATIC_ALLOC", "USER_DEL"], ["OVERLAP", "STATIC", "USER_DELETE"]),
        ([], ["PURGE_COMP"], ["PURGE_COMP=00:05:00"]),
        (["PURGE_COMP"], ["PURGE_COMP=5"], ["PURGE_COMP=00:05:00"]),
        (["PURGE_COMP"], ["PURGE_COMP=1-02:00"], ["PURGE_COMP=1-02:00:00"]),
        (["PURGE_COMP=90:30"], [], []),
        (["MAINT"], ["MAINT", "SPEC_NODES", "ALL_NODES"], ["MAINT"]),
    ],
)
def test_flags_are_exact(slurm: FakeSlurm, there: list[str], given: list[str], after: list[str]) -> None:
    before = make(slurm, flags=there)["flags"]
    done = run_twice(slurm, int(before != after), flags=given)
    assert done["reservation"]["flags"] == after
    assert as_flags(after) == after


@pytest.mark.parametrize("flag", ["OVERLAP", "TIME_FLOAT", "NO_HOLD_JOBS_AFTER"])
def test_flags_that_cannot_be_removed(slurm: FakeSlurm, flag: str) -> None:
    make(slurm, flags=[flag, "MAINT"])
    with pytest.raises(SlurmError, match=f"Slurm cannot remove the flag {flag}.* from a reservation"):
        run(slurm, check_mode=True, flags=["MAINT"])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["MANT"], "a reservation has no flag MANT: did you mean MAINT"),
        (["MAINT=1"], "the flag MAINT "),
        (["PURGE_COMP=x"], "PURGE_COMP is not a duration"),
        (["REPLACE"], "Slurm does not set the flag REPLACE on a reservation whose nodes are named"),
    ],
)
def test_invalid_flags(slurm: FakeSlurm, flags: list[str], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        run(slurm, check_mode=True, nodes=["n1"], flags=flags)


@pytest.mark.parametrize("flag", ["TIME_FLOAT", "FORCE_START", "SKIP"])
def test_flags_of_a_new_reservation_only(slurm: FakeSlurm, flag: str) -> None:
    make(slurm)
    with pytest.raises(SlurmError, match=f"Slurm does not set the flag {flag} on an existing reservation"):
        run(slurm, check_mode=True, flags=[flag])
