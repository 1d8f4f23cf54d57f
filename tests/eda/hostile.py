"""Requests that nobody should send, and connections that nobody should keep, for tests of the listener."""

from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import json
import random
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# Seconds that a request waits for its answer, well beyond what a busy listener takes.
PATIENCE = 20.0
# The characters of hostlists, and some that are in none.
ALPHABET = "abcn0123456789[]-,._@!*&%$ \t\n\r\x00\x1b\x7f\x85\u00e4\u0661\u20ac\u2028\U0001f600"
NODE = "evil"


class Attack(NamedTuple):
    """A request.

    :param pieces: sent one after the other.
    :param ending: what the sender does then: C(waits), C(hangs up) its side of the connection, or C(resets) it.
    """

    kind: str
    pieces: list[bytes]
    ending: str = "waits"


class Attacks:
    """An endless supply, the same for the same dice. None of them may have any effect."""

    def __init__(self, dice: random.Random, identity: str, token: str) -> None:
        self._dice, self._identity, self._token = dice, identity, token
        self._bearer = f"Authorization: Bearer {token}\r\n".encode()
        kinds: dict[Callable[[], Attack], int] = {
            self._token_is_wrong: 20,
            self._path_is_wrong: 15,
            self._body_is_no_hostlist: 20,
            self._body_is_no_snapshot: 15,
            self._headers_are_odd: 10,
            self._is_no_http: 8,
            self._is_cut_off: 8,
            self._chunks_are_broken: 3,
            self._is_too_large: 0,
        }
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def __iter__(self) -> Iterator[Attack]:
        number = 0
        while True:
            number += 1
            # A megabyte each.
            yield self._is_too_large() if number % 500 == 0 else self._dice.choices(self._kinds, self._weights)[0]()

    # The parts of a request.

    def _text(self, most: int, alphabet: str = ALPHABET) -> str:
        return "".join(self._dice.choices(alphabet, k=self._dice.randint(0, most)))

    def _bytes(self, most: int) -> bytes:
        return self._dice.randbytes(self._dice.randint(0, most))

    def _request(self, method: str, path: bytes | str, headers: bytes, body: bytes = b"") -> bytes:
        raw = path.encode() if isinstance(path, str) else path
        length = f"Content-Length: {len(body)}\r\n".encode() if body else b""
        line = method.encode() + b" " + raw + b" HTTP/1.1\r\n"
        return line + b"Host: 127.0.0.1\r\n" + headers + length + b"Connection: close\r\n\r\n" + body

    def _down(self, headers: bytes, body: bytes) -> bytes:
        return self._request("POST", f"/{self._identity}/node/down", headers, body)

    def _snapshot(self, body: bytes) -> bytes:
        return self._request("POST", f"/{self._identity}/snapshot", self._bearer, body)

    def _sliced(self, data: bytes) -> list[bytes]:
        cuts = sorted(self._dice.randrange(len(data) + 1) for _cut in range(self._dice.choice((0, 0, 0, 1, 3))))
        return [data[low:high] for low, high in zip([0, *cuts], [*cuts, len(data)])]

    # The kinds.

    def _token_is_wrong(self) -> Attack:
        token, dice = self._token, self._dice
        at = dice.randrange(len(token))
        shown = dice.choice(
            (
                b"",
                b"Bearer",
                token.encode(),
                f"Bearer  {token}".encode(),
                f"Bearer {token[:at]}".encode(),
                f"Bearer {token[:at]}{chr(ord(token[at]) ^ 1)}{token[at + 1 :]}".encode(),
                f"Bearer {token}{self._text(8, 'abc0')}x".encode(),
                f"Token {token}".encode(),
                b"Bearer " + self._bytes(64).replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b""),
                b"Basic " + base64.b64encode(f"{token}:{token[:-1]}".encode()),
                b"Basic " + self._text(40, "ABCabc=+/0").encode(),
                b"Bearer " + b"x" * dice.randint(500, 9000),
            )
        )
        lines = b"Authorization: " + shown + b"\r\n"
        if dice.random() < 0.1:
            lines = self._bearer + lines  # two of them are none
        what = dice.choice((self._down(lines, NODE.encode()), self._request("GET", "/status", lines)))
        return Attack("token", self._sliced(what))

    def _path_is_wrong(self) -> Attack:
        dice, identity = self._dice, self._identity
        at = dice.randrange(len(identity))
        path: bytes | str = dice.choice(
            (
                "/" + self._text(60, "abc/.%0fF?#&;:@!~*'()-_\\").replace(" ", ""),
                b"/" + self._bytes(40).translate(None, b" \r\n\0"),
                f"/{identity[:at]}{chr(ord(identity[at]) ^ 1)}{identity[at + 1 :]}/node/down",
                f"/{identity}/{self._text(8, 'abnode')}x/down",
                f"/{identity}/node/{self._text(8, 'downr')}x",
                f"/{identity}/node/down/{self._text(8, 'abc/.')}x",
                f"/{identity}%2fnode%2fdown",
                f"/../../{identity}x/snapshot",
                "/%" + self._text(6, "0123456789abcdefgG%"),
                "/" + "x/" * dice.randint(1, 4000),
                f"http://[::1/{identity}/node/down",
                "*",
            )
        )
        method = dice.choice(("POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"))
        return Attack("path", self._sliced(self._request(method, path, self._bearer, NODE.encode())))

    def _body_is_no_hostlist(self) -> Attack:
        dice = self._dice
        body = dice.choice(
            (
                self._text(80).encode(),
                self._text(80, "n0123456789[]-,").encode(),
                b"n" + b"[0-9]" * dice.randint(1, 3000),
                b"n[" + b"9" * dice.randint(1, 200) + b"-" + b"9" * dice.randint(1, 200) + b"]",
                b"n[1-" + str(10 ** dice.randint(6, 60)).encode() + b"]",
                b"@" + self._text(20, "abc:all*").encode(),
                b"[" * dice.randint(1, 5000),
                b"a," * dice.randint(1, 5000),
                self._bytes(200),
                b"payload=" + self._text(50, "abc%=&+").encode(),
            )
        )
        # In no hostlist, wherever it is.
        at = dice.randrange(len(body) + 1)
        body = body[:at] + b"!" + body[at:]
        return Attack("body", self._sliced(self._down(self._bearer, body)))

    def _body_is_no_snapshot(self) -> Attack:
        return Attack("snapshot", self._sliced(self._snapshot(self._bad_snapshot())))

    def _bad_snapshot(self) -> bytes:
        dice = self._dice
        group: dict[str, Any] = {
            "nodes": f"{NODE}[1-9]",
            "state": ["DOWN"],
            "reason": self._text(20),
            "reason_user": "root",
            "reason_time": 1,
        }
        content: dict[str, Any] = {
            "time": 1790000000.0,
            "age": 0.1,
            "slurm_user": "slurm",
            "count": 100,
            "nodes": [group],
            "triggers": [],
        }
        odd: list[Any] = [None, True, -1, 1e999, 10**400, "x", [], {}, [[]], {"a": 1}, float("nan"), "\ud800"]
        match dice.randrange(8):
            case 0:  # a field that is not there
                where = dice.choice((content, group))
                del where[dice.choice(sorted(where))]
            case 1:  # one that should not be there
                dice.choice((content, group))[self._text(20) + "!"] = dice.choice(odd)
            case 2:  # one of another kind
                content[dice.choice(("time", "age", "slurm_user", "count", "nodes", "triggers"))] = ["!"]
            case 3:
                group["nodes"] = dice.choice(("", "n[", "n[1-99999999]", "@all", 7, self._text(9) + "!"))
            case 4:
                group["state"] = dice.choice(([], ["down"], [7], "DOWN", None, [["DOWN"]], {}))
            case 5:  # far too many, by a short text
                content["nodes"] = [{**group, "nodes": "n[1-100000]"}] * dice.randint(2, 50)
                content["count"] = 100000
            case 6:
                opened = dice.choice(('{"a":', "[", '{"nodes":['))
                return (opened * dice.randint(1, 20000)).encode()
            case _:  # cut off, or something in the midst of it
                text = json.dumps(content).encode()
                at = dice.randrange(1, len(text))
                return dice.choice((text[:at], text[:at] + b"\xff" + text[at:], text + self._bytes(20) + b"}"))
        return json.dumps(content).encode()

    def _headers_are_odd(self) -> Attack:
        dice = self._dice
        lines = dice.choice(
            (
                b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(dice.randint(1, 300))),
                b"X: " + b"x" * dice.randint(8000, 60000) + b"\r\n",
                b"X" * dice.randint(1, 20000) + b": x\r\n",
                self._bytes(100) + b"\r\n",
                b"Transfer-Encoding: " + self._text(20, "chunkedgzip, ").encode() + b"\r\n",
                b"Content-Length: " + self._text(20, "0123456789-+abc ").encode() + b"\r\n",
                b"Expect: " + self._text(20, "100-continue ").encode() + b"\r\n",
                b"Upgrade: websocket\r\nConnection: upgrade\r\n",
                b"Content-Encoding: deflate\r\n",
                b"Content-Type: " + self._text(30, "text/;=charsetutf-8\"'\u00e4").encode() + b"\r\n",
                b"Cookie: " + self._bytes(200).translate(None, b"\r\n") + b"\r\n",
                b"Host: [[[\r\nHost: x\r\n",
                b"Range: bytes=0-,-1\r\nIf-None-Match: *\r\n",
            )
        )
        # With no token, or a body that is no hostlist.
        given = self._down(lines, NODE.encode()) if dice.random() < 0.5 else self._down(self._bearer + lines, b"n[")
        return Attack("headers", self._sliced(given))

    def _is_no_http(self) -> Attack:
        dice = self._dice
        data = dice.choice(
            (
                self._bytes(400),
                b"\x16\x03\x01" + self._bytes(300),
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self._bytes(50),
                self._text(200).encode(),
                b"GET /healthz\r\n\r\n",
                b"GET /healthz HTTP/9.9\r\n\r\n",
                b"\r\n" * dice.randint(1, 100),
                b"POST " + b"/" * dice.randint(1, 50000),
                b"SSH-2.0-x\r\n",
                b"",
            )
        )
        return Attack("no HTTP", self._sliced(data), dice.choice(("hangs up", "resets")))

    def _is_cut_off(self) -> Attack:
        """One that would have had an effect, but for its end."""
        dice = self._dice
        whole = self._down(self._bearer, f"{NODE}[1-{dice.randint(10, 99)}]".encode())
        part = whole[: dice.randrange(len(whole))]
        return Attack("cut off", self._sliced(part), dice.choice(("hangs up", "resets")))

    def _chunks_are_broken(self) -> Attack:
        dice = self._dice
        head = self._down(self._bearer + b"Transfer-Encoding: chunked\r\n", b"")
        chunk = b"4\r\nevil\r\n"
        ending = dice.choice(
            (b"zz\r\n", b"-1\r\n", b"4\r\nevilx\r\n0\r\n\r\n", b"f" * 20 + b"\r\n", b"4;" + b"x" * 9000, b"")
        )
        return Attack("chunks", [head, chunk * dice.randint(0, 3), ending], "hangs up")

    def _is_too_large(self) -> Attack:
        return Attack("too large", [self._down(self._bearer, NODE.encode() * 300_000)])


class Report:
    """What became of the requests: how each kind was answered."""

    def __init__(self) -> None:
        self.answers: collections.Counter[tuple[str, str]] = collections.Counter()

    def __str__(self) -> str:
        rows = []
        for kind in sorted({kind for kind, _answer in self.answers}):
            found = {answer: count for (name, answer), count in self.answers.items() if name == kind}
            told = ", ".join(f"{answer} {count}" for answer, count in sorted(found.items()))
            rows.append(f"  {kind:10} {sum(found.values()):7}: {told}")
        return "\n".join(rows)

    def statuses(self) -> set[str]:
        return {answer for _kind, answer in self.answers}


async def attack(port: int, attacks: Iterator[Attack], number: int, at_once: int, report: Report) -> None:
    """Send so many requests, so many of them at the same time, and wait for what becomes of each."""
    left = iter(range(number))

    async def work() -> None:
        for _one in left:
            one = next(attacks)
            report.answers[one.kind, await _send(port, one)] += 1

    await asyncio.gather(*(work() for _worker in range(at_once)))


async def _send(port: int, one: Attack) -> str:
    """Return the status of the answer, or what happened instead."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        return type(error).__name__
    try:
        return await asyncio.wait_for(_talk(reader, writer, one), PATIENCE)
    except asyncio.TimeoutError:
        return "no answer"
    except OSError:
        return "closed"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, one: Attack) -> str:
    for piece in one.pieces:
        writer.write(piece)
        await writer.drain()
        if len(one.pieces) > 1:
            await asyncio.sleep(0.001)
    if one.ending == "resets":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return "reset by us"
    if one.ending == "hangs up":
        writer.write_eof()
    line = await reader.readline()
    while line.startswith(b"HTTP/1.1 100 "):
        await reader.readuntil(b"\r\n\r\n")
        line = await reader.readline()
    return line.split()[1].decode() if line.startswith(b"HTTP/") else "closed"


async def idle(port: int, trickles: bool) -> None:
    """Keep a connection that says nothing, or a byte now and then; another one whenever it is closed."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                if trickles:
                    await _trickle(writer)
                else:
                    await reader.read(1)
            finally:
                writer.close()
        await asyncio.sleep(2)


async def _trickle(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.1)
