# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of triggers, and that what is written by hand agrees with it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import trigger_events
from ansible_collections.hpc.slurm.plugins.module_utils.common.trigger_events import CLASSES, EVENTS, events_to_set
from ansible_collections.hpc.slurm.plugins.modules.slurm_trigger import DOCUMENTATION

CHECKOUT = Path(__file__).resolve().parents[5]
SOURCE = (CHECKOUT / "extensions/eda/plugins/event_source/trigger_listener.py").read_text(encoding="utf-8")
BARE = {"backup": False, "accounting": False, "burst_buffer": False}
ALL = dict.fromkeys(BARE, True)


def test_only_nodes_and_jobs_share_event_kinds() -> None:
    for one, other in itertools.combinations(CLASSES, 2):
        shared = {"up", "down", "fail"} if (one, other) == ("node", "job") else set()
        assert set(CLASSES[one]) & set(CLASSES[other]) == shared


@pytest.mark.parametrize("event", EVENTS)
def test_the_class_of_an_event_kind(event: str) -> None:
    class_ = trigger_events.class_of(event)
    assert event in CLASSES[class_]
    assert class_ != "job" or event in ("time", "fini")


def test_what_syncs_set_by_default() -> None:
    bare = {"down", "drained", "fail", "up", "resume", "primary_slurmctld_resumed_operation"}
    assert set(events_to_set(None, **BARE)) == bare
    backup = events_to_set(None, **{**BARE, "backup": True})
    assert bare < set(backup) == bare | {kind for kind in CLASSES["slurmctld"] if "acct" not in kind}
    accounting = events_to_set(None, **{**BARE, "accounting": True})
    assert set(accounting) - bare == {
        "primary_slurmctld_acct_buffer_full",
        *CLASSES["slurmdbd"],
        *CLASSES["database"],
    }
    assert set(events_to_set(None, **{**BARE, "burst_buffer": True})) - bare == {"burst_buffer"}
    daemons = {kind for name in ("slurmctld", "slurmdbd", "database", "burst_buffer") for kind in CLASSES[name]}
    every = events_to_set(None, **ALL)
    assert len(every) == len(set(every)) and set(every) == bare | daemons


def test_what_a_site_names_is_set_once_and_whatever_applies() -> None:
    assert events_to_set(["idle", "burst_buffer", "idle"], **BARE) == ("idle", "burst_buffer")
    assert events_to_set([], **ALL) == ()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("drain", "there is no event kind drain: did you mean drained or draining?"),
        ("primary_slurmctl_failure", "there is no event kind primary_slurmctl_failure: did you mean primary_slurmctld"),
        ("xyz", "there is no event kind xyz: there are backup_slurmctld_assumed_control"),
        ("fini", "the event kind fini is about one job: use slurm_trigger with its job_id"),
        (7, "there is no event kind 7: "),
    ],
)
def test_an_event_kind_that_is_refused(event: str, message: str) -> None:
    with pytest.raises(SlurmError) as caught:
        events_to_set(["down", event], **ALL)
    assert caught.value.message.startswith(message)


def test_programs() -> None:
    start = "/usr/bin/curl --config /etc/c.conf http://eda/id"
    assert trigger_events.program("down", "node", "http://eda/id", "/etc/c.conf") == f"{start}/node/down --data-raw"
    assert trigger_events.program("down", "job", "http://eda/id", "/etc/c.conf") == f"{start}/job/down --data-raw"
    buffer = trigger_events.program("burst_buffer", "burst_buffer", "http://eda/id", "/etc/c.conf")
    assert buffer == f"{start}/burst_buffer/burst_buffer --data-raw burst_buffer"


# What is written by hand.


def test_the_documentation_of_the_module() -> None:
    assert yaml.safe_load(DOCUMENTATION)["options"]["event"]["choices"] == EVENTS


def test_the_documentation_of_the_event_source_has_every_class() -> None:
    (classes,) = re.findall(r"C\(trigger.class\) is ([^.;]+)[.;]", SOURCE)
    assert re.findall(r"C\((\w+)\)", classes) == list(CLASSES)


def test_the_guide_has_every_event_kind_by_class() -> None:
    text = (CHECKOUT / "docs/controllers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)
    assert {class_: tuple(re.findall(r"`(\w+)`", events)) for class_, events in rows} == CLASSES
