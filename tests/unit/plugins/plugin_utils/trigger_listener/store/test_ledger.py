# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: its rows in the database."""

from __future__ import annotations

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.ledger import Ledger, rows_of
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.store.node_record import (
    FLAP_WINDOW,
    NodeRecord,
)
from ansible_collections.hpc.slurm.tests.unit.listener import Core

NOW = 2001.0


def test_rows(tmp_path):
    core = Core(tmp_path / "db")
    records = [
        NodeRecord("n1", frozenset(("down", "drained")), 5.5, (1.0, 2.5), {"reason": "\ud800 ä"}),
        NodeRecord("n2", frozenset(), NOW),
        NodeRecord("n3", frozenset(("fail",)), NOW),
        NodeRecord("n4", frozenset(), NOW - FLAP_WINDOW - 1),
    ]
    with core.database.transaction() as connection:
        rows = Ledger(connection)
        rows.write(rows_of(records))
        assert list(rows.read(["n1", "n3", "n9"]).values()) == [records[0], records[2], NodeRecord("n9")]
        assert rows.out_of_service() == {"n1": records[0], "n3": records[2]}
        rows.write(rows_of([records[2]._replace(states=frozenset())]))
        assert list(rows.out_of_service()) == ["n1"]
        rows.prune(NOW)
        assert rows.read(["n2", "n4"]) == {"n2": records[1], "n4": NodeRecord("n4")}
        rows.remove(["n1", "n9", "n2"])
        assert rows.out_of_service() == {}
    core.close()
