# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a task on nodes."""

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.resources.node.clusters import cluster, run


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("down", "Ansible: Downed using hpc.slurm.slurm_node"),
        ("drained", "Ansible: Drained using hpc.slurm.slurm_node"),
        ("failed", "Ansible: Failed using hpc.slurm.slurm_node"),
    ],
)
def test_default_reason(state: str, reason: str) -> None:
    assert run(cluster("IDLE"), state=state)["nodes"]["n1"]["reason"] == reason


@pytest.mark.parametrize("state", ["resumed", "undrained"])
@pytest.mark.parametrize("reason", ["", "why"])
def test_a_reason_is_refused_for_a_state_that_clears_it(state: str, reason: str) -> None:
    with pytest.raises(SlurmError, match=f"reason cannot be given with state={state}"):
        run(cluster("IDLE+DRAIN"), state=state, reason=reason)


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_an_empty_reason_is_refused(reason: str) -> None:
    slurm = cluster("IDLE")
    with pytest.raises(SlurmError, match="reason is empty"):
        run(slurm, state="drained", reason=reason)
    assert (sum(slurm.reads.values()), sum(slurm.writes.values())) == (0, 0)


def test_only_reason_must_be_a_regular_expression() -> None:
    slurm = cluster("IDLE+DRAIN")
    with pytest.raises(SlurmError, match=r"only_reason is not a regular expression: '\(': "):
        run(slurm, state="resumed", only_reason="(")
    assert sum(slurm.writes.values()) == 0


def test_a_reason_without_a_state_is_refused() -> None:
    with pytest.raises(SlurmError, match="reason needs a state: down, drained, failed or rebooted"):
        run(cluster("IDLE"), attributes={"comment": "c"}, reason="why")
