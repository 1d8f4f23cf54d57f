# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log: one line of JSON a decision, on standard error."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import traceback
from typing import Any

logger = logging.getLogger("hpc.slurm.trigger_listener")


def decided(decision: str, failing: bool = False, **facts: Any) -> None:
    """Log a decision.

    :param failing: whether somebody should look at it.
    :param facts: what it is about; C(id) is the uuid of the notification, C(event) of the event.
    """
    logger.log(logging.ERROR if failing else logging.INFO, decision, extra={"facts": facts})


def to_stderr() -> None:
    """Write the log as lines of JSON, whatever ansible-rulebook makes of its own log."""
    if not any(isinstance(handler, _Lines) for handler in logger.handlers):
        logger.addHandler(_Lines())
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _Lines(logging.Handler):
    """Writes records as JSON, in which text from outside cannot look like another line."""

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
        # A log on a full disk, or that nobody reads any more, must not end what it is about.
        with contextlib.suppress(OSError, ValueError):
            print(json.dumps(line, default=str), file=sys.stderr, flush=True)
