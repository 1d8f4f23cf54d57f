# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import names


def test_known_names() -> None:
    assert names.expect_known("a job", "attribute", None, ["b", "a"]) is None
    assert names.expect_known("a job", "attribute", ["b", "a", "b"], iter(["a", "b"])) == ["b", "a", "b"]
    assert names.expect_known("a job", "attribute", [], ["a"]) == []


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("user_nam", ["user_name", "state"], "a job has no attribute user_nam: did you mean user_name?"),
        ("USER_NAME", ["user_name", "state"], "a job has no attribute USER_NAME: did you mean user_name?"),
        ("MANT", ["FLEX", "MAINT"], "a job has no attribute MANT: did you mean MAINT?"),
        ("stat", ["state", "start"], "a job has no attribute stat: did you mean state or start?"),
        ("xyz", ["b", "a"], "a job has no attribute xyz: there are a, b"),
    ],
)
def test_an_unknown_name(name: str, choices: list[str], message: str) -> None:
    with pytest.raises(SlurmError) as caught:
        names.expect_known("a job", "attribute", [name], choices)
    assert caught.value.message == message
