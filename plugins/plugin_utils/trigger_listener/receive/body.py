# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of a request, read and decoded."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ImportError):  # source.py says what is missing
    from flask import request
    from werkzeug.exceptions import BadRequest, RequestEntityTooLarge


def read_body(limit: int, name: str) -> str:
    """Return the body of the request.

    :param limit: the most bytes to accept.
    :param name: the name of the limit, for the sender.
    :raises HTTPException: when it is too large, incomplete or not UTF-8.
    """
    try:
        body: bytes = request.environ["wsgi.input"].read(limit + 1)
    except ConnectionError:
        # The sender hung up or violated HTTP, or the server stops: n1 may be the first half of n10.
        raise BadRequest("the body is incomplete or invalid") from None
    if len(body) > limit:
        raise RequestEntityTooLarge(f"the body is larger than {name}, {limit} bytes")
    try:
        return body.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8") from None
