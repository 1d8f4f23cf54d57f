# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.configuration import SPELLINGS
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources import configuration
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

PARAMETERS: dict[str, Any] = {"cluster_name": "lab", "slurm_user_name": "slurm", "kill_wait_time": 30, "epilog": None}


def test_all_parameters() -> None:
    slurm = FakeSlurm({})
    plan = configuration.plan_info(slurm, {"item": None})
    assert plan == ({"config": slurm.config()}, (), (), None, (), None)


def test_the_result_has_the_names_of_the_option() -> None:
    slurm = FakeSlurm({})
    plan = configuration.plan_info(slurm, {"item": ["SlurmUser", "slurm_user_name", "cluster_name", "KILLWAIT"]})
    assert plan.result == {
        "config": {"SlurmUser": "slurm", "slurm_user_name": "slurm", "cluster_name": "fake", "KILLWAIT": 30}
    }
    assert slurm.reads == {"config": 1}


def test_an_empty_list_is_not_everything() -> None:
    assert configuration.plan_info(FakeSlurm({}), {"item": []}).result == {"config": {}}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("ClusterName", "cluster_name"),
        ("clustername", "cluster_name"),
        ("cluster name", "cluster_name"),
        ("CLUSTER_NAME", "cluster_name"),
        ("KillWait", "kill_wait_time"),
        ("kill_wait", "kill_wait_time"),
        ("kill_wait_time", "kill_wait_time"),
        ("Epilog", "epilog"),
    ],
)
def test_find(asked: str, found: str) -> None:
    assert configuration.find(asked, PARAMETERS) == found
    assert configuration.find(configuration.find(asked, PARAMETERS), PARAMETERS) == found


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("ClusterNam", "did you mean cluster_name, slurm_user_name?"),
        ("killwaittimes", "did you mean kill_wait_time?"),
        ("zzz", "leave item out to see all"),
        ("", "leave item out to see all"),
        # A parameter of slurm.conf(5) that pyslurm does not have.
        ("MailProg", "leave item out to see all"),
    ],
)
def test_an_unknown_name_gets_suggestions(name: str, advice: str) -> None:
    with pytest.raises(SlurmError) as caught:
        configuration.find(name, PARAMETERS)
    assert caught.value.message == f"pyslurm reads no parameter {name} of slurm.conf: {advice}"


def test_no_spelling_is_redundant() -> None:
    redundant = [theirs for theirs, ours in SPELLINGS.items() if theirs.lower() == ours.replace("_", "")]
    assert redundant == []
