# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log: each decision is one line of JSON, whatever the text, and logging never stops the listener."""

from __future__ import annotations

import io
import json
import logging
from types import SimpleNamespace

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.telemetry import log

TEXTS = [
    "plain",
    "two\nlines",
    '{"decision": "stored"}\r\n{"decision": "stored"}',
    "\x1b[2J\x00\x07",
    "\u2028\u2029\x85\x0b\x0c\x1c",
    "\ud800 half a pair",
    "\U0001f600 ä",
    '"quoted" \\ back',
    "%s %d %(name)s {0} {name}",
    "",
    "x" * 100000,
]


@pytest.fixture
def lines(monkeypatch):
    """Replace standard error, and return a function that reads its lines."""
    before = (list(log.logger.handlers), log.logger.level, log.logger.propagate)
    written = io.StringIO()
    # pytest replaces sys.stderr between a fixture and its test.
    monkeypatch.setattr(log, "sys", SimpleNamespace(stderr=written))
    log.log_to_stderr()
    log.log_to_stderr()  # a second source in the same process

    def read():
        text = written.getvalue()
        assert text == "" or text.endswith("\n")
        assert text.isascii()
        return [json.loads(line) for line in text.split("\n")[:-1]]

    yield read
    log.logger.handlers, log.logger.level, log.logger.propagate = before


def test_a_decision(lines):
    log.log_decision("notification stored", id="u-1", nodes=3)
    log.log_decision("inbox unavailable", failing=True, error="disk full")
    first, second = lines()
    assert first.pop("time") > 1.7e9
    assert first == {
        "level": "info",
        "logger": "hpc.slurm.trigger_listener",
        "decision": "notification stored",
        "id": "u-1",
        "nodes": 3,
    }
    assert (second["level"], second["error"]) == ("error", "disk full")


@pytest.mark.parametrize("text", TEXTS)
def test_every_line_is_one_line_of_json(lines, text):
    log.log_decision("request refused", hostlist=text)
    log.logger.getChild("http").error("%s", text)
    assert [line.get("hostlist", line["decision"]) for line in lines()] == [text, text]


def test_values_that_are_not_json(lines):
    log.log_decision("odd", when={1, 2}, path=ValueError("x"), number=float("nan"), raw=b"\xff", nested={"a": [object]})
    (line,) = lines()
    assert line["path"] == "x" and line["raw"] == "b'\\xff'"


def test_a_failure_with_its_traceback(lines):
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.logger.getChild("http").exception("Error handling request")
    (line,) = lines()
    assert line["decision"] == "Error handling request"
    assert line["error"].startswith("Traceback") and "two\nlines" in line["error"]
    log.logger.error("no failure", exc_info=(None, None, None))
    assert "error" not in lines()[1]


class Full(io.StringIO):
    def write(self, _text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [Full(), None])
def test_a_log_that_cannot_be_written_stops_nothing(lines, monkeypatch, stream):
    monkeypatch.setattr(log.sys, "stderr", stream)
    log.log_decision("notification stored", id="u-1")


def test_a_log_that_is_closed(lines, monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(log.sys, "stderr", closed)
    log.log_decision("notification stored", id="u-1")


def test_a_decision_is_not_logged_twice(lines):
    assert not log.logger.propagate
    assert len([handler for handler in log.logger.handlers if type(handler).__name__ == "_JsonLines"]) == 1
    assert log.logger.level == logging.INFO
