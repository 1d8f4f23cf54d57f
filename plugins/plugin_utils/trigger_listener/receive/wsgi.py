# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapter between aiohttp's HTTP server and the Flask application: it calls a WSGI application for each request.

A WSGI application may block, so WSGI servers call it in threads. Here it is called in the server's own thread, for two
reasons. Two changes of threads take longer than all else that is done for a notification. And notifications that arrive
together must share one write to the disk, which takes as long as several of them.

Each call is a greenlet. While a view waits in C(wait_for) or C(in_thread), for a slow sender, for the disk or for work
that takes long, the server handles other requests. All else that a view does must be short: nothing else is handled
meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

with contextlib.suppress(ImportError):  # source.py says what is missing
    from aiohttp import HttpVersion11, StreamReader, web
    from aiohttp.http_exceptions import HttpProcessingError
    from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

T = TypeVar("T")
# The header Server of every answer names no software.
SERVER = "hpc.slurm"


def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine, in a view. The server handles other requests until it is there."""
    server = getcurrent().parent
    if server is None:  # called by another server, such as Flask's test client
        return asyncio.run(coroutine)
    result: T = server.switch(coroutine)
    return result


def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Return what a function returns that takes long, in a view. The server handles other requests meanwhile."""
    return wait_for(asyncio.to_thread(function, *args))


class Adapter:
    """Answers the requests of aiohttp's server with a WSGI application.

    :param scheme: http or https.
    """

    def __init__(self, application: WSGIApplication, scheme: str) -> None:
        self._application = application
        # Those that wait for a request, the last one first.
        self._idle: list[greenlet] = []
        self._environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": "",
            "SERVER_PORT": "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the answer to a request."""
        if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        worker = self._idle.pop() if self._idle else greenlet(self._work)
        found = worker.switch(self._environ_of(request))
        while not isinstance(found, web.Response):  # the view waits for a coroutine
            try:
                result = await found
            except BaseException as error:  # noqa: BLE001 - raised in the view
                found = worker.throw(error)
            else:
                found = worker.switch(result)
        self._idle.append(worker)
        return found

    def _work(self, environ: WSGIEnvironment) -> None:
        """Answer one request after the other: the first in a greenlet takes three times as long as the next ones."""
        server = getcurrent().parent
        while True:
            environ = server.switch(self._answer(environ))

    def _answer(self, environ: WSGIEnvironment) -> web.Response:
        head: list[Any] = []
        body: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _failure: Any = None
        ) -> Callable[[bytes], object]:
            head[:] = status, headers
            return body.append

        chunks: Iterable[bytes] = self._application(environ, start_response)
        try:
            body.extend(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        status, headers = head
        return web.Response(status=int(status[:3]), headers=[*headers, ("Server", SERVER)], body=b"".join(body))

    def _environ_of(self, request: web.BaseRequest) -> WSGIEnvironment:
        environ: WSGIEnvironment = {
            **self._environ,
            "REQUEST_METHOD": request.method,
            # An encoded slash stays one: it must not lead to another address.
            "PATH_INFO": request.rel_url.path_safe.encode("utf-8", "surrogateescape").decode("latin-1"),
            "QUERY_STRING": request.rel_url.raw_query_string,
            "REMOTE_ADDR": request.remote or "",
            "SERVER_PROTOCOL": f"HTTP/{request.version.major}.{request.version.minor}",
            "wsgi.input": _body(request.content),
        }
        for name, raw in request.raw_headers:
            if variable := _variable(name):
                value = raw.decode("latin-1")
                environ[variable] = f"{environ[variable]},{value}" if variable in environ else value
        return environ


@functools.lru_cache(maxsize=100)
def _variable(header: bytes) -> str:
    """Return the name of a header's variable, empty for a header that could pass for another one."""
    name = header.decode("latin-1").upper()
    if "_" in name:
        return ""
    variable = name.replace("-", "_")
    return variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"


def _body(content: StreamReader) -> io.BufferedIOBase:
    """Return the body of a request, for C(wsgi.input)."""
    if content.is_eof() and not content.exception():  # as from curl, which sends it with the headers
        return io.BytesIO(content.read_nowait())
    return io.BufferedReader(_ArrivingBody(content))


class _ArrivingBody(io.RawIOBase):
    """A body that has not arrived yet.

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
