# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter reaction_record; what it makes is in the tests of reactions.py."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.reaction_record import FilterModule

FILTER = FilterModule().filters()["reaction_record"]


def test_a_record():
    assert FILTER(["n1"], error="why") == [{"nodes": "n1", "decision": "failed", "why": "why"}]


@pytest.mark.parametrize("given", [{"decisions": [{}]}, {"decisions": [None]}, {"hosts": {"h": "n"}}, {"more": 1}])
def test_what_it_does_not_take(given):
    with pytest.raises(AnsibleFilterError, match="reaction_record needs names of nodes"):
        FILTER(["n1"], **given)
