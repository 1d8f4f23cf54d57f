# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments: which values are accepted, and the messages for others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.settings import Settings

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        ({}, "host", "127.0.0.1"),
        ({}, "port", 32000),
        ({}, "url", "http://127.0.0.1:32000"),
        ({}, "id", None),
        ({}, "permanent", True),
        ({}, "sync_interval", 300),
        ({}, "max_body", 1048576),
        ({}, "granularity", "batch"),
        ({}, "feedback", False),
        ({"port": "4000"}, "url", "http://127.0.0.1:4000"),
        ({"max_body": " 2048 "}, "max_body", 2048),
        ({"host": "::1"}, "url", "http://[::1]:32000"),
        ({"host": "localhost"}, "host", "localhost"),
        ({"host": "127.8.0.1"}, "host", "127.8.0.1"),
        ({"host": "0.0.0.0", "token": TOKEN, "url": "https://ctl:1/x//"}, "url", "https://ctl:1/x"),
        ({"id": "abcd-EF_1-and-more"}, "id", "abcd-EF_1-and-more"),
        ({"id": None}, "id", None),
        ({"permanent": False}, "permanent", False),
        ({"permanent": "false"}, "permanent", False),
        ({"permanent": "True"}, "permanent", True),
        ({"sync_interval": 0}, "sync_interval", 0),
        ({"sync_interval": "60"}, "sync_interval", 60),
        ({"cluster": " lab "}, "cluster", "lab"),
        ({"state_dir": "/s"}, "state_dir", Path("/s")),
        ({"granularity": "node"}, "granularity", "node"),
        ({"feedback": True}, "feedback", True),
        ({"url": None}, "url", "http://127.0.0.1:32000"),
    ],
)
def test_accepted(args, name, value):
    assert getattr(Settings.from_args(args), name) == value


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"prot": 1}, ["unknown argument prot", "port"]),
        ({"host": ""}, ["host must be", "non-empty"]),
        ({"host": 5}, ["host must be", "5"]),
        ({"host": "10.0.0.1"}, ["host 10.0.0.1", "token or token_file"]),
        ({"host": "ctl"}, ["host ctl", "token or token_file"]),
        ({"host": "::"}, ["host ::", "token or token_file"]),
        ({"host": "0.0.0.0", "token": TOKEN}, ["host 0.0.0.0", "give url"]),
        ({"host": "::", "token": TOKEN}, ["host ::", "give url"]),
        ({"port": 65536}, ["port", "0 to 65535", "65536"]),
        ({"port": -1}, ["port", "-1"]),
        ({"port": "http"}, ["port", "'http'"]),
        ({"port": True}, ["port", "True"]),
        ({"port": 1.5}, ["port", "1.5"]),
        ({"port": None}, ["port", "None"]),
        ({"max_body": 1023}, ["max_body", "1024"]),
        ({"url": "ctl:32000"}, ["url must start with http", "'ctl:32000'"]),
        ({"url": "http://a b"}, ["url", "no blanks"]),
        ({"url": "http:///"}, ["url must start"]),
        ({"id": "short"}, ["id must be 16 to 64", "'short'"]),
        ({"id": "x" * 65}, ["id must be 16 to 64"]),
        ({"id": "with/a/slash/in/it"}, ["id must be"]),
        ({"id": "\u00e4" * 20}, ["id must be"]),
        ({"permanent": "maybe"}, ["permanent must be true or false", "'maybe'"]),
        ({"permanent": 1}, ["permanent must be true or false"]),
        ({"sync_interval": -1}, ["sync_interval", "0 to 86400"]),
        ({"sync_interval": 86401}, ["sync_interval", "0 to 86400"]),
        ({"cluster": 7}, ["cluster must be a non-empty string"]),
        ({"state_dir": "here"}, ["state_dir must be an absolute path", "'here'"]),
        ({"state_dir": "~no-such-user-here/x"}, ["state_dir ~no-such-user-here/x cannot be used"]),
        ({"token": "short"}, ["token must hold 16 to 512"]),
        ({"token": "ä" * 20}, ["token must hold", "ASCII"]),
        ({"token": "a blank in a token"}, ["token must hold", "blanks"]),
        ({"token": TOKEN, "token_file": "/t"}, ["token and token_file exclude each other", "leave token out"]),
        ({"token_file": "/no/such/file"}, ["token_file /no/such/file cannot be read", "No such file"]),
        ({"token_file": "~no-such-user-here/x"}, ["token_file ~no-such-user-here/x cannot be read"]),
        ({"granularity": "job"}, ["granularity must be one of batch, node", "'job'"]),
        ({"feedback": "yes"}, ["feedback must be true or false", "'yes'"]),
    ],
)
def test_refused(args, words):
    with pytest.raises(ValueError) as caught:
        Settings.from_args(args)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"short\n", "16 to 512"),
        (b"", "holds no token"),
        (b"x" * 513, "16 to 512"),
        ("ä".encode() * 20, "ASCII"),
        (b"\xff" * 20, "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_an_invalid_token_file(tmp_path, content, word):
    file = tmp_path / "token"
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(ValueError, match=word) as caught:
        Settings.from_args({"token_file": str(file)})
    assert f"token_file {file}" in str(caught.value)


@pytest.mark.parametrize("name", ["token", "token_file"])
def test_tokens(tmp_path, name):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = Settings.from_args({name: TOKEN if name == "token" else str(tmp_path / "token")})
    assert settings.tokens.accept(f"Bearer {TOKEN}".encode(), "POST")
    assert not settings.tokens.accept(b"Bearer another", "POST")
    assert not Settings.from_args({}).tokens


def test_the_token_is_not_shown():
    assert TOKEN not in repr(Settings.from_args({"token": TOKEN}))
    with pytest.raises(ValueError) as caught:
        Settings.from_args({"token": 1234567890123456})
    assert "123456" not in str(caught.value)


def test_the_state_directory_follows_the_environment(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert Settings.from_args({}).state_dir == Path("/var/state/hpc-slurm/trigger_listener")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/eda")
    assert Settings.from_args({}).state_dir == Path("/home/eda/.local/state/hpc-slurm/trigger_listener")
