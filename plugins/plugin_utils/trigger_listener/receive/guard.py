# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard: lets a request in or refuses it, and answers all refusals in one form."""

from __future__ import annotations

import ipaddress
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Union

from ..configure.settings import Settings
from ..show.page.files import challenge
from ..store.inbox import InboxFullError
from ..telemetry.log import log_decision
from ..telemetry.metrics import Metrics

if TYPE_CHECKING:
    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Seconds until a sender may try again when the inbox cannot be written; curl's --retry honours it.
RETRY_AFTER = 5


class RefusedError(Exception):
    """A request that is refused; nothing of it is stored.

    :param reason: for the metrics, one word.
    :param message: for the sender.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def inbox_unavailable(error: Union[sqlite3.Error, InboxFullError]) -> RefusedError:
    """Log that the inbox is full or cannot be written, and return what to answer."""
    log_decision("inbox unavailable", error=str(error), failing=True)
    problem = "is full" if isinstance(error, InboxFullError) else "cannot be written"
    return RefusedError(503, "inbox", f"the inbox {problem}: try again later")


class Guard:
    """Stands before all handlers."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._last_logged: dict[str, float] = {}  # when a refusal was last logged, by its reason

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Authenticate a request before anything else of it is read, and answer every refusal in the same form."""
        from aiohttp import web

        try:
            self._authenticate(request)
            return await handler(request)
        except RefusedError as refusal:
            return self._refuse(request, refusal)
        except web.HTTPException as error:  # aiohttp's own: 404, 405
            reason = "path" if error.status in (404, 405) else "other"
            return self._refuse(request, RefusedError(error.status, reason, error.reason))

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Set the header Server. Count the refusal that aiohttp makes before the guard: 417 for an unknown Expect."""
        response.headers["Server"] = "hpc.slurm"
        if response.status == 417:
            self._count(request, 417, "other")

    def _count(self, request: web.Request, status: int, reason: str) -> None:
        self._metrics.refusals.labels(reason).inc()
        # One line per second and reason: a flood of requests must not flood the log.
        if time.monotonic() - self._last_logged.get(reason, -1.0) > 1:
            self._last_logged[reason] = time.monotonic()
            log_decision("request refused", status=status, reason=reason, sender=request.remote)

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
        """Check address and token, the token as raw bytes and in constant time."""
        settings = self._settings
        if settings.allowed_networks and not self._is_allowed(request.remote or "::"):
            raise RefusedError(403, "address", "this address is not allowed")
        if not settings.tokens:
            return
        given = [value for name, value in request.raw_headers if name.lower() == b"authorization"]
        if len(given) != 1 or not settings.tokens.accept(given[0], request.method):
            raise RefusedError(401, "token", "no token, or a wrong one: send Authorization: Bearer TOKEN")

    def _is_allowed(self, address: str) -> bool:
        sender = ipaddress.ip_address(address.partition("%")[0])
        # An IPv4 client of a socket that listens on both.
        sender = getattr(sender, "ipv4_mapped", None) or sender
        return any(sender in network for network in self._settings.allowed_networks)
