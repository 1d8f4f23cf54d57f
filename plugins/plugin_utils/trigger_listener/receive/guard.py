# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard: lets a request in or refuses it, and answers all refusals in one form."""

from __future__ import annotations

import contextlib
import ipaddress
import time
from typing import TYPE_CHECKING

from ..configure.settings import Settings
from ..show.page import challenge
from ..telemetry.log import log_decision
from ..telemetry.metrics import Metrics
from .json_answer import answer_json

with contextlib.suppress(ImportError):  # source.py says what is missing
    from flask import abort, request

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.exceptions import HTTPException

# Seconds until a sender may try again when the inbox cannot be written; curl's --retry honours it.
RETRY_AFTER = 5
# The reasons of refusals, for the metrics.
REASONS = {
    400: "body",
    401: "token",
    403: "address",
    404: "path",
    405: "path",
    413: "size",
    503: "inbox",
}


class Guard:
    """Stands before all views."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._last_logged: dict[str, float] = {}  # when a refusal was last logged, by its reason

    def authenticate(self) -> None:
        """Check address and token, the token as raw bytes and in constant time, before anything else is looked at."""
        environ, settings = request.environ, self._settings
        if environ.get("HTTP_EXPECT", "100-continue").lower() != "100-continue":
            abort(417)
        if settings.allowed_networks and not self._is_allowed(environ["REMOTE_ADDR"] or "::"):
            abort(403, "this address is not allowed")
        # Of two headers it is both values, and no token.
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        if settings.tokens and not settings.tokens.accept(given, environ["REQUEST_METHOD"]):
            abort(401, "no token, or a wrong one: send Authorization: Bearer TOKEN")
        if environ["PATH_INFO"].startswith("//"):
            abort(404)  # Werkzeug would drop a slash

    def refuse(self, error: HTTPException) -> Response:
        """Return the answer of a refusal."""
        status = error.code or 500
        self._count(status)
        response = answer_json({"error": _message(error)}, status)
        if status == 401:
            response.headers["WWW-Authenticate"] = challenge(request.path)
        if status == 503:
            response.headers["Retry-After"] = str(RETRY_AFTER)
        return response

    def _count(self, status: int) -> None:
        reason = REASONS.get(status, "other")
        self._metrics.refusals.labels(reason).inc()
        # One line per second and reason: a flood of requests must not flood the log.
        if time.monotonic() - self._last_logged.get(reason, -1.0) > 1:
            self._last_logged[reason] = time.monotonic()
            log_decision("request refused", status=status, reason=reason, sender=request.remote_addr)

    def _is_allowed(self, address: str) -> bool:
        sender = ipaddress.ip_address(address.partition("%")[0])
        # An IPv4 client of a socket that listens on both.
        sender = getattr(sender, "ipv4_mapped", None) or sender
        return any(sender in network for network in self._settings.allowed_networks)


def _message(error: HTTPException) -> str:
    """Return what to tell the sender. Werkzeug's own descriptions are for people with a browser."""
    if error.code == 404:
        return "no such address"
    return error.name if error.description == type(error).description else str(error.description)
