# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The aiohttp application: the listener's addresses and their handlers."""

from __future__ import annotations

import asyncio
import hmac
import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ....module_utils.adapter.errors import SlurmError
from ....module_utils.common import hostlist
from ....module_utils.common.trigger_events import CLASSES
from ..configure.settings import Settings
from ..feed.events import EventBuilder
from ..show.exposition import expose
from ..show.observer import Observer
from ..show.overview import Overview
from ..show.page.files import SECURITY_HEADERS, page_files
from ..store.entries import NewEntry
from ..store.inbox import Inbox, InboxFullError
from ..store.resolver import Resolver
from ..telemetry.log import log_decision
from ..telemetry.metrics import Metrics
from .body import parse_body
from .guard import Guard, RefusedError, inbox_unavailable
from .record_body import parse_record
from .snapshot_body import parse_snapshot
from .writer import Writer

if TYPE_CHECKING:
    from aiohttp import web

    from .guard import Handler

# Bytes of a snapshot. Ten thousand nodes, each with a reason of its own, take two million.
MOST_SNAPSHOT = 32 << 20
# Characters, and nodes, of a hostlist that is parsed in less time than a change of threads takes.
QUICK = 200
# Characters of a hostlist in the log.
MOST_LOGGED = 200


class Parts(NamedTuple):
    """What the application needs; it calls C(on_stored) after an entry was stored, from any thread."""

    settings: Settings
    listener_id: str
    inbox: Inbox
    resolver: Resolver
    builder: EventBuilder
    metrics: Metrics
    observer: Observer
    on_stored: Callable[[], None]


def create_application(parts: Parts) -> web.Application:
    """Return the application."""
    from aiohttp import web

    guard, routes = Guard(parts.settings, parts.metrics), Routes(parts)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guard.handle(request, handler)

    app = web.Application(middlewares=[guarded], client_max_size=parts.settings.max_body)
    app.on_response_prepare.append(guard.prepare)
    app.router.add_post("/{id}/snapshot", routes.snapshot)
    app.router.add_post("/{id}/record", routes.record)
    app.router.add_post("/{id}/{class}/{type}", routes.notification)
    app.router.add_get("/healthz", routes.healthz)
    app.router.add_get("/metrics", routes.metrics)
    app.router.add_get("/status", routes.status)
    for path in routes.pages:
        app.router.add_get(path, routes.page)
    return app


class Routes:
    """The handlers of the addresses."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self.pages = parts, page_files()
        self._writer = Writer(parts.inbox)

    async def notification(self, request: web.Request) -> web.Response:
        from aiohttp import web

        class_, type_ = request.match_info["class"], request.match_info["type"]
        if type_ not in CLASSES.get(class_, ()):
            raise RefusedError(404, "path", "no such address")
        self._expect_id(request)
        counter = self._parts.metrics.notifications
        try:
            new = await parse_body(
                request, lambda text: NewEntry.notification(class_, type_, text), "max_body", _is_quick
            )
        except RefusedError:
            counter.labels(class_, type_, "refused").inc()
            raise
        try:
            await self._writer.store(new)
        except (sqlite3.Error, InboxFullError) as error:
            counter.labels(class_, type_, "unwritable").inc()
            raise inbox_unavailable(error) from error
        counter.labels(class_, type_, "stored").inc()
        self._parts.on_stored()
        shown = new.hostlist[:MOST_LOGGED]
        log_decision("notification stored", id=new.uuid, trigger=new.summary, nodes=new.nodes, hostlist=shown)
        return web.json_response({"id": new.uuid, "nodes": new.nodes}, status=202)

    async def snapshot(self, request: web.Request) -> web.Response:
        from aiohttp import web

        self._expect_id(request)
        parts, counter = self._parts, self._parts.metrics.snapshots
        larger = request.clone(client_max_size=MOST_SNAPSHOT)
        try:
            snapshot = await parse_body(larger, lambda text: parse_snapshot(text, time.time()), "a snapshot may be")
        except RefusedError:
            counter.labels("refused").inc()
            raise
        try:
            number, events = await asyncio.to_thread(parts.resolver.apply_snapshot, snapshot, parts.builder.count)
        except (sqlite3.Error, InboxFullError) as error:
            counter.labels("unwritable").inc()
            raise inbox_unavailable(error) from error
        counter.labels("stored").inc()
        parts.on_stored()
        return web.json_response({"id": number, "events": events}, status=202)

    async def record(self, request: web.Request) -> web.Response:
        from aiohttp import web

        self._expect_id(request)
        larger = request.clone(client_max_size=MOST_SNAPSHOT)
        record = await parse_body(larger, lambda text: parse_record(text, time.time()), "a record may be")
        try:
            await asyncio.to_thread(self._parts.resolver.add_record, record)
        except sqlite3.Error as error:
            raise inbox_unavailable(error) from error
        return web.json_response({"groups": len(record.groups)}, status=202)

    def _expect_id(self, request: web.Request) -> None:
        given = request.match_info["id"].encode("utf-8", "surrogatepass")  # a path may not be UTF-8
        if not hmac.compare_digest(given, self._parts.listener_id.encode()):
            raise RefusedError(404, "path", "no such address")

    async def healthz(self, _request: web.Request) -> web.Response:
        from aiohttp import web

        overview = await self._overview()
        return web.json_response(overview.health() | overview.checks, status=503 if overview.problems else 200)

    async def metrics(self, _request: web.Request) -> web.Response:
        from aiohttp import web
        from prometheus_client import CONTENT_TYPE_LATEST

        try:
            overview = await self._overview()
        except RefusedError:
            overview = None  # counters need no database
        body = expose(self._parts.metrics, overview)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def status(self, _request: web.Request) -> web.Response:
        from aiohttp import web

        overview = await self._overview()
        content = overview.status(self._parts.settings.cluster, time.time())
        return web.json_response(content, headers=SECURITY_HEADERS)

    async def page(self, request: web.Request) -> web.Response:
        from aiohttp import web

        file = self.pages[request.path]
        return web.Response(body=file.body, headers=file.headers)

    async def _overview(self) -> Overview:
        try:
            return await asyncio.to_thread(self._parts.observer.read)
        except sqlite3.Error as error:
            raise inbox_unavailable(error) from error


def _is_quick(text: str) -> bool:
    """Tell whether the body of a notification is parsed quickly."""
    try:
        return len(text) <= QUICK and hostlist.count(text) <= QUICK
    except SlurmError:
        return True  # a short text that is not a hostlist
