# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation import skip
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import (
    HOUR,
    NOW,
    make,
    run,
)

DAY = 24 * HOUR


def test_occurrences_are_skipped_until_a_time(slurm: FakeSlurm) -> None:
    before = make(slurm, flags=["DAILY"])
    until = str(before["start_time"] + 2 * DAY)
    predicted = run(slurm, check_mode=True, skip_until=until)
    assert (predicted["changed"], predicted["reservation"]["start_time"]) == (True, None)
    assert slurm.writes == {}
    done = run(slurm, skip_until=until)["reservation"]
    assert (done["start_time"], done["duration"]) == (before["start_time"] + 2 * DAY, before["duration"])
    # A second run skips no more.
    assert run(slurm, skip_until=until)["changed"] is False


def test_other_fields_are_changed_in_the_same_task(slurm: FakeSlurm) -> None:
    before = make(slurm, flags=["WEEKLY"])
    done = run(slurm, comment="holidays", skip_until=str(before["start_time"] + 1))["reservation"]
    assert (done["comment"], done["start_time"]) == ("holidays", before["start_time"] + 7 * DAY)


@pytest.mark.parametrize(
    ("flags", "until", "words"),
    [
        (["MAINT"], str(NOW + DAY), "skip_until is for a reservation with one of the flags DAILY, HOURLY"),
        (["DAILY"], "now+2days", "skip_until is a date and a time"),
        (["DAILY"], "tomorrow", "skip_until is a date and a time"),
        (["DAILY"], "later", "skip_until is not a time"),
    ],
)
def test_what_is_refused(slurm: FakeSlurm, flags: list[str], until: str, words: str) -> None:
    make(slurm, flags=flags)
    with pytest.raises(SlurmError, match=words):
        run(slurm, skip_until=until)
    assert slurm.writes == {}


def test_it_ends_some_time(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make(slurm, flags=["HOURLY"])
    monkeypatch.setattr(skip, "MOST", 3)
    with pytest.raises(SlurmError, match="3 occurrences of r were skipped"):
        run(slurm, skip_until=str(before["start_time"] + DAY))
    # Between two requests it was deleted.
    skip.skip(slurm, "gone", NOW)  # type: ignore[arg-type]
