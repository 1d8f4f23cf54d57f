# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listeners for the tests of requests, and what they log."""

from __future__ import annotations

import logging

import pytest

from ansible_collections.hpc.slurm.tests.unit.listener import TOKEN, served

LOGGER = "hpc.slurm.trigger_listener"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One that all tests share that leave it as it is."""
    with served(tmp_path_factory.mktemp("listener"), max_body=1024, cluster="lab") as made:
        yield made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with served(tmp_path_factory.mktemp("listener"), max_body=1024, token=TOKEN) as made:
        made.core.apply_snapshot()  # otherwise it is not healthy
        yield made


@pytest.fixture
def listener(tmp_path):
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def logged(caplog):
    """Return what is logged, as facts, also in the server's thread."""
    logger = logging.getLogger(LOGGER)
    caplog.set_level(logging.DEBUG)
    before = logger.propagate
    logger.propagate = True
    yield lambda: [(record.getMessage(), getattr(record, "facts", {})) for record in caplog.records]
    logger.propagate = before
