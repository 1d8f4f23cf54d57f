# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.reservation.tasks import (
    HOUR,
    NOW,
    YEAR,
    iso,
    make,
    run,
    run_twice,
)


@pytest.mark.parametrize(
    ("times", "start", "end"),
    [
        ({}, NOW, NOW + YEAR),
        ({"start_time": "now", "duration": "90"}, NOW, NOW + 5400),
        ({"start_time": "now+1hour"}, NOW + HOUR, NOW + HOUR + YEAR),
        ({"start_time": str(NOW + 60), "duration": "infinite"}, NOW + 60, NOW + 60 + YEAR),
        ({"start_time": iso(NOW + HOUR), "end_time": str(NOW + 3 * HOUR)}, NOW + HOUR, NOW + 3 * HOUR),
        ({"end_time": "now+2hours"}, NOW, NOW + 2 * HOUR),
    ],
)
def test_times_of_a_new_reservation(slurm: FakeSlurm, times: dict[str, str], start: int, end: int) -> None:
    made = run_twice(slurm, nodes=["n1"], **times)["reservation"]
    assert (made["start_time"], made["end_time"], made["duration"]) == (start, end, (end - start) // 60)


def test_times_that_only_slurm_computes(slurm: FakeSlurm) -> None:
    made = run(slurm, nodes=["n1"], start_time="tomorrow", duration="60")
    start = made["reservation"]["start_time"]
    assert NOW < start <= NOW + 25 * HOUR
    assert datetime.fromtimestamp(start).strftime("%H:%M") == "00:00"
    assert run(slurm, start_time="tomorrow")["changed"] is False


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("duration", 36000, "duration is the number 36000: in minutes that is 25 days 0 hours. YAML reads 10:00:00"),
        ("duration", 5400, "3 days 18 hours. YAML reads 1:30:00"),
        ("max_start_delay", 3600, "max_start_delay is the number 3600: in minutes that is 2 days 12 hours"),
        ("duration", "36000", None),
        ("duration", "10:00:00", None),
        ("duration", 180, None),
        ("duration", True, "not a duration: 'true'"),
        ("duration", [60], "not a duration"),
    ],
)
def test_durations_that_yaml_may_have_read_as_numbers(slurm: FakeSlurm, option: str, value: Any, words: str) -> None:
    if words and "not a duration" in words:
        with pytest.raises(SlurmError, match=words):
            run(slurm, nodes=["n1"], **{option: value})
        return
    warnings = run(slurm, nodes=["n1"], **{option: value})["warnings"]
    assert len(warnings) == bool(words)
    assert not words or words in warnings[0]


@pytest.mark.parametrize("option", ["start_time", "end_time"])
def test_times_that_yaml_read_as_numbers(slurm: FakeSlurm, option: str) -> None:
    with pytest.raises(
        SlurmError, match=f"{option} is not a time: '36000'.*; YAML reads 10:00:00 without quotes as this"
    ):
        run(slurm, nodes=["n1"], **{option: "36000"})


@pytest.mark.parametrize("end", [str(NOW), iso(NOW - HOUR), "now"])
def test_end_before_start(slurm: FakeSlurm, end: str) -> None:
    with pytest.raises(SlurmError, match="end_time is not after the start"):
        run(slurm, nodes=["n1"], end_time=end)


@pytest.mark.parametrize(
    ("options", "start", "end"),
    [
        ({"start_time": str(NOW + HOUR)}, 1, 3),
        ({"start_time": iso(NOW + HOUR), "duration": "2:00:00"}, 1, 3),
        ({"start_time": str(NOW + 2 * HOUR)}, 2, 4),
        ({"start_time": str(NOW + 2 * HOUR), "duration": "60"}, 2, 3),
        ({"start_time": str(NOW + 2 * HOUR), "end_time": str(NOW + 8 * HOUR)}, 2, 8),
        ({"end_time": iso(NOW + 5 * HOUR)}, 1, 5),
        ({"duration": "240"}, 1, 5),
        ({"start_time": "now"}, 0, 2),
        ({"start_time": "now", "duration": "60"}, 0, 1),
        # Relative to the time of the run: these apply to a new reservation only.
        ({"start_time": "now+1hour"}, 1, 3),
        ({"start_time": "tomorrow"}, 1, 3),
        ({"start_time": "10:00", "end_time": "now+9hours"}, 1, 3),
        ({"end_time": "tomorrow"}, 1, 3),
    ],
)
def test_times(slurm: FakeSlurm, options: dict[str, Any], start: int, end: int) -> None:
    make(slurm)
    made = run_twice(slurm, int((start, end) != (1, 3)), **options)["reservation"]
    assert ((made["start_time"] - NOW) / HOUR, (made["end_time"] - NOW) / HOUR) == (start, end)
    assert made["duration"] == (end - start) * 60


def test_infinite_is_365_days(slurm: FakeSlurm, clock: list[int]) -> None:
    make(slurm, duration="infinite")
    clock[0] += 5 * HOUR
    assert run(slurm, duration="infinite")["changed"] is False
    assert run_twice(slurm, duration="60-0")["reservation"]["duration"] == 86400


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"start_time": "now"}, False),
        ({"start_time": "now+1hour"}, False),
        ({"start_time": str(NOW + HOUR)}, False),
        ({"start_time": str(NOW + 5 * HOUR)}, True),
        ({"start_time": str(NOW)}, True),
    ],
)
def test_start_of_a_started_reservation(
    slurm: FakeSlurm, clock: list[int], options: dict[str, Any], refused: bool
) -> None:
    make(slurm)
    clock[0] += HOUR
    if refused:
        with pytest.raises(SlurmError, match="the reservation r has started, its start cannot change"):
            run(slurm, check_mode=True, **options)
    else:
        run_twice(slurm, 0, **options)


def test_end_of_a_started_reservation(slurm: FakeSlurm, clock: list[int]) -> None:
    make(slurm)
    clock[0] += 2 * HOUR
    run_twice(slurm, end_time=str(NOW + 9 * HOUR))


def test_a_recurring_reservation_advances_by_itself(slurm: FakeSlurm, clock: list[int]) -> None:
    task = {"flags": ["DAILY"], "start_time": str(NOW + HOUR), "end_time": str(NOW + 3 * HOUR)}
    make(slurm, **task)
    slurm.reserved.stored["r"]["start_time"] += 24 * HOUR
    slurm.reserved.stored["r"]["end_time"] += 24 * HOUR
    for clock[0] in (NOW + 4 * HOUR, NOW + 26 * HOUR):  # between two occurrences, and in the second
        run_twice(slurm, 0, **task)
