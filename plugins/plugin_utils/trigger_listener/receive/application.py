# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Flask application: the listener's addresses and their views.

Views run in the server's own thread (wsgi.py): what waits or takes long there, is called through C(wait_for) or
C(in_thread).
"""

from __future__ import annotations

import contextlib
import functools
import hmac
import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

from ....module_utils.adapter.errors import SlurmError
from ....module_utils.common import hostlist
from ....module_utils.common.trigger_events import CLASSES
from ..configure.settings import Settings
from ..feed.events import EventBuilder
from ..show.exposition import expose
from ..show.observer import Observer
from ..show.page import SECURITY_HEADERS, create_page
from ..store.entries import NewEntry
from ..store.inbox import Inbox, InboxFullError
from ..store.resolver import Resolver
from ..telemetry.log import log_decision, logger
from ..telemetry.metrics import Metrics
from .body import read_body
from .guard import Guard
from .json_answer import answer_json
from .record_body import parse_record
from .snapshot_body import parse_snapshot
from .writer import Writer
from .wsgi import in_thread, wait_for

with contextlib.suppress(ImportError):  # source.py says what is missing
    from flask import Blueprint, Flask, Response, abort
    from prometheus_client import CONTENT_TYPE_LATEST
    from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

if TYPE_CHECKING:
    from flask import Request
    from werkzeug.routing import MapAdapter

# Bytes of a snapshot. Ten thousand nodes, each with a reason of its own, take two million.
MOST_SNAPSHOT = 32 << 20
# Characters of a sync's error.
MAX_ERROR = 2000
# Characters, and nodes, of a hostlist that is parsed in less time than a change of threads takes.
QUICK = 200
# Characters of a hostlist in the log.
MOST_LOGGED = 200
# Why nothing can be stored.
UNWRITABLE = (sqlite3.Error, InboxFullError)


class Parts(NamedTuple):
    """What the application needs.

    It calls C(on_stored) after an entry was stored, and C(request_sync) for a request, both from any thread.
    """

    settings: Settings
    listener_id: str
    inbox: Inbox
    resolver: Resolver
    builder: EventBuilder
    metrics: Metrics
    observer: Observer
    on_stored: Callable[[], None]
    request_sync: Callable[[], None]


def create_app(parts: Parts) -> Flask:
    """Return the application."""
    app = create_flask()
    guard = Guard(parts.settings, parts.metrics)
    app.before_request(guard.authenticate)
    app.register_error_handler(HTTPException, guard.refuse)
    app.register_error_handler(SlurmError, lambda error: guard.refuse(BadRequest(error.message)))
    for unwritable in UNWRITABLE:
        app.register_error_handler(unwritable, lambda error: guard.refuse(inbox_unavailable(error)))
    app.register_blueprint(create_notifications(parts))
    app.register_blueprint(create_reports(parts))
    app.register_blueprint(create_observations(parts))
    app.register_blueprint(create_page())
    return app


def create_flask() -> Flask:
    """Return a Flask application without addresses.

    It does not do what takes time for each request and is not needed here: look at the header Host, which may be
    anything, and find out whether a function is a coroutine.
    """

    class Lean(Flask):
        def create_url_adapter(self, request: Optional[Request]) -> Optional[MapAdapter]:
            if request is None:
                return None
            return self.url_map.bind("", path_info=request.path, default_method=request.method)

        def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
            return func

    app = Lean(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # no redirects, which curl does not follow
    app.logger = logger.getChild("http")
    return app


def create_notifications(parts: Parts) -> Blueprint:
    """Return the addresses to which triggers post."""
    routes, writer = Blueprint("notifications", __name__), Writer(parts.inbox)

    def notification(listener_id: str, class_: str, type_: str) -> Response:
        expect_id(listener_id, parts)
        with counted(parts.metrics.notifications, class_, type_):
            text = read_body(parts.settings.max_body, "max_body")
            parse = NewEntry.notification
            new = parse(class_, type_, text) if is_quick(text) else in_thread(parse, class_, type_, text)
            wait_for(writer.store(new))
        parts.on_stored()
        shown = new.hostlist[:MOST_LOGGED]
        log_decision("notification stored", id=new.uuid, trigger=new.summary, nodes=new.nodes, hostlist=shown)
        return answer_json({"id": new.uuid, "nodes": new.nodes}, 202)

    for class_, types in CLASSES.items():
        for type_ in types:
            view = functools.partial(notification, class_=class_, type_=type_)
            routes.add_url_rule(f"/<listener_id>/{class_}/{type_}", f"{class_}_{type_}", view, methods=["POST"])

    return routes


def create_reports(parts: Parts) -> Blueprint:
    """Return the addresses to which playbooks post."""
    routes = Blueprint("reports", __name__)

    @routes.post("/<listener_id>/snapshot")
    def snapshot(listener_id: str) -> Response:
        expect_id(listener_id, parts)
        with counted(parts.metrics.snapshots):
            posted = in_thread(parse_snapshot, read_body(MOST_SNAPSHOT, "a snapshot may be"), time.time())
            number, events = in_thread(parts.resolver.apply_snapshot, posted, parts.builder.count)
        parts.on_stored()
        return answer_json({"id": number, "events": events}, 202)

    @routes.post("/<listener_id>/record")
    def record(listener_id: str) -> Response:
        expect_id(listener_id, parts)
        posted = in_thread(parse_record, read_body(MOST_SNAPSHOT, "a record may be"), time.time())
        in_thread(parts.resolver.add_record, posted)
        return answer_json({"groups": len(posted.groups)}, 202)

    @routes.post("/<listener_id>/sync")
    def sync(listener_id: str) -> Response:
        expect_id(listener_id, parts)
        requested = time.time()
        parts.request_sync()
        return answer_json({"requested": requested}, 202)

    @routes.post("/<listener_id>/sync_failure")
    def sync_failure(listener_id: str) -> Response:
        expect_id(listener_id, parts)
        error = read_body(parts.settings.max_body, "max_body")
        in_thread(parts.resolver.add_sync_failure, error[:MAX_ERROR] or "it gave no reason")
        return answer_json({}, 202)

    return routes


def create_observations(parts: Parts) -> Blueprint:
    """Return the addresses that show the listener's state."""
    routes = Blueprint("observations", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        overview = in_thread(parts.observer.read)
        return answer_json(overview.health() | overview.checks, 503 if overview.problems else 200)

    @routes.get("/metrics")
    def metrics() -> Response:
        try:
            overview = in_thread(parts.observer.read)
        except sqlite3.Error as error:
            inbox_unavailable(error)
            overview = None  # counters need no database
        return Response(expose(parts.metrics, overview), content_type=CONTENT_TYPE_LATEST)

    @routes.get("/status")
    def status() -> Response:
        overview = in_thread(parts.observer.read)
        content = overview.status(parts.listener_id, parts.settings.cluster, time.time())
        return answer_json(content, headers=SECURITY_HEADERS)

    return routes


def expect_id(given: str, parts: Parts) -> None:
    if not hmac.compare_digest(given.encode(), parts.listener_id.encode()):
        abort(404)


def inbox_unavailable(error: Union[sqlite3.Error, InboxFullError]) -> ServiceUnavailable:
    """Log that the inbox is full or cannot be written, and return what to answer."""
    log_decision("inbox unavailable", error=str(error), failing=True)
    problem = "is full" if isinstance(error, InboxFullError) else "cannot be written"
    return ServiceUnavailable(f"the inbox {problem}: try again later")


class counted:  # noqa: N801 - used as contextlib's are, which take longer
    """Counts what is posted, by its result."""

    def __init__(self, counter: Any, *labels: str) -> None:
        self._counter, self._labels = counter, labels

    def __enter__(self) -> None:
        pass

    def __exit__(self, failure: Optional[type[BaseException]], _error: object, _traceback: object) -> None:
        if failure is None:
            result = "stored"
        elif issubclass(failure, UNWRITABLE):
            result = "unwritable"
        elif issubclass(failure, (HTTPException, SlurmError)):
            result = "refused"
        else:
            return
        self._counter.labels(*self._labels, result).inc()


def is_quick(text: str) -> bool:
    """Tell whether the body of a notification is parsed quickly."""
    try:
        return len(text) <= QUICK and ("[" not in text or hostlist.count(text) <= QUICK)
    except SlurmError:
        return True  # a short text that is not a hostlist
