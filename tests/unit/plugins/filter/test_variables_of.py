# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hpc.slurm.plugins.filter.variables_of import FilterModule

HOSTVARS = {
    "node1": {
        "bmc": "node1-bmc",
        "ansible_user": "admin",
        "site": "here",
        "rack": 4,
        "inventory_hostname": "node1",
        "group_names": ["gpu"],
        "groups": {},
    },
    "turn-1": {"site": "here", "rack": 5, "inventory_hostname": "turn-1"},
}


def test_what_the_other_host_has_not() -> None:
    variables_of = FilterModule().filters()["variables_of"]
    assert variables_of(HOSTVARS, "node1", "turn-1") == {"bmc": "node1-bmc", "ansible_user": "admin", "rack": 4}
