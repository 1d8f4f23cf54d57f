# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A replacement for pyslurm, and scripts in the place of Slurm's commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist
from ansible_collections.hpc.slurm.tests.unit.plugins.module_utils.adapter.stand_in import (
    TEXTS,
    Command,
    Config,
    Node,
    RPCError,
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that writes a shell script to the only folder on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))

    def write(name: str, text: str) -> None:
        (directory / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (directory / name).chmod(0o755)

    return write


class Importer(MetaPathFinder, Loader):
    """Imports the replacement as pyslurm, and notes the environment variable SLURM_CONF at that moment."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == "pyslurm" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(imported_with=os.environ.get("SLURM_CONF"))


@pytest.fixture
def pyslurm(monkeypatch: pytest.MonkeyPatch, command: Command) -> Iterator[ModuleType]:
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
        utils=SimpleNamespace(nodelist_from_range_str=hostlist.expand),
        inits=inits,
        slurm_init=inits.append,
        error=SimpleNamespace(slurm_strerror=lambda errno: TEXTS.get(errno, f"Unknown error {errno}")),
        ESLURM_ACCESS_DENIED=2002,
        ESLURM_INVALID_NODE_NAME=2018,
        ESLURM_INVALID_NODE_STATE=2028,
        ESLURM_TRIGGER_DUP=2089,
        ESLURM_TEXT="not a number",
        OTHER_NUMBER=2018,
    )
    monkeypatch.delitem(sys.modules, "pyslurm", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Importer(module), *sys.meta_path])
    monkeypatch.setattr(Node, "sent", [])
    monkeypatch.setattr(Node, "failure", None)
    monkeypatch.delenv("SLURM_CONF", raising=False)
    monkeypatch.delenv("PYSLURM_DISABLE_AUTO_INIT", raising=False)
    monkeypatch.delenv("SLURM_BITSTR_LEN", raising=False)
    yield module
    sys.modules.pop("pyslurm", None)
