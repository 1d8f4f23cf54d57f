# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status page's files and headers; what it shows is seen in a browser, in tests/eda."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.show.page import (
    ADDRESSES,
    challenge,
    create_page,
)

APP = Flask(__name__)
APP.register_blueprint(create_page())
FILES = {address: APP.test_client().get(address) for address in ADDRESSES}
TEXTS = {address: file.text for address, file in FILES.items()}


def test_each_address_answers_with_what_it_should_be():
    types = {address: file.headers["Content-Type"].partition(";")[0] for address, file in FILES.items()}
    assert types == {"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript"}
    assert TEXTS["/"].startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("address", FILES)
def test_nothing_is_allowed_that_is_not_needed(address):
    headers = FILES[address].headers
    policy = dict(part.partition(" ")[::2] for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"] and "*" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_names_its_own_files_only_and_relatively():
    """So that it works behind a proxy that puts it elsewhere, and on a machine without the Internet."""
    assert set(re.findall(r'(?:src|href)="([^"#]*)"', TEXTS["/"])) == {"page.css", "page.js", "data:,"}
    assert 'new URL("status", location.href)' in TEXTS["/page.js"]
    for text in TEXTS.values():
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", text))
        assert addresses <= {"https://www.gnu.org/licenses/gpl-3.0.txt", "http://www.w3.org/2000/svg"}


def test_nothing_is_inline_and_no_markup_is_made_of_strings():
    assert not re.search(r"<style|\bstyle=|\son\w+=|<script(?! src=)|javascript:", TEXTS["/"])
    dangerous = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b"
    assert not re.search(dangerous, TEXTS["/page.js"])


def test_only_the_page_asks_a_person_for_the_token():
    assert challenge("/").startswith("Basic ") and challenge("/page.js").startswith("Basic ")
    assert challenge("/status").startswith("Bearer ") and challenge("/x/node/down").startswith("Bearer ")
