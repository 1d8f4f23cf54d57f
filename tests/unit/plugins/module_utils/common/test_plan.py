# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hpc.slurm.plugins.module_utils.common.plan import Change, diff_of


def test_the_diff_is_by_object() -> None:
    changes = [Change("a", "x", None, 1), Change("a", "y", 0, ""), Change("b", "x", [], [1])]
    assert diff_of(changes) == {
        "before": {"a": {"x": None, "y": 0}, "b": {"x": []}},
        "after": {"a": {"x": 1, "y": ""}, "b": {"x": [1]}},
    }
