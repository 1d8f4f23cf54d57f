# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log: every line is one line of JSON, whatever the text, and it never stops the listener."""

from __future__ import annotations

import io
import json
import logging
from types import SimpleNamespace

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener import log

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
    """Log to a standard error of its own, and return what is on it, line by line."""
    before = (list(log.logger.handlers), log.logger.level, log.logger.propagate)
    written = io.StringIO()
    # pytest puts its own into sys between a fixture and its test.
    monkeypatch.setattr(log, "sys", SimpleNamespace(stderr=written))
    log.to_stderr()
    log.to_stderr()  # a second source in the same process

    def read():
        text = written.getvalue()
        assert text == "" or text.endswith("\n")
        assert text.isascii()
        return [json.loads(line) for line in text.split("\n")[:-1]]

    yield read
    log.logger.handlers, log.logger.level, log.logger.propagate = before


def test_a_decision(lines):
    log.decided("stored", id="u-1", nodes=3)
    log.decided("not stored", failing=True, error="disk full")
    first, second = lines()
    assert first.pop("time") > 1.7e9
    assert first == {
        "level": "info",
        "logger": "hpc.slurm.trigger_listener",
        "decision": "stored",
        "id": "u-1",
        "nodes": 3,
    }
    assert (second["level"], second["error"]) == ("error", "disk full")


@pytest.mark.parametrize("text", TEXTS)
def test_every_line_is_one_line_of_json(lines, text):
    log.decided("refused", hostlist=text)
    log.logger.getChild("http").error("%s", text)
    assert [line.get("hostlist", line["decision"]) for line in lines()] == [text, text]


def test_what_is_no_json(lines):
    log.decided("odd", when={1, 2}, path=ValueError("x"), number=float("nan"), raw=b"\xff", nested={"a": [object]})
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


class Gone(io.StringIO):
    def write(self, _text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("gone", [Gone(), None])
def test_a_log_that_takes_nothing_stops_nothing(lines, monkeypatch, gone):
    monkeypatch.setattr(log.sys, "stderr", gone)
    log.decided("stored", id="u-1")


def test_a_log_that_is_closed(lines, monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(log.sys, "stderr", closed)
    log.decided("stored", id="u-1")


def test_it_is_not_logged_twice(lines):
    assert not log.logger.propagate
    assert len([handler for handler in log.logger.handlers if type(handler).__name__ == "_Lines"]) == 1
    assert log.logger.level == logging.INFO
