# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP load as curl makes it: a new connection for each request, closed when the answer is there.

    load.py '{"port": 8080, "head": "POST /x HTTP/1.1\\r\\n...", "body": "n{:07}", "requests": 1000, "at_once": 32}'
    load.py '{..., "requests": 1000, "rate": 100}'

The first keeps so many requests under way; the second starts one at its time, whatever became of those before, and
counts its latency from that time. Prints as JSON the seconds that it all took, the latencies, and the answers by
status. One thread and no HTTP library: a server in Python is never the faster one. C(--server PORT) is one that does
next to nothing, to show what this program is able to.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from typing import Any, Optional

# Seconds after which a request has failed.
LIMIT = 30.0


class Request:
    """One request on its way."""

    def __init__(self, address: tuple[str, int], message: bytes, since: float) -> None:
        self.since, self._message, self._answer, self._size = since, message, b"", -1
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.connect_ex(address)

    def send(self) -> bool:
        """Send what is to be sent; False when the connection is not there yet."""
        try:
            sent = self.sock.send(self._message)
        except BlockingIOError:
            return False
        assert sent == len(self._message), "a request larger than the buffer of a socket"
        return True

    def receive(self) -> Optional[str]:
        """Return the status when the answer is complete, else None."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            return "reset"
        self._answer += data
        if self._size < 0:
            head, end, _body = self._answer.partition(b"\r\n\r\n")
            if end:
                self._size = len(head) + 4 + content_length(head)
        if 0 <= self._size <= len(self._answer):
            return self._answer[9:12].decode("ascii")
        return None if data else "cut off"


def content_length(head: bytes) -> int:
    at = head.lower().index(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0])


class Load:
    """Requests to one address, until all are answered."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order, self._address = order, (order.get("host", "127.0.0.1"), int(order["port"]))
        self._head = order["head"].encode() + b"Content-Length: "
        self._selector = selectors.EpollSelector()
        self._started = self._open = 0
        self._latencies: list[float] = []
        self._answers: Counter[str] = Counter()

    def run(self) -> dict[str, Any]:
        requests, rate, at_once = (int(self._order.get(name, 0)) for name in ("requests", "rate", "at_once"))
        begin = time.perf_counter()
        while self._started < requests or self._open:
            now = time.perf_counter()
            if rate:
                while self._started < requests and (due := begin + self._started / rate) <= now:
                    self._start(due)
                wait = begin + self._started / rate - time.perf_counter() if self._started < requests else 1.0
            else:
                while self._started < requests and self._open < at_once:
                    self._start(time.perf_counter())
                wait = 1.0
            # The kernel waits whole milliseconds: the rest is spun away, or every request would start late.
            self._turn(int(max(wait, 0.0) * 1000) / 1000)
        seconds = time.perf_counter() - begin
        return {"seconds": seconds, "latencies": self._latencies, "answers": dict(self._answers)}

    def _start(self, since: float) -> None:
        body = self._order["body"].format(self._order.get("first", 0) + self._started).encode()
        request = Request(self._address, self._head + b"%d\r\n\r\n" % len(body) + body, since)
        self._started += 1
        self._open += 1
        sent = request.send()
        self._selector.register(request.sock, selectors.EVENT_READ if sent else selectors.EVENT_WRITE, request)

    def _turn(self, wait: float) -> None:
        for key, mask in self._selector.select(wait):
            request: Request = key.data
            if mask & selectors.EVENT_WRITE:
                try:
                    if request.send():
                        self._selector.modify(request.sock, selectors.EVENT_READ, request)
                except OSError as error:
                    self._end(request, type(error).__name__)
            elif (status := request.receive()) is not None:
                self._end(request, status)
        if self._open and wait:
            self._give_up(time.perf_counter() - LIMIT)

    def _end(self, request: Request, status: str) -> None:
        self._latencies.append(time.perf_counter() - request.since)
        self._answers[status] += 1
        self._selector.unregister(request.sock)
        request.sock.close()
        self._open -= 1

    def _give_up(self, oldest: float) -> None:
        # The first registered is the oldest: one look is enough to know that none is too old.
        for key in list(self._selector.get_map().values()):
            if key.data.since > oldest:
                return
            self._end(key.data, "no answer")


def serve(port: int) -> None:
    """Answer everything with 202, as fast as one thread of Python can."""
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listening, selectors.EpollSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        while True:
            for key, _mask in selector.select():
                if key.fileobj is listening:
                    sock, _address = listening.accept()
                    sock.setblocking(False)
                    selector.register(sock, selectors.EVENT_READ, sock)
                else:
                    key.data.recv(65536)
                    selector.unregister(key.data)
                    key.data.send(answer)
                    key.data.close()


if __name__ == "__main__":
    if sys.argv[1] == "--server":
        serve(int(sys.argv[2]))
    else:
        print(json.dumps(Load(json.loads(sys.argv[1])).run()))
