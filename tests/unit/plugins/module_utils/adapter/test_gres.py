# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generic resources as Slurm writes them."""

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.gres import gres_count, parse_gres, parse_gres_indexes


@pytest.mark.parametrize(
    ("text", "counts", "indexes"),
    [
        ("", {}, {}),
        ("(null)", {}, {}),
        ("gpu", {"gpu": 1}, {}),
        ("gpu:2", {"gpu": 2}, {}),
        ("gpu:tesla", {"gpu:tesla": 1}, {}),
        ("gpu:tesla:2,gpu:3", {"gpu:tesla": 2, "gpu": 3}, {}),
        ("gpu:1g.5gb:7", {"gpu:1g.5gb": 7}, {}),
        ("bandwidth:lustre:no_consume:4G", {"bandwidth:lustre:no_consume": 4 << 30}, {}),
        ("bandwidth:no_consume:4", {"bandwidth:no_consume": 4}, {}),
        ("bandwidth:no_consume", {"bandwidth:no_consume": 1}, {}),
        ("gres:gpu:2,gres/fpga:1", {"gpu": 2, "fpga": 1}, {}),
        ("gpu:tesla:3(IDX:0-1,3),gpu:k80:0(IDX:N/A)", {"gpu:tesla": 3, "gpu:k80": 0}, {"gpu:tesla": "0-1,3"}),
        ("gpu:2(S:0-1),shard:tesla:4(2/8,2/8)", {"gpu": 2, "shard:tesla": 4}, {}),
    ],
)
def test_parse_gres(text: str, counts: dict[str, int], indexes: dict[str, str]) -> None:
    assert (parse_gres(text), parse_gres_indexes(text)) == (counts, indexes)


@pytest.mark.parametrize(
    ("text", "count"),
    [("0", 0), ("12", 12), ("1K", 1024), ("2k", 2048), ("3M", 3 << 20), ("1T", 1 << 40), ("1P", 1 << 50)],
)
def test_counts(text: str, count: int) -> None:
    assert gres_count(text) == count


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1X", "K"])
def test_an_invalid_count(text: str) -> None:
    with pytest.raises(ValueError, match="not a count of a generic resource"):
        gres_count(text)
