# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter trigger_program."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.trigger_program import FilterModule

trigger_program = FilterModule().filters()["trigger_program"]
CURL = "/usr/bin/curl --config /var/lib/hpc-slurm/listener.conf"


def test_programs():
    assert trigger_program("down", "http://eda/id") == f"{CURL} http://eda/id/node/down --data-raw"
    assert trigger_program("down", "http://eda/id", job=True) == f"{CURL} http://eda/id/job/down --data-raw"
    given = trigger_program("fini", "http://eda/id", curl_config="/c")
    assert given == "/usr/bin/curl --config /c http://eda/id/job/fini --data-raw"


@pytest.mark.parametrize(
    ("event", "job", "message"),
    [
        ("drain", False, "no event kind drain of triggers: did you mean drained or draining"),
        ("idle", True, "no event kind idle of jobs: "),
        (None, False, "no event kind None of triggers: "),
    ],
)
def test_an_unknown_event_kind(event, job, message):
    with pytest.raises(AnsibleFilterError, match=message):
        trigger_program(event, "http://eda/id", job=job)
