# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For tests of the status page in a real browser: a listener that serves it, the browser, and statuses to show."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import runpy
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Optional

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS = runpy.run_path(str(CHECKOUT / "plugins/plugin_utils/parts.py"))
PICTURES = CHECKOUT / "tests" / "output" / "page"
PHONE, DESKTOP = (360, 760), (1280, 900)
# Seconds within which the page, which polls every two, must show a new status.
LIMIT = 15.0

Status = dict[str, Any]
# Answers a request, as a view of Flask.
Answer = Callable[[], ResponseReturnValue]


def load(part: str) -> Any:
    """Return a part of the event source."""
    return PARTS["load"](f"trigger_listener.{part}")


class Listener:
    """The listener's real server and application, with a status of the test's.

    It can be restarted on the same port, answer in other ways, and get another token.
    """

    def __init__(self, directory: Path, status: Status) -> None:
        self.status: Optional[Status] = status
        self.answer: Optional[Answer] = None
        self.polls = 0
        self.port = 0
        self._directory = directory
        self._token = directory / "token"
        self._running: Optional[tuple[Any, Any]] = None

    @property
    def url(self) -> str:
        """The page's address, with the token as the password."""
        return f"http://any:{self._token.read_text(encoding='ascii')}@127.0.0.1:{self.port}/"

    def change_token(self, token: str) -> None:
        self._token.write_text(token, encoding="ascii")

    def start(self) -> None:
        settings = load("configure.settings").Settings.from_args(
            {"port": self.port, "state_dir": str(self._directory), "token_file": str(self._token)}
        )
        database = load("store.database").Database(self._directory / "listener.sqlite3")
        inbox, metrics = load("store.inbox").Inbox(database), load("telemetry.metrics").Metrics()
        observer = load("show.observer").Observer(database, settings, lambda: "")
        receive = load("receive.application")
        parts = receive.Parts(settings, "id", inbox, None, None, metrics, observer, lambda: None, lambda: None)
        application = receive.create_app(parts)
        application.before_request(self._answer_status)
        server = load("receive.server").Server(settings)
        self.port = server.port
        server.start(application, lambda: None)
        self._running = server, database

    def stop(self) -> None:
        if self._running is not None:
            server, database = self._running
            server.stop()
            server.close()
            database.close()
            self._running = None

    def _answer_status(self) -> Optional[ResponseReturnValue]:
        """Answer /status with the test's status, after the listener has authenticated the request."""
        if request.path != "/status":
            return None
        self.polls += 1
        if self.answer is not None:
            return self.answer()
        return None if self.status is None else jsonify(self.status)


class Source:
    """The whole event source in a thread, with a simulated engine that takes each event."""

    def __init__(self, directory: Path) -> None:
        self.token = "token-of-the-page-s-test"
        self.port = free_port()
        self._identity = "listener-of-the-page-s-test"
        self._args = {
            "port": self.port,
            "id": self._identity,
            "cluster": "lab",
            "state_dir": str(directory),
            "token": self.token,
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=1)
        self._tasks = [
            asyncio.run_coroutine_threadsafe(task, self._loop)
            for task in (load("source").run(queue, self._args), self._take(queue))
        ]

    @property
    def url(self) -> str:
        return f"http://any:{self.token}@127.0.0.1:{self.port}/"

    async def _take(self, queue: asyncio.Queue[Any]) -> None:
        while True:
            await queue.get()

    def request(self, path: str, body: Optional[str] = None) -> str:
        """Send a request as a trigger, a sync or Prometheus does, and return the answer."""
        sent = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path.replace('ID', self._identity)}",
            data=None if body is None else body.encode(),
            headers={"Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(sent, timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        # A cancelled task has some work left.
        ended = asyncio.run_coroutine_threadsafe(self._ended(), self._loop)
        ended.result(timeout=20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _ended(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Browser:
    """Chromium, headless, driven by Debian's chromedriver."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self._heard: list[str] = []

    def look(self, width: int, height: int, dark: bool = False) -> None:
        """Have the size of a window, and a person's preference."""
        metrics = {
            "width": width,
            "height": height,
            "deviceScaleFactor": 2 if width < 500 else 1,
            "mobile": width < 500,
        }
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})

    def open(self, url: str, hurry: int = 1) -> None:
        """Open a page whose timers are so many times as fast."""
        script = (
            "const later = window.setTimeout.bind(window);"
            f"window.setTimeout = (task, time, ...rest) => later(task, time / {hurry}, ...rest)"
        )
        added = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        self.driver.get(url)
        self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    def text(self, selector: str) -> str:
        """What can be read in the first element that fits, in one line; empty where nothing can."""
        found = self.js("const e = document.querySelector(arguments[0]); return e ? e.innerText : '';", selector)
        return " ".join(str(found).split())

    def rows(self, table: str) -> list[list[str]]:
        """What can be read in a table, cell by cell."""
        script = (
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map("
            "row => [...row.cells].map(cell => cell.innerText))"
        )
        return [[" ".join(cell.split()) for cell in row] for row in self.js(script, f"#{table}")]

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def press_on(self, selector: str, key: str) -> None:
        """Press a key where the keyboard's focus is put."""
        self.js("document.querySelector(arguments[0]).focus()", selector)
        self.driver.switch_to.active_element.send_keys(key)

    def accessibility(self) -> list[dict[str, Any]]:
        """The page as a screen reader gets it: the nodes of the accessibility tree."""
        self.driver.execute_cdp_cmd("Accessibility.enable", {})
        nodes: list[dict[str, Any]] = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return nodes

    def wait(self, what: str, condition: Callable[[], Any], limit: float = LIMIT) -> None:
        WebDriverWait(self.driver, limit, poll_frequency=0.1).until(lambda _driver: condition(), f"waited for {what}")

    def wait_for_level(self, level: str, limit: float = LIMIT) -> None:
        self.wait(f"level {level}", lambda: self.js("return document.body.dataset.level") == level, limit)

    def wait_for_text(self, selector: str, text: str) -> None:
        self.wait(f"{selector} to read {text!r}", lambda: self.text(selector) == text)

    def leave(self) -> None:
        """Leave the page before the listener goes, which would be one complaint more."""
        self._heard += self._new_complaints()
        self.driver.get("about:blank")

    def complaints(self) -> list[str]:
        """What the browser's console has said since the last call."""
        heard, self._heard = self._heard + self._new_complaints(), []
        return heard

    def _new_complaints(self) -> list[str]:
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        root = "document.documentElement"
        return int(self.js(f"return Math.max({root}.scrollWidth, document.body.scrollWidth) - {root}.clientWidth"))

    def violations(self) -> list[str]:
        """What axe-core, a checker of accessibility, has against the page as it is."""
        if not self.js("return 'axe' in window"):
            self.js(resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
        script = "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
        found = self.driver.execute_async_script(script)
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}"
            for one in found["violations"]
        ]

    def picture(self, name: str, whole: bool = True) -> Path:
        """Take one of the whole page, also of what is below the window, or of what is in the window."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
        path = PICTURES / f"{name}.png"
        path.write_bytes(base64.b64decode(taken["data"]))
        return path


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    # As root, which the tests are in the lab, there is no sandbox; the page is our own.
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en-GB"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Europe/Berlin"})
        yield Browser(driver)
    finally:
        driver.quit()


# Statuses to show.


def healthy() -> Status:
    """Return a status without problems, as of now."""
    now = time.time()
    return {
        "cluster": "aurora",
        "now": now,
        "up_since": now - 4 * 86400 - 7300,
        "health": {"status": "ok", "reasons": []},
        "inbox": {"pending": 0, "oldest_seconds": 0, "undeliverable": 0},
        "sync": {"last": now - 90, "interval": 300, "nodes": 10008},
        "triggers": [
            {"id": 17 + index, "event": event, "permanent": True}
            for index, event in enumerate(("down", "drained", "draining", "fail", "up", "resume"))
        ],
        "settings": [
            {"name": "repair tasks", "value": "/etc/hpc-slurm/repair.yml for 9,996 of 10,000 nodes"},
            {"name": "check tasks", "value": "not set"},
            {"name": "nodes without a host in the inventory", "value": "gpu[01-08]"},
        ],
        "nodes": [],
        "nodes_out_of_service": 0,
        "entries": [
            entry(4, now - 90, "snapshot", outcome="unchanged"),
            entry(3, now - 390, "snapshot", outcome="unchanged"),
            entry(2, now - 3 * 3600, "node up", "node[1-3]", 3, detail="3 of 3 events delivered"),
            entry(1, now - 4 * 86400 - 7300, "listener_up"),
        ],
    }


def entry(
    number: int,
    received: float,
    summary: str,
    hostlist: str = "",
    nodes: int = 0,
    outcome: str = "delivered",
    detail: str = "",
) -> dict[str, Any]:
    return {
        "id": f"{number * 2654435761 % 2**32:08x}-77b1-4c1e-9a52-0d8f4e1b6c{number % 256:02x}",
        "received": received,
        "summary": summary,
        "hostlist": hostlist,
        "nodes": nodes,
        "outcome": outcome,
        "detail": detail,
    }


def node(name: str, since: float, *states: str, reason: Optional[str] = None, flaps: int = 0) -> dict[str, Any]:
    user = None if reason is None else "slurm" if "responding" in reason else "root"
    return {
        "name": name,
        "states": list(states),
        "since": since,
        "reason": reason,
        "reason_user": user,
        "flaps": flaps,
    }


def impaired() -> Status:
    """Return a status with twelve nodes out of service, for common reasons, and entries about them."""
    status = healthy()
    now = status["now"]
    status["nodes"] = [
        node("node0212", now - 84, "down", reason="Not responding"),
        node("node0213", now - 84, "down", reason="Not responding"),
        node("gpu07", now - 1260, "down", "drained", reason="NHC: check_nv_healthmon: GPU 3 fell off the bus", flaps=4),
        node("node4711", now - 5400, "draining", reason="ticket 88123: DIMM B2, correctable errors rising", flaps=1),
        node("bigmem2", now - 9000, "fail", reason="slurmd: fatal error: plugin_load_from_file: dlopen failed"),
        *(
            node(
                f"node{9000 + index}",
                now - 3 * 86400 - 60 * index,
                "drained",
                reason="rack 40, new cooling loop, until Thursday",
            )
            for index in range(6)
        ),
        node("login2", now - 40 * 86400, "down"),
    ]
    status["nodes_out_of_service"] = 12
    status["inbox"] = {"pending": 2, "oldest_seconds": 1.2, "undeliverable": 0}
    status["entries"] = [
        entry(12, now - 68, "node down", "node[0212-0213]", 2, "pending", "1 of 2 events delivered"),
        entry(11, now - 90, "snapshot", "gpu07", 1, detail="1 of 1 events delivered"),
        entry(10, now - 1244, "node down", "gpu07", 1, detail="1 of 1 events delivered"),
        entry(9, now - 1302, "node up", "gpu07", 1, "undeliverable", "1 of 1 events undeliverable"),
        entry(8, now - 5390, "node draining", "node4711", 1, detail="1 of 1 events delivered"),
        *status["entries"],
    ]
    status["entries"].sort(key=lambda one: -one["received"])
    return status


def failing() -> Status:
    """Return a status of a listener with failed checks."""
    status = impaired()
    now = status["now"]
    status["health"] = {
        "status": "failing",
        "reasons": [
            "no sync has succeeded for 1860 s: find out why playbooks/sync.yml fails",
            "the inbox cannot be written: check the disk of state_dir",
        ],
    }
    status["sync"]["last"] = now - 31 * 60
    status["inbox"] = {"pending": 1342, "oldest_seconds": 640, "undeliverable": 2}
    status["triggers"] = []
    return status


def crowd(nodes: int) -> Status:
    """Return a status after a rack row has lost power."""
    status = impaired()
    now = status["now"]
    dark = 500 - len(status["nodes"])
    status["nodes"] = [
        *(node(f"node{index:04}", now - 30, "down", reason="Not responding") for index in range(1001, 1001 + dark)),
        *status["nodes"],
    ]
    status["nodes_out_of_service"] = nodes
    status["entries"] = [
        entry(100 + index, now - index, "node down", f"node[{index}-{index + 40}]", 41) for index in range(50)
    ]
    return status


SCRIPT = "<script>document.title = 'pwned'; window.pwned = true</script>"
IMAGE = '<img src=x onerror="window.pwned = true">'
TURNED = "\u202eerongi <b>bold</b> &amp; \"quoted\" 'single' `tick` ${window.pwned = true} javascript:alert(1)"


def hostile() -> Status:
    """Return a status with texts of an attacker, wherever there can be a text."""
    status = impaired()
    now = status["now"]
    status["cluster"] = f"lab{SCRIPT}"
    status["health"] = {"status": "failing", "reasons": [IMAGE, SCRIPT, "x" * 5000]}
    status["nodes"] = [
        {
            "name": IMAGE,
            "states": [SCRIPT, "constructor"],
            "since": now,
            "reason": SCRIPT,
            "reason_user": IMAGE,
            "flaps": 1,
        },
        {
            "name": "__proto__",
            "states": ["__proto__"],
            "since": 1e300,
            "reason": TURNED,
            "reason_user": None,
            "flaps": 0,
        },
        {
            "name": "n" * 300,
            "states": ["down" * 50],
            "since": now,
            "reason": "r" * 10000,
            "reason_user": "u" * 300,
            "flaps": 1e15,
        },
        {"name": "__proto__", "states": [], "since": None, "reason": None, "reason_user": None, "flaps": 0},
    ]
    status["nodes_out_of_service"] = 4
    status["triggers"] = [
        {"id": 1, "event": IMAGE, "permanent": False},
        {"id": 2, "event": "e" * 500, "permanent": True},
    ]
    status["entries"] = [
        entry(1, now, SCRIPT, IMAGE, 1, SCRIPT, IMAGE),
        entry(2, now, "node down", "node[" + "1,3," * 5000 + "5]", 10001, "pending", TURNED),
    ]
    return status
