# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.waiting import Wait, wait_until_none


class Clock:
    """A clock that only time.sleep() advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 100.0, list[float]()
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def timeout_error(remaining: dict[str, Any], waited: float) -> SlurmError:
    return SlurmError(f"{sorted(remaining)} after {waited}")


def test_nothing_to_wait_for(clock: Clock) -> None:
    assert wait_until_none(Wait(dict, timeout_error), 10) == 0
    assert clock.pauses == []


def test_the_pauses_grow(clock: Clock) -> None:
    assert wait_until_none(Wait(lambda: {"a": 1} if clock.now < 117 else {}, timeout_error), 60) == 17.5
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_time_limit(clock: Clock) -> None:
    with pytest.raises(SlurmError, match=r"\['a'\] after 4.0"):
        wait_until_none(Wait(lambda: {"a": 1}, timeout_error), 4)
    assert clock.pauses == [0.5, 1.0, 2.0, 0.5]  # the last check is at the limit


def test_a_time_limit_of_zero_checks_once(clock: Clock) -> None:
    with pytest.raises(SlurmError, match=r"\['a'\] after 0.0"):
        wait_until_none(Wait(lambda: {"a": 1}, timeout_error), 0)
    assert clock.pauses == []
