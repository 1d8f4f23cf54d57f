# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup controller_group: which controllers a run is for."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.hpc.slurm.plugins.lookup.controller_group import LookupModule

ONE = {"all": ["ctl1"], "slurm_controller": ["ctl1"]}
TWO = {"slurm_controller_alpha": ["a1"], "slurm_controller_my_beta": ["b1"], "slurm_controller": ["a1", "b1"]}


def group(**variables):
    lookup = LookupModule(loader=DataLoader(), templar=Templar(loader=DataLoader(), variables=variables))
    [name] = lookup.run([], variables=variables)
    return name


def of_event(cluster):
    return {"ansible_eda": {"event": {"cluster": cluster}}}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"groups": ONE}, "slurm_controller"),
        ({"groups": ONE, "hpc_slurm_cluster": "alpha"}, "slurm_controller"),
        ({"groups": ONE, **of_event("alpha")}, "slurm_controller"),
        ({"groups": ONE, **of_event(None)}, "slurm_controller"),
        # A check of the syntax has no groups.
        ({}, "slurm_controller"),
        ({"groups": TWO, "hpc_slurm_cluster": "alpha"}, "slurm_controller_alpha"),
        ({"groups": TWO, **of_event("my-beta")}, "slurm_controller_my_beta"),
        ({"groups": TWO, **of_event("my-beta"), "hpc_slurm_cluster": "alpha"}, "slurm_controller_my_beta"),
        ({"groups": {"slurm_controller_alpha": ["a1"]}}, "slurm_controller_alpha"),
    ],
)
def test_the_group(variables, expected):
    assert group(**variables) == expected


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (of_event("gamma"), "No controllers of the cluster gamma: add the group slurm_controller_gamma"),
        ({"hpc_slurm_cluster": "gamma"}, "The inventory has slurm_controller_alpha, slurm_controller_my_beta"),
        ({}, "Which cluster\\? Set hpc_slurm_cluster"),
    ],
)
def test_nobody_else_s_controllers(variables, words):
    with pytest.raises(AnsibleLookupError, match=words):
        group(groups=TWO, **variables)
