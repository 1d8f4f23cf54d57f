# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter events_to_set."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.events_to_set import FilterModule

events_to_set = FilterModule().filters()["events_to_set"]
NONE = {"AccountingStorageType": None, "BurstBufferType": None}


@pytest.mark.parametrize(
    ("config", "controllers", "event", "applies"),
    [
        (NONE, 1, "down", True),
        (NONE, 1, "backup_slurmctld_assumed_control", False),
        (NONE, "2", "backup_slurmctld_assumed_control", True),
        (NONE, 2, "primary_slurmdbd_failure", False),
        ({**NONE, "AccountingStorageType": "accounting_storage/none"}, 1, "primary_slurmdbd_failure", False),
        ({**NONE, "AccountingStorageType": "accounting_storage/slurmdbd"}, 1, "primary_slurmdbd_failure", True),
        (NONE, 1, "burst_buffer", False),
        ({**NONE, "BurstBufferType": "burst_buffer/lua"}, 1, "burst_buffer", True),
    ],
)
def test_what_applies(config, controllers, event, applies):
    assert (event in events_to_set(config, controllers)) is applies


def test_what_a_site_names():
    assert events_to_set(NONE, 1, ["idle"]) == ["idle"]
    assert events_to_set(NONE, 1, []) == []


@pytest.mark.parametrize(
    ("config", "chosen", "message"),
    [
        (NONE, ["drain"], "hpc_slurm_events: there is no event kind drain: did you mean drained or draining"),
        (NONE, ["fini"], "hpc_slurm_events: the event kind fini is about one job"),
        (NONE, "down,drained", "hpc_slurm_events is not a list of event kinds: 'down,drained'"),
        (NONE, {"down": True}, "hpc_slurm_events is not a list of event kinds"),
        ({}, None, "events_to_set needs parameters of slurm_config_info"),
        (None, None, "events_to_set needs parameters of slurm_config_info"),
    ],
)
def test_what_is_refused(config, chosen, message):
    with pytest.raises(AnsibleFilterError, match=message):
        events_to_set(config, 1, chosen)
