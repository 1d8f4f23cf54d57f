# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test planned_absence; the rule itself is tested with reasons.py."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.test.planned_absence import TestModule as Plugin

TEST = Plugin().tests()["planned_absence"]


def test_a_node():
    assert TEST({"state": ["DOWN", "MAINTENANCE"], "reason": None}) is True
    assert TEST({"state": ["DOWN"], "reason": "Not responding"}) is False


@pytest.mark.parametrize("node", [None, [], {}, {"state": ["DOWN"]}, {"state": None, "reason": None}])
def test_what_is_not_from_slurm_node_info(node):
    with pytest.raises(AnsibleFilterError, match="needs a node of slurm_node_info with state and reason"):
        TEST(node)
