# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter reaction_decisions; what it decides is in the tests of reactions.py."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.reaction_decisions import FilterModule

FILTER = FilterModule().filters()["reaction_decisions"]
SILENT = {"state": ["DOWN"], "reason": "Not responding", "reason_user": "slurm"}


def test_the_decision_about_a_node():
    assert FILTER({"n1": SILENT}, "node_down", ["n1"], "slurm") == [
        {
            "nodes": "n1",
            "decision": "drain",
            "why": "slurmctld set it down: Not responding",
            "names": ["n1"],
            "reasons": ["Not responding"],
        }
    ]


@pytest.mark.parametrize(
    ("nodes", "reaction", "names"),
    [
        (None, "node_down", ["n1"]),
        ({"n1": {}}, "node_down", ["n1"]),
        ({"n1": None}, "node_down", ["n1"]),
        ({"n1": SILENT}, "node_up", ["n1"]),
        ({"n1": SILENT}, "node_down", None),
    ],
)
def test_what_it_does_not_take(nodes, reaction, names):
    with pytest.raises(AnsibleFilterError, match="reaction_decisions needs nodes of slurm_node_info"):
        FILTER(nodes, reaction, names, "slurm")
