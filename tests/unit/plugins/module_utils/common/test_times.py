# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import times

NOW = 1_800_000_000


@pytest.fixture(autouse=True, params=["UTC", "Europe/Berlin", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run each test in three time zones, with the clock stopped."""
    monkeypatch.setenv("TZ", request.param)
    monkeypatch.setattr("time.time", lambda: float(NOW))
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


@pytest.mark.parametrize(
    ("given", "epoch"),
    [
        (1801378800, 1801378800),
        ("1801378800", 1801378800),
        (" 999999999 ", 999999999),
        ("2027-01-31T08:00:00+01:00", utc("2027-01-31T07:00:00")),
        ("2027-01-31T08:00:00Z", utc("2027-01-31T08:00:00")),
        ("2027-01-31T08:00:00z", utc("2027-01-31T08:00:00")),
        ("2027-01-31T08:00:00.7-05:00", utc("2027-01-31T13:00:00")),
        ("2027-07-31 08:00:00+00:00", utc("2027-07-31T08:00:00")),
    ],
)
def test_an_absolute_time(given: str | int, epoch: int) -> None:
    moment = times.moment("start_time", given)
    assert (moment.epoch, moment.relative, moment.now) == (epoch, False, False)
    # scontrol gets the same time in this host's zone, and it parses to the same again.
    assert datetime.strptime(moment.slurm, "%Y-%m-%dT%H:%M:%S").timestamp() == epoch
    assert times.moment("start_time", moment.slurm) == moment


@pytest.mark.parametrize("given", ["2027-01-31T08:00:00", "2027-01-31T08:00", "2027-01-31 08:00"])
def test_a_time_without_a_zone_is_in_this_hosts_zone(given: str) -> None:
    moment = times.moment("start_time", given)
    assert moment.slurm == "2027-01-31T08:00:00"
    assert moment.epoch == int(datetime(2027, 1, 31, 8).astimezone().timestamp())


@pytest.mark.parametrize(
    ("given", "later"),
    [
        ("now", 0),
        ("NOW", 0),
        ("now+90", 90),
        ("now+1second", 1),
        ("now+2minutes", 120),
        ("now+1hour", 3600),
        ("now+2Days", 172800),
        ("now+1week", 604800),
    ],
)
def test_a_time_from_now(given: str, later: int) -> None:
    assert times.moment("start_time", given) == (NOW + later, given, True)
    assert times.moment("start_time", given).now is (later == 0)


@pytest.mark.parametrize(
    "given", ["tomorrow", "Today", "tomorrow 10:00", "10:00", "8:30:00", "2:00pm", "teatime", "noon"]
)
def test_a_time_that_only_slurm_can_compute(given: str) -> None:
    moment = times.moment("start_time", given)
    assert (tuple(moment), moment.now) == ((None, given, True), False)


@pytest.mark.parametrize(
    "given",
    ["", "soon", "now-1hour", "now+1fortnight", "tomorrows", "2027-13-01", "12345", "31.1.2027", "9" * 30, "x10:00"],
)
def test_not_a_time(given: str) -> None:
    with pytest.raises(SlurmError, match="^end_time is not a time: .*; give seconds since the epoch, ISO 8601 as "):
        times.moment("end_time", given)


DURATIONS = {
    90: 90,
    "90": 90,
    " 90 ": 90,
    "90:00": 90,
    "90:30": 91,
    "0:01": 1,
    "1:00:00": 60,
    "1:30:00": 90,
    "12:00:01": 721,
    "2-0": 2880,
    "1-12": 2160,
    "1-12:30": 2190,
    "1-12:30:15": 2191,
    "0-0:0:60": 1,
    "infinite": 525600,
    "INFINITE": 525600,
    "unlimited": 525600,
    "365-0": 525600,
}


@pytest.mark.parametrize(("given", "minutes"), DURATIONS.items(), ids=str)
def test_a_duration(given: str | int, minutes: int) -> None:
    assert times.minutes("duration", given) == minutes
    assert times.minutes("duration", minutes) == minutes


@pytest.mark.parametrize(
    ("given", "seconds"), [("5", 300), ("90:30", 5430), ("1:30:15", 5415), ("1-02", 93600), ("1-02:03:04", 93784)]
)
def test_seconds(given: str, seconds: int) -> None:
    assert times.seconds("PURGE_COMP", given) == seconds


@pytest.mark.parametrize("given", ["", "x", "-5", "1.5", "1:2:3:4", "1-", "1-2:3:4:5", "5 minutes", "1d", "now"])
def test_not_a_duration(given: str) -> None:
    with pytest.raises(SlurmError, match="^duration is not a duration: .*; give minutes, or MINUTES:SECONDS, "):
        times.minutes("duration", given)


@pytest.mark.parametrize("given", [0, "0", "0:00", "0:00:00", "0-0", "0-0:0:0"])
def test_a_duration_of_zero(given: str | int) -> None:
    with pytest.raises(SlurmError, match="^duration is zero"):
        times.minutes("duration", given)
