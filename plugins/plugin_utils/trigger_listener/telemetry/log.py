# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log: one line of JSON for each decision, on standard error."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import traceback
from typing import Any

logger = logging.getLogger("hpc.slurm.trigger_listener")
_encode = json.JSONEncoder(default=str).encode


def log_decision(decision: str, failing: bool = False, **facts: Any) -> None:
    """Log a decision.

    :param decision: a phrase that log readers can match, such as C(notification stored).
    :param failing: whether an administrator must act; the line then has the level error.
    :param facts: more keys of the line; C(id) is the uuid of an entry, C(event) the uuid of an event.
    """
    level = logging.ERROR if failing else logging.INFO
    if logger.isEnabledFor(level):
        # Not by logger.log(), which searches for the line of code; no line of the log has it.
        logger.handle(logger.makeRecord(logger.name, level, "", 0, decision, (), None, extra={"facts": facts}))


def log_to_stderr() -> None:
    """Write the log as lines of JSON, whatever the format of ansible-rulebook's own log."""
    if not any(isinstance(handler, _JsonLines) for handler in logger.handlers):
        logger.addHandler(_JsonLines())
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _JsonLines(logging.Handler):
    """Writes records as JSON, so that text from outside cannot look like another line."""

    def emit(self, record: logging.LogRecord) -> None:
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "decision": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = "".join(traceback.format_exception(record.exc_info[1]))
        # A full disk or a closed log must not stop the listener.
        with contextlib.suppress(OSError, ValueError):
            print(_encode(line), file=sys.stderr, flush=True)
