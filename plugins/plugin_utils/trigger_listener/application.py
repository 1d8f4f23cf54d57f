# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener's addresses, as an aiohttp application."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ...module_utils.adapter.errors import SlurmError
from ...module_utils.common import hostlist
from . import snapshot
from .events import TYPES, Maker
from .inbox import Inbox, InboxFullError, New
from .log import decided
from .metrics import Metrics
from .overview import Observer, Overview
from .page import SECURITY_HEADERS, challenge, page_files
from .settings import Settings

if TYPE_CHECKING:
    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Seconds after which a sender should try again when the inbox cannot be written; curl's --retry heeds it.
RETRY_AFTER = 5
# Bytes of a snapshot. Ten thousand nodes, each with a reason of its own, are two million.
MOST_SNAPSHOT = 32 << 20
# Characters, and nodes, of a hostlist that is read at once.
QUICK = 200
# Hostlists are logged up to here.
SHOWN = 200


class Parts(NamedTuple):
    """What the application stands on; C(stored) is called after something was put into the inbox, from any thread."""

    settings: Settings
    identity: str
    inbox: Inbox
    maker: Maker
    metrics: Metrics
    observer: Observer
    stored: Callable[[], None]


class RefusedError(Exception):
    """A request that leaves nothing behind.

    :param reason: for the metrics, one word.
    :param message: for the sender.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def create_application(parts: Parts) -> web.Application:
    """Return the application."""
    from aiohttp import web

    addresses = Addresses(parts)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await addresses.guard(request, handler)

    app = web.Application(middlewares=[guard], client_max_size=parts.settings.max_body)
    app.on_response_prepare.append(addresses.sign)
    app.router.add_post("/{identity}/snapshot", addresses.snapshot)
    app.router.add_post("/{identity}/{class}/{type}", addresses.notify)
    app.router.add_get("/healthz", addresses.healthz)
    app.router.add_get("/metrics", addresses.exposition)
    app.router.add_get("/status", addresses.status)
    for path in addresses.pages:
        app.router.add_get(path, addresses.page)
    return app


class Addresses:
    """What is answered at each address."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self.pages = parts, page_files()
        self._writer = _Writer(parts.inbox)
        self._told: dict[str, float] = {}  # when a refusal was last logged, by its reason

    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around every request: who may ask, before anything else is looked at, and every refusal in one form."""
        from aiohttp import web

        try:
            self._authenticate(request)
            return await handler(request)
        except RefusedError as refusal:
            return self._refuse(request, refusal)
        except web.HTTPException as error:  # aiohttp's own: 404, 405
            reason = "path" if error.status in (404, 405) else "other"
            return self._refuse(request, RefusedError(error.status, reason, error.reason))

    async def sign(self, request: web.Request, response: web.StreamResponse) -> None:
        """On every response, also the one that aiohttp makes before it asks the guard: 417 for a foreign Expect."""
        response.headers["Server"] = "hpc.slurm"
        if response.status == 417:
            self._count(request, 417, "other")

    def _count(self, request: web.Request, status: int, reason: str) -> None:
        self._parts.metrics.refusals.labels(reason).inc()
        # Whoever floods the listener does not flood the log.
        if time.monotonic() - self._told.get(reason, -1.0) > 1:
            self._told[reason] = time.monotonic()
            decided("refused", status=status, reason=reason, sender=request.remote)

    def _refuse(self, request: web.Request, refusal: RefusedError) -> web.Response:
        from aiohttp import web

        self._count(request, refusal.status, refusal.reason)
        response = web.json_response({"error": refusal.message}, status=refusal.status)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = challenge(request.path)
        if refusal.status == 503:
            response.headers["Retry-After"] = str(RETRY_AFTER)
        return response

    def _authenticate(self, request: web.Request) -> None:
        """On bytes, in constant time."""
        settings = self._parts.settings
        if settings.allowed_networks and not self._allowed(request.remote or "::"):
            raise RefusedError(403, "address", "this address is not allowed")
        if not settings.tokens:
            return
        given = [value for name, value in request.raw_headers if name.lower() == b"authorization"]
        if len(given) != 1 or not settings.tokens.accept(given[0], request.method):
            raise RefusedError(401, "token", "no token, or a wrong one: send Authorization: Bearer TOKEN")

    def _allowed(self, address: str) -> bool:
        peer = ipaddress.ip_address(address.partition("%")[0])
        # An IPv4 client of a socket that listens to both.
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self._parts.settings.allowed_networks)

    async def notify(self, request: web.Request) -> web.Response:
        from aiohttp import web

        class_, type_ = request.match_info["class"], request.match_info["type"]
        if type_ not in TYPES.get(class_, ()):
            raise RefusedError(404, "path", "no such address")
        self._expect_identity(request)
        counted = self._parts.metrics.notifications
        try:
            new = await self._parsed(request, lambda text: New.notification(class_, type_, text), "max_body", _is_quick)
        except RefusedError:
            counted.labels(class_, type_, "refused").inc()
            raise
        try:
            await self._writer.store(new)
        except (sqlite3.Error, InboxFullError) as error:
            counted.labels(class_, type_, "unwritable").inc()
            raise self._unwritable(error) from error
        counted.labels(class_, type_, "stored").inc()
        self._parts.stored()
        decided("stored", id=new.uuid, trigger=new.what, nodes=new.nodes, hostlist=new.hostlist[:SHOWN])
        return web.json_response({"id": new.uuid, "nodes": new.nodes}, status=202)

    async def snapshot(self, request: web.Request) -> web.Response:
        from aiohttp import web

        self._expect_identity(request)
        parts, counted = self._parts, self._parts.metrics.snapshots
        try:
            larger = request.clone(client_max_size=MOST_SNAPSHOT)
            read = await self._parsed(larger, lambda text: snapshot.parse(text, time.time()), "a snapshot may be")
        except RefusedError:
            counted.labels("refused").inc()
            raise
        try:
            number, events = await asyncio.to_thread(parts.inbox.snapshot, read, parts.maker.count)
        except (sqlite3.Error, InboxFullError) as error:
            counted.labels("unwritable").inc()
            raise self._unwritable(error) from error
        counted.labels("stored").inc()
        parts.stored()
        return web.json_response({"id": number, "events": events}, status=202)

    def _expect_identity(self, request: web.Request) -> None:
        shown = request.match_info["identity"].encode("utf-8", "surrogatepass")  # a path may be no UTF-8
        if not hmac.compare_digest(shown, self._parts.identity.encode()):
            raise RefusedError(404, "path", "no such address")

    async def _parsed(
        self,
        request: web.Request,
        parse: Callable[[str], Any],
        limit: str,
        is_quick: Callable[[str], bool] = lambda _text: False,
    ) -> Any:
        """Return what a request's body says: in another thread when it is not quick, as ten thousand names are not.

        :param limit: what the request's limit is called.
        """
        from aiohttp import web
        from aiohttp.http_exceptions import HttpProcessingError

        try:
            text = (await request.read()).decode("utf-8").strip()
        except UnicodeDecodeError:
            raise RefusedError(400, "body", "the body is not UTF-8") from None
        except web.HTTPRequestEntityTooLarge:
            message = f"the body is larger than {limit}, {request.client_max_size} bytes"
            raise RefusedError(413, "size", message) from None
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError):
            # The sender hung up, or did not keep to HTTP, or the server stops: n1 may be the half of n10.
            raise RefusedError(400, "body", "the body is cut off or broken") from None
        try:
            return parse(text) if is_quick(text) else await asyncio.to_thread(parse, text)
        except SlurmError as error:
            raise RefusedError(400, "body", error.message) from None

    def _unwritable(self, error: Exception) -> RefusedError:
        decided("not stored", error=str(error), failing=True)
        full = "is full" if isinstance(error, InboxFullError) else "cannot be written"
        return RefusedError(503, "inbox", f"the inbox {full}: try again later")

    async def healthz(self, _request: web.Request) -> web.Response:
        from aiohttp import web

        overview = await self._look()
        return web.json_response(overview.health() | overview.checks, status=503 if overview.reasons else 200)

    async def exposition(self, _request: web.Request) -> web.Response:
        from aiohttp import web
        from prometheus_client import CONTENT_TYPE_LATEST

        try:
            overview = await self._look()
        except RefusedError:
            overview = None  # what was counted is told without the database too
        body = self._parts.metrics.exposition(overview)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def status(self, _request: web.Request) -> web.Response:
        from aiohttp import web

        overview = await self._look()
        content = overview.status(self._parts.settings.cluster, time.time())
        return web.json_response(content, headers=SECURITY_HEADERS)

    async def page(self, request: web.Request) -> web.Response:
        from aiohttp import web

        file = self.pages[request.path]
        return web.Response(body=file.body, headers=file.headers)

    async def _look(self) -> Overview:
        try:
            return await asyncio.to_thread(self._parts.observer.look)
        except sqlite3.Error as error:
            raise self._unwritable(error) from error


def _is_quick(text: str) -> bool:
    """Tell whether a hostlist is read in less time than a change of threads takes.

    :raises SlurmError: when it is none.
    """
    return len(text) <= QUICK and hostlist.count(text) <= QUICK


class _Writer:
    """Stores what requests bring; those that come while a write is under way share the next one.

    One alone is written in the server's own thread: for it to change twice takes longer than most disks do.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: list[tuple[New, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def store(self, new: New) -> None:
        """Return when it is on disk.

        :raises sqlite3.Error: when it cannot be written.
        :raises InboxFullError: when too much waits already.
        """
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((new, stored))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await stored

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            [failure] = await asyncio.gather(self._put([new for new, _stored in batch]), return_exceptions=True)
            for _new, stored in batch:
                if stored.cancelled():
                    continue  # the sender has gone
                if failure is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(failure)

    async def _put(self, entries: list[New]) -> None:
        if len(entries) == 1:
            self._inbox.store(entries)
        else:
            await asyncio.to_thread(self._inbox.store, entries)
