# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exposition: what Prometheus reads."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.show.exposition import expose
from ansible_collections.hpc.slurm.tests.unit.listener import Observed, node_group


def test_the_metrics(observed):
    assert expose(observed.metrics, observed.read())
    for name in ("inbox_depth", "inbox_oldest_seconds", "last_sync_timestamp_seconds", "triggers_set", "nodes"):
        assert observed.sample(name) == 0
    assert observed.sample("sync_interval_seconds") == 300
    observed.notify("down", "n1")
    observed.snapshot(node_group("n[1-2]", "DOWN+DRAIN"), triggers=[{"id": 1, "event": "down", "permanent": True}])
    observed.problem = "the disk is full"
    text = expose(observed.metrics, observed.read()).decode()
    assert observed.sample("inbox_depth") == 2
    assert observed.sample("triggers_set") == 1
    assert observed.sample("nodes") == 10008
    by_state = {
        state: observed.sample("nodes_out_of_service", state=state) for state in ("down", "drained", "draining", "fail")
    }
    assert by_state == {"down": 2, "drained": 2, "draining": 0, "fail": 0}
    assert observed.sample("nodes_unhandled") == 0
    drained = node_group("n2", "DOWN+DRAIN")
    observed.snapshot(node_group("n1", "DOWN"), drained, node_group("n3", "IDLE+DRAIN"), node_group("n[4-5]", "DOWN"))
    observed.snapshot(node_group("n[1,4]", "DOWN"), drained, node_group("n5", "DOWN+MAINTENANCE"))
    expose(observed.metrics, observed.read())
    assert observed.sample("nodes_unhandled") == 2
    health = {check: observed.sample("healthy", check=check) for check in ("inbox", "feeder", "sync")}
    assert health == {"inbox": 1, "feeder": 0, "sync": 1}
    assert abs(observed.sample("start_timestamp_seconds") - time.time()) < 60
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert {name for name in names if not name.startswith("hpc_slurm_")} == set()
    wanted = (
        "notifications_total snapshots_total refusals_total duplicates_total flaps_total"
        " events_delivered_total events_undeliverable_total"
    )
    assert {f"hpc_slurm_{name}" for name in wanted.split()} <= names


def test_two_listeners_in_one_process_have_their_own_metrics(observed, tmp_path):
    with contextlib.closing(Observed(tmp_path / "other")) as other:
        other.metrics.undeliverable.inc()
        assert (observed.sample("events_undeliverable_total"), other.sample("events_undeliverable_total")) == (0, 1)
