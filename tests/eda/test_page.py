# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status page, as a person sees it: in a headless Chromium. Runs inside the lab."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import status_page
from flask import Response, jsonify
from selenium.common.exceptions import JavascriptException
from selenium.webdriver.common.keys import Keys
from status_page import DESKTOP, PHONE, Browser, Listener, Source, chromium

SIZES = {"phone": PHONE, "desktop": DESKTOP}
REFUSED_CONNECTION = "ERR_CONNECTION_REFUSED"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def listener(tmp_path: Path, chrome: Browser) -> Iterator[Listener]:
    serving = Listener(tmp_path, status_page.healthy())
    serving.change_token("secret-of-the-page-s-test")
    serving.start()
    yield serving
    chrome.leave()
    serving.stop()


@pytest.fixture
def source(tmp_path: Path, chrome: Browser) -> Iterator[Source]:
    running = Source(tmp_path)
    yield running
    chrome.leave()
    running.stop()


@pytest.fixture
def browser(chrome: Browser, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """The browser. Its console must be empty, except for what the mark "complains" allows."""
    chrome.look(*DESKTOP)
    yield chrome
    mark = request.node.get_closest_marker("complains")
    allowed = mark.args if mark else ()
    assert not [line for line in chrome.complaints() if not any(word in line for word in allowed)]


@pytest.fixture
def page(browser: Browser, listener: Listener) -> Browser:
    """The open page, without problems. Its timers are faster, to make the tests fast."""
    browser.open(listener.url, hurry=5)
    browser.wait_for_level("good")
    return browser


def hang() -> Response:
    """Never answer."""
    status_page.load("receive.wsgi").wait_for(asyncio.sleep(3600))
    raise AssertionError


def test_the_status_is_shown(page: Browser, listener: Listener) -> None:
    listener.status = status_page.impaired()
    page.wait_for_level("warn")
    assert page.text("#cluster") == "aurora"
    assert page.text("#headline") == "12 nodes are out of service"
    assert page.text("#nodes-value") == "12" and page.text("#nodes-note") == "of 10,008"
    assert page.text("#inbox-value") == "2" and page.text("#inbox-note").startswith("the oldest for ")
    assert page.text("#sync-value") == "1 min ago" and page.text("#sync-note").endswith(", every 5 min")
    assert page.text("#triggers-value") == "6"
    assert page.rows("triggers")[:2] == [["17", "down", "stays set"], ["18", "drained", "stays set"]]
    assert page.rows("settings")[1:] == [
        ["check tasks", "not set"],
        ["nodes without a host in the inventory", "gpu[01-08]"],
    ]
    name, states, since, why, flaps = next(row for row in page.rows("nodes") if row[0] == "gpu07")
    assert (name, states, flaps) == ("gpu07", "down drained", "4")
    assert why == "NHC: check_nv_healthmon: GPU 3 fell off the bus by root"
    assert since.startswith("21 min ago ") and len(since.split()[-1]) == len("03:12:07")
    received, summary, nodes, outcome = page.rows("entries")[0]
    assert (received.split()[:3], nodes) == (["1", "min", "ago"], "node[0212-0213] 2 nodes")
    assert summary == "node down " + listener.status["entries"][0]["id"][:8]
    assert outcome == "pending 1 of 2 events delivered"
    assert [row[3].split()[0] for row in page.rows("entries")].count("unchanged") == 2
    assert "(4 d 2 h)" in page.text("#up") and "Europe/Berlin (UTC+01:00)" in page.text("#zone")


def test_failed_checks_come_first_with_their_reasons(page: Browser, listener: Listener) -> None:
    listener.status = status_page.failing()
    page.wait_for_level("bad")
    assert page.text("#headline") == "The listener is failing"
    assert page.text("#reasons").startswith("no sync has succeeded for 1860 s: find out why")
    assert "12 nodes are out of service" in page.text("#explanation")
    assert page.text("#inbox-note") == "the oldest for 10 min; 2 events undeliverable, see the log"
    assert page.text("#sync-value") == "31 min ago"
    assert page.text("#triggers-empty").startswith("None: Slurm sends no notifications")
    levels = page.js("return [...document.querySelectorAll('.tile')].map(tile => tile.dataset.level)")
    assert levels == ["warn", "warn", "bad", "warn"]
    assert page.js("return document.title") == "\u2715 aurora: The listener is failing"
    top = page.js("return document.getElementById('headline').getBoundingClientRect().top")
    assert top < 200


def test_a_listener_before_the_first_sync(page: Browser, listener: Listener) -> None:
    listener.status = {
        **status_page.healthy(),
        "cluster": None,
        "sync": {"last": None, "interval": 300, "nodes": None},
        "triggers": [],
        "settings": [],
        "entries": [],
    }
    page.wait_for_text("#sync-value", "not yet")
    assert page.text("#headline") == "The listener works"
    assert "no sync yet" in page.text("#explanation")
    assert page.text("#cluster") == "Slurm" and page.text("#entries-empty") == "No entries yet."
    assert page.text("#settings-empty") == "Not known before the first sync."
    assert page.js("return [...document.querySelectorAll('table')].every(table => table.hidden)")


def test_hostile_texts_stay_texts(page: Browser, listener: Listener) -> None:
    elements = "return document.querySelectorAll('script, img, b, iframe, a[href^=javascript]').length"
    before = page.js(elements)
    listener.status = status_page.hostile()
    page.wait_for_level("bad")
    rows = page.rows("nodes")
    assert rows[0][0] == status_page.IMAGE and status_page.SCRIPT in rows[0][3] and status_page.SCRIPT in rows[0][1]
    assert page.text("#reasons").startswith(status_page.IMAGE)
    assert page.rows("entries")[0][2] == status_page.IMAGE
    # Characters that reverse text are shown as replacement characters.
    assert '\ufffderongi <b>bold</b> &amp; "quoted"' in rows[-2][3]
    # Two nodes of the same name, one of them without values.
    assert [row[0] for row in rows].count("__proto__") == 2 and [
        "__proto__",
        "",
        "unknown",
        "no reason",
        "0",
    ] in rows
    assert max(len(cell) for row in rows for cell in row) < 1000
    assert page.js(elements) == before
    assert page.js("return window.pwned") is None and "pwned" not in page.js("return Object.keys(window).join()")
    # The next status is shown as usual.
    listener.status = status_page.impaired()
    page.wait_for_level("warn")
    assert len(page.rows("nodes")) == 10


@pytest.mark.complains("Trusted", "Content Security Policy")
def test_the_browser_itself_would_refuse_markup_and_scripts(page: Browser) -> None:
    for script in (
        "document.getElementById('headline').innerHTML = '<b>bold</b>'",
        "document.getElementById('headline').setAttribute('onclick', 'window.pwned = true')",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.pwned = true'}))",
        "setTimeout('window.pwned = true')",
    ):
        with pytest.raises(JavascriptException, match="Trusted"):
            page.js(script)
    page.js(
        "document.head.append(Object.assign(document.createElement('style'), {textContent: 'body {display: none}'}));"
        "document.body.append(Object.assign(new Image(), {src: 'status?leak'}))"
    )
    assert page.js("return [getComputedStyle(document.body).display, window.pwned]") == ["block", None]


def test_it_asks_every_two_seconds(browser: Browser, listener: Listener) -> None:
    browser.open(listener.url)
    browser.wait_for_level("good")
    polls = listener.polls
    browser.js(
        "const original = setTimeout; window.delays = [];"
        "window.setTimeout = (call, delay) => { delays.push(delay); return original(call, delay); };"
    )
    browser.wait("three polls", lambda: listener.polls >= polls + 3)
    assert browser.js("return delays.filter(delay => delay === 2000).length") >= 2


def test_a_new_status_changes_only_what_differs(page: Browser, listener: Listener) -> None:
    """A mark that the test sets in the document stays where nothing has changed."""
    listener.status = status_page.impaired()
    page.wait_for_level("warn")
    page.js("[...document.querySelectorAll('#nodes tbody tr, #entries tbody tr')].forEach(row => row.mine = true)")
    later = status_page.impaired()
    later["nodes"][1:2] = []
    later["nodes"].insert(0, status_page.node("node7777", later["now"], "down", reason="Kill task failed"))
    later["entries"][0].update(outcome="delivered", detail="2 of 2 events delivered")
    later["entries"].insert(0, status_page.entry(99, later["now"], "node down", "node7777", 1, "pending"))
    listener.status = later
    page.wait("the new node", lambda: page.rows("nodes")[0][0] == "node7777")
    assert [row[0] for row in page.rows("nodes")][:3] == ["node7777", "node0212", "gpu07"]
    assert [row[3] for row in page.rows("entries")][:2] == ["pending", "delivered 2 of 2 events delivered"]
    mine = "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map(row => row.mine === true)"
    assert page.js(mine, "#nodes") == [False] + [True] * 9
    assert page.js(mine, "#entries") == [False] + [True] * 9
    listener.status = status_page.healthy()
    page.wait_for_level("good")
    assert page.text("#headline") == "No problems" and page.rows("nodes") == []


def test_ages_grow_between_two_answers(browser: Browser, listener: Listener) -> None:
    """By the listener's clock, which is a day ahead of the browser's here."""
    ahead = status_page.impaired()
    ahead["now"] += 86400
    for node in ahead["nodes"]:
        node["since"] += 86400
    ahead["nodes"][0]["since"] = ahead["now"] - 10
    listener.status = ahead
    browser.open(listener.url)
    browser.wait_for_level("warn")
    listener.answer = hang
    seen = [browser.rows("nodes")[0][2]]
    browser.wait("a second to pass", lambda: browser.rows("nodes")[0][2] != seen[0])
    later = browser.rows("nodes")[0][2]
    assert 10 <= int(seen[0].split()[0]) < int(later.split()[0]) and later.split()[1:3] == ["s", "ago"]
    assert listener.status["nodes"][0]["since"] > time.time()


@pytest.mark.complains(REFUSED_CONNECTION)
def test_a_lost_listener_is_shown_until_it_is_back(page: Browser, listener: Listener) -> None:
    listener.status = status_page.impaired()
    page.wait_for_level("warn")
    listener.stop()
    page.wait_for_level("lost", limit=10)
    assert page.text("#headline") == "The listener does not answer"
    assert "The data below is from " in page.text("#explanation")
    assert page.text("#reasons") == "Last request: no connection"
    assert page.text("#link").startswith("No answer for ")
    assert page.js("return document.title").startswith("? aurora: ")
    # The old data is still shown.
    assert page.rows("nodes")[0][0] == "node0212"
    page.wait("the time without an answer to grow", lambda: "No answer for 4 s" in page.text("#link"))
    listener.status = status_page.healthy()
    listener.start()
    page.wait_for_level("good", limit=10)
    assert page.text("#link").startswith("Live, ") and page.text("#headline") == "No problems"


@pytest.mark.complains("503", "Failed to load")
def test_answers_that_are_not_a_status(page: Browser, listener: Listener) -> None:
    """As from another program on the listener's port, or from a failing listener."""

    def unavailable() -> Response:
        return Response("Service Unavailable", 503)

    def page_of_a_proxy() -> Response:
        return Response("<html>Sign in</html>", content_type="text/html")

    def another_json() -> Response:
        return jsonify([None, {"health": 3}])

    cases = (
        (unavailable, "HTTP status 503"),
        (page_of_a_proxy, "the answer is not a status"),
        (another_json, "the answer is not a status"),
    )
    for answer, problem in cases:
        listener.answer = answer
        page.wait_for_text("#reasons", f"Last request: {problem}")
        assert page.js("return document.body.dataset.level") == "lost"
        listener.answer = None
        page.wait_for_level("good")


def test_a_listener_that_hangs(page: Browser, listener: Listener) -> None:
    listener.answer = hang
    page.wait_for_level("lost", limit=20)
    assert page.text("#reasons") == "Last request: no answer within 5 s"
    listener.answer = None
    page.wait_for_level("good")


def test_a_single_failed_request_is_not_a_failure(page: Browser, listener: Listener) -> None:
    levels = (
        "window.levels = []; new MutationObserver(() => window.levels.push(document.body.dataset.level))"
        ".observe(document.body, {attributes: true, attributeFilter: ['data-level']})"
    )
    page.js(levels)
    answers = iter([True])

    def once() -> Response:
        # The first answer is not a status, all others are.
        return jsonify("no" if next(answers, False) else listener.status)

    listener.answer = once
    page.wait("the failed request to be shown", lambda: page.text("#link").startswith("One request failed"))
    page.wait("the next answer", lambda: page.text("#link").startswith("Live"))
    assert page.js("return window.levels") == []


@pytest.mark.complains("401")
def test_another_token(page: Browser, listener: Listener) -> None:
    """The page polls with the token with which it was opened, until it is refused."""
    listener.change_token("another-one-of-the-page-s-test")
    page.wait_for_level("lost")
    assert page.text("#headline") == "The listener refuses this browser"
    assert "reload the page" in page.text("#explanation")
    page.open(listener.url)
    page.wait_for_level("good")


@pytest.mark.complains("401")
def test_without_the_token_nothing_is_shown(browser: Browser, listener: Listener) -> None:
    browser.open(f"http://127.0.0.1:{listener.port}/")
    assert browser.text("#headline") == "" and "Slurm" not in browser.text("body")


SNAPSHOT: dict[str, Any] = {
    "age": 0.5,
    "slurm_user": "slurm",
    "count": 10008,
    "nodes": [
        {"nodes": "node[1-3]", "state": ["DOWN", "NOT_RESPONDING"], "reason": "Not responding", "reason_user": "slurm"},
        {"nodes": "node9", "state": ["IDLE", "DRAIN"], "reason": status_page.SCRIPT, "reason_user": "root"},
    ],
    "triggers": [{"id": 17, "event": "down", "permanent": True}, {"id": 18, "event": "drained", "permanent": False}],
}


def test_the_real_listener(browser: Browser, source: Source) -> None:
    """With real requests: entries are on the page and in the metrics. Only Slurm and the engine are simulated."""
    browser.wait("the listener to answer", lambda: answers(source))
    browser.open(source.url)
    browser.wait_for_level("bad")
    assert browser.text("#headline") == "The listener is failing" and browser.text("#cluster") == "lab"
    assert browser.text("#reasons").startswith("no sync has succeeded yet")
    now = time.time()
    source.request("/ID/node/down", "node[1-2]")
    browser.wait_for_text("#nodes-value", "2")
    nodes = [{**group, "reason_time": int(now) - 90} for group in SNAPSHOT["nodes"]]
    source.request("/ID/snapshot", json.dumps({**SNAPSHOT, "time": now, "nodes": nodes}))
    browser.wait_for_text("#headline", "4 nodes are out of service")
    assert browser.text("#nodes-note") == "of 10,008"
    rows = {row[0]: row for row in browser.rows("nodes")}
    assert rows["node9"][1] == "drained" and rows["node9"][3] == f"{status_page.SCRIPT} by root"
    assert rows["node1"][1] == "down" and rows["node1"][3] == "Not responding by slurm"
    assert rows["node3"][2].startswith("1 min ago ")
    assert browser.rows("triggers") == [["17", "down", "stays set"], ["18", "drained", "is removed"]]
    browser.wait("everything to be delivered", lambda: browser.text("#inbox-value") == "0")
    entries = [(row[1].rpartition(" ")[0], row[3].split(" ")[0]) for row in browser.rows("entries")]
    assert entries == [(summary, "delivered") for summary in ("snapshot", "node down", "sync_due", "listener_up")]
    source.request("/ID/node/up", "node[1-3]")
    browser.wait_for_text("#headline", "1 node is out of service")
    source.request("/ID/sync_failure", "ctl1: sudo: a password is required")
    browser.wait_for_text("#headline", "The last sync failed")
    assert browser.text("#reasons") == "ctl1: sudo: a password is required"
    exposed = source.request("/metrics")
    assert 'hpc_slurm_nodes_out_of_service{state="drained"} 1.0' in exposed
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=exposed, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def answers(source: Source) -> bool:
    try:
        return bool(source.request("/status"))
    except OSError:
        return False


def test_a_node_among_hundreds(page: Browser, listener: Listener) -> None:
    """Many nodes with the same problem are folded, so that others are visible; the keyboard can unfold them."""
    listener.status = status_page.crowd(812)
    page.wait_for_text("#nodes-value", "812")
    names = [row[0] for row in page.rows("nodes")]
    assert names[:3] == ["node1001", "node1002", "node1003"] and "gpu07" in names and len(names) == 12
    assert names[3] == "Show 487 more like node1001 (down: Not responding)"
    assert page.text("#nodes-states").startswith("492 down")
    assert page.text("#nodes-cut") == "The listener lists 500 of 812."
    assert len(page.rows("entries")) == 20
    fold, every = ".fold button", "#nodes-more"
    page.press_on(fold, Keys.ENTER)
    page.wait("the folded nodes", lambda: len(page.rows("nodes")) == 12 + 487)
    polls = listener.polls
    page.wait("two polls", lambda: listener.polls >= polls + 2)
    assert page.js("return document.activeElement === document.querySelector(arguments[0])", fold)
    page.press_on(fold, Keys.SPACE)
    page.wait("them to be folded", lambda: len(page.rows("nodes")) == 12)
    page.press_on(every, Keys.ENTER)
    page.wait("all", lambda: len(page.rows("nodes")) == 500)
    assert page.text(every) == "Show fewer"
    page.press_on("#entries-more", Keys.ENTER)
    page.wait("all entries", lambda: len(page.rows("entries")) == 50)


def test_a_screen_reader_announces_changes_only(page: Browser, listener: Listener) -> None:
    observe = (
        "const announcer = document.getElementById('announcer'); window.said = [];"
        "new MutationObserver(() => window.said.push(announcer.textContent))"
        ".observe(announcer, {childList: true, characterData: true, subtree: true})"
    )
    page.js(observe)
    polls = listener.polls
    page.wait("three polls", lambda: listener.polls >= polls + 3)
    assert page.js("return window.said") == []
    for nodes in (12, 13, 14):
        listener.status = {**status_page.impaired(), "nodes_out_of_service": nodes}
        page.wait_for_text("#nodes-value", str(nodes))
    # The change from good is announced at once, the two after it only after ten seconds.
    assert page.js("return window.said") == ["12 nodes are out of service"]
    page.wait("the last number to be announced", lambda: page.js("return window.said.length") == 2)
    assert page.js("return window.said") == ["12 nodes are out of service", "14 nodes are out of service"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["healthy", "impaired", "failing", "crowd", "hostile"])
def test_it_fits_and_is_accessible(browser: Browser, listener: Listener, kind: str, size: str, dark: bool) -> None:
    """No horizontal scrolling, no violations by axe-core (contrast, names, roles, tables); takes a picture."""
    listener.status = status_page.crowd(812) if kind == "crowd" else getattr(status_page, kind)()
    browser.look(*SIZES[size], dark=dark)
    browser.open(listener.url)
    browser.wait("the figures", lambda: browser.text("#nodes-value"))
    assert browser.js("return matchMedia('(prefers-color-scheme: dark)').matches") is dark
    assert browser.overflow() == 0
    assert browser.violations() == []
    assert browser.picture(f"{kind}-{size}-{'dark' if dark else 'light'}").stat().st_size > 10000


@pytest.mark.complains(REFUSED_CONNECTION)
def test_a_lost_listener_fits_and_is_accessible(page: Browser, listener: Listener) -> None:
    listener.status = status_page.impaired()
    page.wait_for_level("warn")
    listener.stop()
    page.wait_for_level("lost")
    for size, dark in itertools.product(SIZES, (False, True)):
        page.look(*SIZES[size], dark=dark)
        assert page.overflow() == 0
        assert page.violations() == []
        page.picture(f"lost-{size}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("width", [320, 360, 414, 704, 705, 768, 960, 1024, 1920])
def test_no_width_scrolls_horizontally(browser: Browser, listener: Listener, width: int) -> None:
    listener.status = status_page.hostile()
    browser.look(width, 800)
    browser.open(listener.url)
    browser.wait_for_level("bad")
    assert browser.overflow() == 0


def test_headings_and_tables_have_their_names(page: Browser, listener: Listener) -> None:
    listener.status = status_page.impaired()
    page.wait_for_level("warn")
    headings = page.js("return [...document.querySelectorAll('h1, h2')].map(h => h.tagName + ' ' + h.textContent)")
    assert headings == [
        "H1 Status of Slurm node events",
        "H2 12 nodes are out of service",
        "H2 Figures",
        "H2 Nodes out of service",
        "H2 Inbox",
        "H2 Triggers",
        "H2 Reactions",
    ]
    page.look(*PHONE)
    # On phones the rows are cards, but for screen readers still tables.
    roles = [node["role"]["value"] for node in page.accessibility() if not node["ignored"]]
    assert roles.count("table") == 4 and roles.count("columnheader") == 5 + 4 + 3 + 2
    assert roles.count("row") == 4 + 10 + 9 + 6 + 3


def test_the_first_tab_stop_skips_to_the_status(page: Browser) -> None:
    page.press_on("body", Keys.TAB)
    assert page.js("return document.activeElement.textContent") == "Skip to the status"
    page.press_on(".skip", Keys.ENTER)
    assert page.js("return document.activeElement.id") == "headline"
