# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work in a child process, because libslurm may end the process that it runs in.

libslurm calls exit() where it cannot go on ("fatal: Unable to process configuration file"), and a library of another
release can crash: a module would then end without its JSON result. Here only the child ends, and the caller gets an
error that says how it ended.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import traceback
from collections.abc import Callable
from typing import IO, Any

from .errors import SlurmError

# What to do when libslurm cannot go on with its configuration, or finds none.
CONF_ADVICE = (
    "check this host's slurm.conf, which the option slurm_conf, the environment variable SLURM_CONF or Slurm's default "
    "(/etc/slurm/slurm.conf) names"
)


def isolated(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what C(work) returns, computed in a child process.

    :param work: returns a JSON value, or raises SlurmError.
    :raises SlurmError: what C(work) raised; where the child ended without an answer, its exit status and what libslurm
        printed.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            os.close(reading)
            _run_in_child(work, writing, stderr)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
        status = os.waitpid(child, 0)[1]
        stderr.seek(0)
        printed = stderr.read().decode("utf-8", "replace").strip()
    if status or not answer:
        raise SlurmError(_failure_message(status, printed), call="libslurm")
    kind, content = json.loads(answer)
    if kind == "error":
        raise SlurmError(**content)
    return dict(content)


def _run_in_child(work: Callable[[], dict[str, Any]], writing: int, stderr: IO[bytes]) -> None:
    """Write the answer of C(work) to the pipe and end this process, which is the child."""
    os.dup2(stderr.fileno(), 2)  # what libslurm prints
    status = 70
    try:
        try:
            answer = ["result", work()]
        except SlurmError as error:
            details = {"errno": error.errno, "name": error.name, "call": error.call, "details": error.details}
            answer = ["error", {"message": error.message, **details}]
        text = json.dumps(answer)  # before anything is sent: half an answer would hide the error
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            pipe.write(text)
        status = 0
    finally:
        if status:  # an error in this collection: its traceback goes into the message
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        os._exit(status)


def _failure_message(status: int, printed: str) -> str:
    code = os.waitstatus_to_exitcode(status)
    end = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    output = f"; its output: {printed[-2000:]}" if printed else ""
    message = f"the process that calls Slurm {end} before it returned a result{output}"
    return message + (f"; {CONF_ADVICE}" if "configuration" in printed else "")
