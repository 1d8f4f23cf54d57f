# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.texts import expect_text
from ansible_collections.hpc.slurm.tests.contract.odd_texts import ODD_TEXTS

REFUSED = {"not UTF-8": "comment is not UTF-8", "NUL": "comment has a NUL character"}


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_odd_texts(kind: str) -> None:
    text = ODD_TEXTS[kind]
    if kind in REFUSED:
        with pytest.raises(SlurmError, match=REFUSED[kind]):
            expect_text("comment", text)
    else:
        assert expect_text("comment", text) == text
