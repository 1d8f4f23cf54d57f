# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.isolation import CONF_ADVICE, isolated


def test_the_result_comes_from_another_process() -> None:
    result = isolated(lambda: {"pid": os.getpid(), "text": "\u00fc\n", "list": [1, None, True]})
    assert result.pop("pid") != os.getpid()
    assert result == {"text": "\u00fc\n", "list": [1, None, True]}


def test_a_result_larger_than_a_pipe() -> None:
    assert isolated(lambda: {"long": "x" * 3_000_000}) == {"long": "x" * 3_000_000}


@pytest.mark.parametrize("kind", [SlurmError, ConflictError])
def test_an_error_keeps_its_data(kind: type[SlurmError]) -> None:
    def work() -> NoReturn:
        raise kind("refused", 2010, "ESLURM_USER_ID_MISSING", "REQUEST_UPDATE_NODE")

    with pytest.raises(SlurmError) as caught:
        isolated(work)
    assert caught.value.result() == {
        "msg": "refused",
        "errno": 2010,
        "errno_name": "ESLURM_USER_ID_MISSING",
        "call": "REQUEST_UPDATE_NODE",
    }


def test_a_child_that_exits() -> None:
    def work() -> NoReturn:
        os.write(2, b"slurm: fatal: Unable to process configuration file\n")
        os._exit(1)

    with pytest.raises(SlurmError) as caught:
        isolated(work)
    assert caught.value.message == (
        "the process that calls Slurm ended with status 1 before it returned a result; "
        f"its output: slurm: fatal: Unable to process configuration file; {CONF_ADVICE}"
    )
    assert caught.value.call == "libslurm"


def test_a_child_that_exits_with_0_and_without_a_result() -> None:
    with pytest.raises(SlurmError, match="ended with status 0 before it returned a result$"):
        isolated(lambda: os._exit(0))


def test_a_child_that_is_killed() -> None:
    def work() -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    with pytest.raises(SlurmError, match="was killed by SIGKILL before it returned a result$"):
        isolated(work)


def test_the_result_of_a_child_that_is_killed_at_its_end_is_not_used() -> None:
    def work() -> dict[str, Any]:
        os._exit = lambda status: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]  # in the child only
        return {"looks": "fine"}

    with pytest.raises(SlurmError, match="was killed by SIGKILL"):
        isolated(work)


def test_the_end_of_the_output_is_in_the_message() -> None:
    def work() -> NoReturn:
        os.write(2, b"first " + b"\xff" + b"x" * 5000 + b" last")
        os._exit(1)

    with pytest.raises(SlurmError) as caught:
        isolated(work)
    assert caught.value.message.endswith("x last")
    assert len(caught.value.message) < 2200


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (lambda: {"quotient": 1 // 0}, "ZeroDivisionError"),
        # The value that is not JSON comes last: nothing of the result is sent, not even its beginning.
        (lambda: {"fine": "x" * 100_000, "odd": {1, 2}}, "TypeError: Object of type set is not JSON serializable"),
        (lambda: sys.exit("gone"), "SystemExit: gone"),
    ],
)
def test_an_error_in_the_collection_shows_its_traceback(work: Any, text: str) -> None:
    with pytest.raises(SlurmError) as caught:
        isolated(work)
    assert "ended with status 70" in caught.value.message
    assert "Traceback (most recent call last)" in caught.value.message
    assert text in caught.value.message


def test_the_output_of_the_child_is_not_printed_by_the_module(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> dict[str, Any]:
        os.write(2, b"slurm: error: warning\n")
        return {"fine": True}

    assert isolated(work) == {"fine": True}
    assert capfd.readouterr() == ("", "")


def test_no_open_file_and_no_child_process_is_left() -> None:
    before = os.listdir("/proc/self/fd")
    for _turn in range(3):
        isolated(dict)
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
