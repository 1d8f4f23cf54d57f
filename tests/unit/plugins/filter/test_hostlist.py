# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.hostlist import FilterModule

FILTER = FilterModule().filters()["hostlist"]


def test_names_are_folded():
    assert FILTER(["node3", "gpu07", "node1", "node2"]) == "gpu07,node[1-3]"
    assert FILTER([]) == ""


@pytest.mark.parametrize("names", [None, 7, [None], [["node1"]]])
def test_what_are_no_names(names):
    with pytest.raises(AnsibleFilterError, match="hostlist needs the names of nodes"):
        FILTER(names)
