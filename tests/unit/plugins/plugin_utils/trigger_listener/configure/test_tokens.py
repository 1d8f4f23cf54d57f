# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tokens: which are accepted, and how the token file is reloaded."""

from __future__ import annotations

import base64
import logging
import os

import pytest

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.tokens import Tokens
from ansible_collections.hpc.slurm.tests.unit.listener import TOKEN

OLD, NEW = "the-old-token-0123456789", "the-new-token-0123456789"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "token"


def write(file, *lines):
    """Write a file as deployment does: a new one, moved to its place."""
    partial = file.with_name("partial")
    partial.write_bytes(b"".join(line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines))
    partial.replace(file)


def accepted(tokens, *candidates):
    return [token for token in candidates if tokens.accept(f"Bearer {token}".encode(), "POST")]


def basic(user, password):
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}".encode(),
        f"bearer {TOKEN}".encode(),
        f"BEARER {TOKEN}".encode(),
        basic("", TOKEN),
        basic("anybody", TOKEN),
        basic("ä", TOKEN),
        basic("a", TOKEN).replace(b"Basic", b"bAsIc"),
    ],
)
def test_accepted_headers(header):
    assert Tokens(TOKEN).accept(header, "GET")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_basic_is_for_reading_only(method):
    """A browser also sends a saved password with a form of another site."""
    assert Tokens(TOKEN).accept(basic("anybody", TOKEN), method) == (method in ("GET", "HEAD"))
    assert Tokens(TOKEN).accept(f"Bearer {TOKEN}".encode(), method)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b" ",
        b"Bearer",
        b"Bearer ",
        b"Bearer wrong",
        TOKEN.encode(),
        f" {TOKEN}".encode(),
        f"Bearer  {TOKEN}".encode(),
        f"Bearer {TOKEN} ".encode(),
        f"Bearer {TOKEN}x".encode(),
        f"Bearer {TOKEN[:-1]}".encode(),
        f"Bearer {TOKEN.upper()}".encode(),
        f"Bearer\t{TOKEN}".encode(),
        f"Token {TOKEN}".encode(),
        f"Bearer, Basic {TOKEN}".encode(),
        f"Basic {TOKEN}".encode(),
        b"Bearer \xff\xe4" + TOKEN.encode(),
        b"Bearer \x00",
        b"Basic",
        b"Basic \xff\xff",
        b"Basic ====",
        b"Basic " + base64.b64encode(TOKEN.encode()),  # no user
        basic(TOKEN, ""),
        basic("a", f"x:{TOKEN}"),
        basic("a", f"{TOKEN}\n"),
        b"Bearer " + base64.b64encode(f"a:{TOKEN}".encode()),
    ],
)
def test_refused_headers(header):
    assert not Tokens(TOKEN).accept(header, "GET")


def test_without_tokens_nothing_is_accepted():
    tokens = Tokens()
    assert not tokens
    for header in (b"", b"Bearer ", b"Basic ", basic("a", "")):
        assert not tokens.accept(header, "GET")


def test_a_file_of_several(file):
    write(file, "# the token of the controllers", "", f"  {NEW} ", OLD, "# and no more")
    tokens = Tokens(file=file)
    assert tokens
    assert accepted(tokens, NEW, OLD, TOKEN, "# and no more") == [NEW, OLD]


@pytest.mark.parametrize("ends", ["\n", "\r\n", ""])
def test_line_ends(file, ends):
    file.write_bytes(f"{OLD}{ends}".encode())
    assert accepted(Tokens(file=file), OLD) == [OLD]


def test_rotation(file, caplog):
    caplog.set_level(logging.INFO)
    write(file, OLD)
    tokens = Tokens(file=file)
    assert accepted(tokens, OLD, NEW) == [OLD]
    write(file, NEW, OLD)
    assert accepted(tokens, OLD, NEW) == [OLD, NEW]
    write(file, NEW)
    assert accepted(tokens, OLD, NEW) == [NEW]
    assert [record.facts for record in caplog.records] == [{"count": 2}, {"count": 1}]
    assert OLD not in caplog.text and NEW not in caplog.text


def test_a_file_that_is_written_in_place(file):
    file.write_text(OLD)
    tokens = Tokens(file=file)
    file.write_text(NEW)
    os.utime(file, ns=(1, 1))
    assert accepted(tokens, OLD, NEW) == [NEW]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no token"),
        (b"# none\n\n", "holds no token"),
        (b"short\n", "each line must hold 16 to 512 printable ASCII characters"),
        (b"x" * 513, "16 to 512"),
        (f"{NEW}\nshort\n".encode(), "16 to 512"),
        (b"with a blank in the middle\n", "without blanks"),
        (b'with-a-"-in-the-middle\n', "double quotes"),
        ("ä".encode() * 20, "ASCII"),
        (b"\xff" * 20, "cannot be read"),
        (b"\x00" * 20, "printable"),
        (None, "cannot be read"),
    ],
)
def test_an_invalid_file(file, content, message, caplog):
    """At the start it is refused; later the old tokens stay until it is valid again."""
    write(file, OLD)
    tokens = Tokens(file=file)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        Tokens(file=file)
    assert f"token_file {file}" in str(caught.value)
    assert accepted(tokens, OLD, NEW) == accepted(tokens, OLD, NEW) == [OLD]
    (record,) = caplog.records  # once, not at every request
    assert (record.getMessage(), record.levelname) == ("tokens not reloaded", "ERROR")
    assert record.facts["error"] == str(caught.value)
    assert NEW not in str(record.facts)
    write(file, NEW)
    assert accepted(tokens, OLD, NEW) == [NEW]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "short",
        "x" * 513,
        "a blank in the token",
        "ä" * 20,
        "tab\tin-the-token-here",
        'a"quote-in-the-token',
        "a-backslash\\in-the-token",
    ],
)
def test_an_invalid_token(token):
    words = "16 to 512 printable ASCII characters without blanks, double quotes and backslashes"
    with pytest.raises(ValueError, match=f"^token must hold {words}$"):
        Tokens(token)


def test_all_other_printable_characters_are_valid():
    token = "".join(character for character in map(chr, range(0x21, 0x7F)) if character not in '"\\')
    assert accepted(Tokens(token), token) == [token]
