# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener's addresses, as a Flask application."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from ...module_utils.errors import SlurmError
from .events import TYPES, notification
from .inbox import Inbox
from .settings import Settings

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.exceptions import HTTPException

logger = logging.getLogger("hpc.slurm.trigger_listener")

Answer = tuple[dict[str, Any], int]


def create_application(
    settings: Settings, identity: str, inbox: Inbox, stored: Callable[[], None], healthy: Callable[[], bool]
) -> Flask:
    """Return the application.

    :param stored: called after something was put into the inbox, from any thread.
    :param healthy: tells whether what feeds the engine is alive.
    """
    from flask import Flask
    from werkzeug.exceptions import HTTPException

    app = Flask("hpc.slurm.trigger_listener", static_folder=None)
    # A redirection, which Flask answers to two slashes, looks like a success to curl.
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    addresses = Addresses(settings, identity, inbox, stored, healthy)
    app.before_request(addresses.authenticate)
    app.post("/<identity>/<class_>/<type_>")(addresses.notify)
    app.get("/healthz")(addresses.healthz)
    app.register_error_handler(HTTPException, _refuse)
    return app


class RefusedError(Exception):
    """A request that is answered with a status of 4xx, and leaves nothing behind."""


class Addresses:
    """What is answered at each address; the parameters are those of L(create_application)."""

    def __init__(
        self,
        settings: Settings,
        identity: str,
        inbox: Inbox,
        stored: Callable[[], None],
        healthy: Callable[[], bool],
    ) -> None:
        self._settings, self._identity, self._inbox = settings, identity.encode(), inbox
        self._stored, self._healthy = stored, healthy

    def authenticate(self) -> Optional[Answer]:
        """Before anything else is looked at, on bytes, in constant time."""
        from flask import request

        if self._settings.allowed_networks and not self._allowed(request.remote_addr or ""):
            return {"error": "this address is not allowed"}, 403
        if self._settings.token is None:
            return None
        given = request.headers.get("Authorization", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, b"Bearer " + self._settings.token):
            return None
        return {"error": "no token, or a wrong one: send Authorization: Bearer TOKEN"}, 401

    def _allowed(self, address: str) -> bool:
        peer = ipaddress.ip_address(address)
        # An IPv4 client of a socket that listens to both.
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self._settings.allowed_networks)

    def notify(self, identity: str, class_: str, type_: str) -> Answer:
        if not hmac.compare_digest(identity.encode(), self._identity) or type_ not in TYPES.get(class_, ()):
            return {"error": "no such address"}, 404
        try:
            content = notification(class_, type_, self._body())
        except RefusedError as refusal:
            return {"error": refusal.args[0]}, refusal.args[1]
        except SlurmError as error:
            return {"error": error.message}, 400
        number = str(uuid.uuid4())
        try:
            self._inbox.store(number, time.time(), "notification", content)
        except sqlite3.Error as error:
            logger.error("a notification could not be stored: %s", error)
            return {"error": "the inbox cannot be written"}, 503
        self._stored()
        logger.info("stored %s: %s %s %s", number, class_, type_, content["hostlist"])
        return {"id": number, "nodes": content["count"]}, 202

    def _body(self) -> str:
        """Return the request's body.

        :raises RefusedError: with the message and the status, when it is too large, cut off or not UTF-8.
        """
        from flask import request

        body = request.get_data(cache=False)
        if request.content_length is None and len(body) >= self._settings.max_body:
            # Without a length, Flask cuts what is too large instead of refusing it.
            raise RefusedError("the body is too large", 413)
        if request.content_length not in (None, len(body)):
            # The sender hung up, or the server stops: n1 may be the half of n10.
            raise RefusedError("the body is cut off", 400)
        try:
            return body.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise RefusedError("the body is not UTF-8", 400) from None

    def healthz(self) -> Answer:
        checks = {"inbox": self._inbox.writable(), "feeder": self._healthy()}
        well = all(checks.values())
        return {"status": "ok" if well else "failing", **checks}, 200 if well else 503


def _refuse(error: HTTPException) -> Answer:
    """The answers that Flask gives itself (404, 405, 413), in the same form as ours."""
    return {"error": error.name}, error.code or 500
