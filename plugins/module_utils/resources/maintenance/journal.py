# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a maintenance: a file on the controller that tells what is done, and by which run."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...adapter.errors import ConflictError, SlurmError
from ...common.state_file import StateFile, locked

WORKING, DONE, UNNEEDED, FAILED = "working", "done", "not needed", "failed"
# A node with one of these is not touched again.
FINAL = (DONE, UNNEEDED)
_ATTEMPTS = 100


class Progress(NamedTuple):
    """What the journal has.

    :param run: the uuid of the run that works on the maintenance.
    :param nodes: for each node that was begun its C(outcome), C(run), C(began), C(ended) and C(why).
    :param failures: how many nodes in a row have failed.
    :param stopped: why no other node is begun; empty: nothing stops it.
    :param window: the begin and the end of the window; empty without one.
    """

    run: str
    nodes: dict[str, dict[str, Any]]
    failures: int
    stopped: str
    window: list[int]

    @classmethod
    def of(cls, content: dict[str, Any]) -> Progress:
        try:
            return cls(
                str(content.get("run", "")),
                dict(content.get("nodes", {})),
                int(content.get("failures", 0)),
                str(content.get("stopped", "")),
                [int(it) for it in content.get("window", ())],
            )
        except (TypeError, ValueError) as error:
            raise SlurmError(f"the journal has something unknown: {error}; remove it to begin anew") from None

    def with_outcome(self, *outcomes: str) -> list[str]:
        return [name for name, it in self.nodes.items() if it["outcome"] in outcomes]

    def in_work(self) -> list[str]:
        """Return the nodes that this run works on. What another run has begun is to be begun again."""
        return [name for name in self.with_outcome(WORKING) if self.nodes[name]["run"] == self.run]

    def failed(self) -> list[str]:
        """Return the nodes that have failed in this run: a later one tries them again."""
        return [name for name in self.with_outcome(FAILED) if self.nodes[name]["run"] == self.run]

    def seconds(self) -> list[float]:
        """Return how long the work on each node took that this run has done."""
        return [
            it["ended"] - it["began"] for it in self.nodes.values() if it["run"] == self.run and it["outcome"] == DONE
        ]

    def begin(self, name: str) -> Progress:
        self.nodes[name] = {"outcome": WORKING, "run": self.run, "began": time.time(), "ended": None, "why": ""}
        return self

    def end(self, name: str, outcome: str, why: str = "") -> Progress:
        now = time.time()
        entry = {"run": self.run, "began": now, **self.nodes.get(name, {}), "outcome": outcome, "ended": now}
        self.nodes[name] = {**entry, "why": why}
        if outcome == FAILED:
            return self._replace(failures=self.failures + 1)
        return self._replace(failures=0) if outcome == DONE else self


class Journal:
    """The file."""

    def __init__(self, path: str) -> None:
        self._path, self._file = path, StateFile(path)

    def read(self) -> Progress:
        return Progress.of(self._file.read() or {})

    def change(self, change: Callable[[Progress], Progress]) -> Progress:
        """Change it, whatever others write at the same time, and return what it has then."""
        for _attempt in range(_ATTEMPTS):
            before = self._file.read()
            after = change(Progress.of(copy.deepcopy(before or {})))
            try:
                self._file.write(after._asdict(), before)
            except ConflictError:
                continue
            return after
        raise SlurmError(f"{self._path} was changed by others each time it was to be written")

    @contextmanager
    def queue(self) -> Iterator[None]:
        """Wait for the others that wait for a node: one after the other reads Slurm, and gets the next node."""
        try:
            with locked(f"{self._path}.queue"):
                yield
        except OSError as error:
            raise SlurmError(f"{self._path}.queue cannot be locked: {error}; use become, or another path") from error
