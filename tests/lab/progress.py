"""Print progress: a line for each phase, with the time since the start."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path


class LabError(Exception):
    """An error that the user can act on; its message says how."""


class Progress:
    def __init__(self) -> None:
        self._start = time.monotonic()

    def phase(self, text: str) -> None:
        print(f"[lab {time.monotonic() - self._start:5.1f} s] {text}", flush=True)

    done = phase


def run(command: list[str], log: Path, what: str, **options: object) -> None:
    """Run a command with its output in a log file; if it fails, raise LabError with the end of the log."""
    with open(log, "ab") as output:
        output.write(f"+ {' '.join(command)}\n".encode())
        output.flush()
        result = subprocess.run(  # type: ignore[call-overload]
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False, **options
        )
    if result.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        raise LabError("\n".join([f"{what} failed (exit status {result.returncode}); the end of {log}:", *tail]))
