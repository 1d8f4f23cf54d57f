# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ADVICE, ConflictError, SlurmError


def test_the_data_of_an_error() -> None:
    error = SlurmError.from_errno(
        2018, "ESLURM_INVALID_NODE_NAME", "Invalid node name specified", "REQUEST_UPDATE_NODE"
    )
    assert error.result() == {
        "msg": "REQUEST_UPDATE_NODE: Invalid node name specified (ESLURM_INVALID_NODE_NAME 2018)",
        "errno": 2018,
        "errno_name": "ESLURM_INVALID_NODE_NAME",
        "call": "REQUEST_UPDATE_NODE",
    }
    assert str(error) == error.message


def test_an_errno_without_a_name() -> None:
    assert SlurmError.from_errno(9999, None, "odd", "CALL").message == "CALL: odd (errno 9999)"


def test_an_error_without_an_errno() -> None:
    assert SlurmError("no").result() == {"msg": "no", "errno": None, "errno_name": None, "call": None}


@pytest.mark.parametrize("name", ADVICE)
def test_advice_ends_the_message(name: str) -> None:
    assert SlurmError.from_errno(1, name, "text", "CALL").message == f"CALL: text ({name} 1); {ADVICE[name]}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ESLURM_INVALID_NODE_STATE", ConflictError),
        ("ESLURM_INVALID_NODE_STATE_TRANSITION", ConflictError),
        ("ESLURM_TRIGGER_DUP", ConflictError),
        ("ESLURM_ACCESS_DENIED", SlurmError),
        (None, SlurmError),
    ],
)
def test_which_errors_are_conflicts(name: str | None, kind: type[SlurmError]) -> None:
    assert SlurmError.from_errno(1, name, "text", "CALL").__class__ is kind
