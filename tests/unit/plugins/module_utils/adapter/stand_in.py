# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A replacement for the parts of pyslurm that the adapter uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXTS = {
    2002: "Access/permission denied",
    2018: "Invalid node name specified",
    2089: "Duplicate event trigger",
    2180: "Invalid node state transition",
}


class RPCError(Exception):
    def __init__(self, errno: int) -> None:
        super().__init__(TEXTS.get(errno, "odd"))
        self.errno = errno


class Config:
    """What the adapter uses of pyslurm.slurmctld.Config."""

    slurm_user_name = "slurm"

    @staticmethod
    def load() -> Config:
        return Config()


class Node:
    """What the adapter uses of pyslurm.Node."""

    state = reason = reason_user = weight = configured_gres = None
    sent: list[tuple[str, dict[str, Any]]] = []
    failure: Exception | None = None

    def __init__(self, name: str = "", **fields: Any) -> None:
        self.name, self.fields = name, fields
        if "nonsense" in fields:
            raise KeyError("nonsense")
        for field, value in fields.items():
            setattr(self, field, value)

    def modify(self, change: Node) -> None:
        if Node.failure:
            raise Node.failure
        Node.sent.append((self.name, change.fields))


Command = Callable[[str, str], None]


def arguments_of(tmp_path: Path) -> list[str]:
    return (tmp_path / "said").read_text(encoding="utf-8").splitlines()
