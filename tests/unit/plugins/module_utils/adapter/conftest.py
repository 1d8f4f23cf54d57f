# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for pyslurm, and small scripts as Slurm's commands."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import (
    TEXTS,
    Command,
    Config,
    Node,
    RPCError,
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Write a shell script that is found as a command; there is no other one of Slurm's."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))

    def write(name: str, text: str) -> None:
        (directory / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (directory / name).chmod(0o755)

    return write


@pytest.fixture
def pyslurm(monkeypatch: pytest.MonkeyPatch, command: Command) -> ModuleType:
    module = ModuleType("pyslurm")
    inits: list[str | None] = []
    nodes = {
        "n1": Node("n1", state="IDLE+NOT_RESPONDING+DRAIN", reason="r", reason_user="alice", weight=1),
        "n2": Node("n2", state="MIXED", reason=None, reason_user="root", weight=2),
    }
    vars(module).update(
        __version__="25.11.2",
        RPCError=RPCError,
        Node=Node,
        Nodes=SimpleNamespace(load=lambda: nodes),
        slurmctld=SimpleNamespace(Config=Config),
        slurm_api_version=lambda: (26, 5, 5),
        inits=inits,
        slurm_init=inits.append,
        error=SimpleNamespace(slurm_strerror=lambda errno: TEXTS.get(errno, f"Unknown error {errno}")),
        ESLURM_ACCESS_DENIED=2002,
        ESLURM_INVALID_NODE_NAME=2018,
        ESLURM_TRIGGER_DUP=2089,
        ESLURM_TEXT="not a number",
        OTHER_NUMBER=2018,
    )
    monkeypatch.setitem(sys.modules, "pyslurm", module)
    monkeypatch.setattr(Node, "sent", [])
    monkeypatch.setattr(Node, "failure", None)
    monkeypatch.delenv("SLURM_CONF", raising=False)
    monkeypatch.delenv("PYSLURM_DISABLE_AUTO_INIT", raising=False)
    return module
