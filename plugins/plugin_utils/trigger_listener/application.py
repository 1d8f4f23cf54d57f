# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener's addresses, as a Flask application."""

from __future__ import annotations

import hmac
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...module_utils.errors import SlurmError
from .events import TYPES, notification
from .inbox import Inbox
from .settings import Settings

if TYPE_CHECKING:
    from flask import Flask

logger = logging.getLogger("hpc.slurm.trigger_listener")

Answer = tuple[dict[str, Any], int]


def create_application(
    settings: Settings, identity: str, inbox: Inbox, stored: Callable[[], None], healthy: Callable[[], bool]
) -> Flask:
    """Return the application.

    :param stored: called after something was put into the inbox, from any thread.
    :param healthy: tells whether what feeds the engine is alive.
    """
    from flask import Flask, request
    from werkzeug.exceptions import HTTPException

    app = Flask("hpc.slurm.trigger_listener", static_folder=None)
    # A redirection, which Flask answers to two slashes, looks like a success to curl.
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body

    @app.before_request
    def authenticate() -> Any:
        """Before anything else is looked at, on bytes, in constant time."""
        if settings.token is None:
            return None
        given = request.headers.get("Authorization", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, b"Bearer " + settings.token):
            return None
        return {"error": "no token, or a wrong one: send Authorization: Bearer TOKEN"}, 401

    @app.post("/<given>/<class_>/<type_>")
    def notify(given: str, class_: str, type_: str) -> Answer:
        if not hmac.compare_digest(given.encode(), identity.encode()) or type_ not in TYPES.get(class_, ()):
            return {"error": "no such address"}, 404
        body = request.get_data(cache=False)
        if request.content_length is None and len(body) >= settings.max_body:
            # Without a length, Flask cuts what is too large instead of refusing it.
            return {"error": "the body is too large"}, 413
        if request.content_length not in (None, len(body)):
            # The sender hung up, or the server stops: n1 may be the half of n10.
            return {"error": "the body is cut off"}, 400
        try:
            content = notification(class_, type_, body.decode("utf-8").strip())
        except UnicodeDecodeError:
            return {"error": "the body is not UTF-8"}, 400
        except SlurmError as error:
            return {"error": error.message}, 400
        number = str(uuid.uuid4())
        try:
            inbox.store(number, time.time(), "notification", content)
        except sqlite3.Error as error:
            logger.error("a notification could not be stored: %s", error)
            return {"error": "the inbox cannot be written"}, 503
        stored()
        logger.info("stored %s: %s %s %s", number, class_, type_, content["hostlist"])
        return {"id": number, "nodes": content["count"]}, 202

    @app.get("/healthz")
    def healthz() -> Answer:
        checks = {"inbox": inbox.writable(), "feeder": healthy()}
        return {"status": "ok" if all(checks.values()) else "failing", **checks}, 200 if all(checks.values()) else 503

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Answer:
        """The answers that Flask gives itself (404, 405, 413), in the same form as ours."""
        return {"error": error.name}, error.code or 500

    return app
