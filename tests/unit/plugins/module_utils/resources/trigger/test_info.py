# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.info import plan_info
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"event": "down"}, [1, 3, 5]),
        ({"user": "slurm"}, [1, 2, 3, 4, 5, 6]),
        ({"user": "alice"}, []),
        ({"job_id": "7"}, [4]),
        ({"program": "http://"}, [2, 6]),
        ({"program": "http://", "event": "drained"}, [2]),
    ],
)
def test_info(with_triggers: FakeSlurm, given: dict[str, Any], ids: list[int]) -> None:
    options = {**dict.fromkeys(("event", "user", "job_id", "program")), **given}
    result = execute(plan_info, with_triggers, options, check_mode=False)
    assert [found["id"] for found in result["triggers"]] == ids
    assert (result["changed"], sum(with_triggers.writes.values())) == (False, 0)


def test_info_with_a_task_of_an_array(with_triggers: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match="job_id is not a number: '7_1'"):
        plan_info(with_triggers, {"event": None, "user": None, "job_id": "7_1", "program": None})


def test_info_with_a_wrong_regular_expression(with_triggers: FakeSlurm) -> None:
    with pytest.raises(SlurmError, match=r"program is not a regular expression: '\*'"):
        plan_info(with_triggers, {"event": None, "user": None, "job_id": None, "program": "*"})
