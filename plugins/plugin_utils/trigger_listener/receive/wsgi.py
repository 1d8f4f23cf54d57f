# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapter between aiohttp's HTTP server and the Flask application: it calls a WSGI application for each request.

A WSGI application may block, so WSGI servers call it in a thread of a pool. Two changes of threads for each request take
longer than everything else that is done for a notification. Here it is called in the server's own thread, in a greenlet:
while a view waits in C(wait_for) or C(in_thread), for a slow sender, for the disk, or for work that takes long, the
server handles other requests. Entries that are stored at the same time can so share a write, which threads cannot. What
a view does outside of these two functions must be short: no other request is handled meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Optional, TypeVar

with contextlib.suppress(ImportError):  # source.py says what is missing
    from aiohttp import StreamReader, web
    from aiohttp.http_exceptions import HttpProcessingError
    from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")


def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine; the server handles other requests until it is there. For views."""
    server = getcurrent().parent
    if server is None:  # under another server, such as Flask's test client
        return asyncio.run(coroutine)
    result: T = server.switch(coroutine)
    return result


def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Return what a function returns that takes long; the server handles other requests meanwhile. For views."""
    return wait_for(asyncio.to_thread(function, *args))


class Adapter:
    """Handles the requests of aiohttp's server with a WSGI application."""

    def __init__(self, application: WSGIApplication, scheme: str) -> None:
        self._application, self._scheme = application, scheme

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the application's answer to a request."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        call = greenlet(self._answer)
        found = call.switch(self._environ(request))
        while not call.dead:
            try:
                result = await found
            except BaseException as error:  # noqa: BLE001: the view handles it, or else it is raised here
                found = call.throw(error)
            else:
                found = call.switch(result)
        answer: web.Response = found
        return answer

    def _answer(self, environ: WSGIEnvironment) -> web.Response:
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _failure: Any = None) -> Callable[..., object]:
            head[:] = status, headers
            return head.append  # write(), which Flask does not use

        chunks: Iterable[bytes] = self._application(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        status, headers = head
        return web.Response(status=int(status[:3]), headers=headers, body=body)

    def _environ(self, request: web.BaseRequest) -> WSGIEnvironment:
        host, port = request.transport.get_extra_info("sockname")[:2] if request.transport else ("", 0)
        environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            # An encoded slash stays one: it must not lead to another address.
            "PATH_INFO": request.rel_url.path_safe.encode("utf-8", "surrogateescape").decode("latin-1"),
            "QUERY_STRING": request.rel_url.raw_query_string,
            "REMOTE_ADDR": request.remote or "",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": f"HTTP/{request.version.major}.{request.version.minor}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self._scheme,
            "wsgi.input": _Body(request.content),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for raw_name, raw_value in request.raw_headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            if "_" not in name:  # else it could pass for another header
                key = _variable(name)
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ


def _variable(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


class _Body(io.RawIOBase):
    """The body of a request, C(wsgi.input).

    :raises ConnectionError: when the sender hangs up or violates HTTP, or the server stops, before its end.
    """

    def __init__(self, content: StreamReader) -> None:
        self._content = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = wait_for(self._content.read(len(buffer)))
        except (HttpProcessingError, web.RequestPayloadError) as error:
            raise ConnectionError(str(error)) from error
        buffer[: len(data)] = data
        return len(data)
