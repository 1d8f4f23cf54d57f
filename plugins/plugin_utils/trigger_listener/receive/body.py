# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of a request: read, decoded and parsed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ....module_utils.adapter.errors import SlurmError
from .guard import RefusedError

if TYPE_CHECKING:
    from aiohttp import web

T = TypeVar("T")


async def read_body(request: web.Request, limit: str) -> str:
    """Return a request's body.

    :param limit: the name of the limit on its size, for the sender.
    :raises RefusedError: when it is too large, incomplete or not UTF-8.
    """
    from aiohttp import web
    from aiohttp.http_exceptions import HttpProcessingError

    try:
        return (await request.read()).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise RefusedError(400, "body", "the body is not UTF-8") from None
    except web.HTTPRequestEntityTooLarge:
        message = f"the body is larger than {limit}, {request.client_max_size} bytes"
        raise RefusedError(413, "size", message) from None
    except (ConnectionError, HttpProcessingError, web.RequestPayloadError):
        # The sender hung up or violated HTTP, or the server stops: n1 may be the first half of n10.
        raise RefusedError(400, "body", "the body is incomplete or invalid") from None


async def parse_body(
    request: web.Request,
    parse: Callable[[str], T],
    limit: str,
    is_quick: Callable[[str], bool] = lambda _text: False,
) -> T:
    """Return what C(parse) makes of a request's body. It runs in another thread, unless it is quick.

    :raises RefusedError: when the body cannot be read or parsed.
    """
    text = await read_body(request, limit)
    try:
        return parse(text) if is_quick(text) else await asyncio.to_thread(parse, text)
    except SlurmError as error:
        raise RefusedError(400, "body", error.message) from None
