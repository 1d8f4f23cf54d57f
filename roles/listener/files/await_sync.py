"""Wait until a listener answers, request a sync, and wait until it has succeeded.

    await_sync.py ADDRESS SECONDS UNIT FILES <TOKEN

FILES is a JSON object with cafile, the certificate authority of the listener, and certfile, a client certificate, each
null where there is none. Prints that the listener works, or what is wrong, and ends with status 1.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from typing import Any, Optional

# Restarts of the unit after which there is no point in waiting.
MAX_RESTARTS = 3
PAUSE = 0.5


class ProblemError(Exception):
    """What is wrong, and what to do."""


class Listener:
    """The listener, as a client sees it."""

    def __init__(self, address: str, token: str, cafile: Optional[str], certfile: Optional[str]) -> None:
        self.address, self._token = address, token
        context = ssl.create_default_context(cafile=cafile)
        if certfile:
            context.load_cert_chain(certfile)
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
        self._opener = urllib.request.build_opener(*handlers)

    def ask(self, path: str, method: str = "GET") -> Any:
        """Return the JSON of an answer, also of one that says that it is not healthy.

        :raises OSError: when nothing answers.
        :raises ProblemError: when the listener refuses the request.
        """
        request = urllib.request.Request(f"{self.address}{path}", method=method)  # noqa: S310 - the listener's own
        request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return json.load(error)
            text = error.read(500).decode(errors="replace")
            raise ProblemError(f"{self.address}{path} answers {error.code}: {text.strip()}") from None


class Unit:
    """The unit of systemd."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._before = self.restarts()

    def _show(self, name: str) -> str:
        command = ["systemctl", "show", f"--property={name}", "--value", self.name]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def restarts(self) -> int:
        return int(self._show("NRestarts") or 0)

    def keeps_ending(self) -> bool:
        return self.restarts() - self._before >= MAX_RESTARTS

    def report(self) -> str:
        """Return how often it was restarted, how it ended last, and its last output."""
        result, status = self._show("Result"), self._show("ExecMainStatus")
        command = ["journalctl", "--unit", self.name, "--lines=12", "--output=cat", "--no-pager"]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        return (
            f"{self.name} was restarted {self.restarts()} times, its last result is {result} with status {status}. "
            f"Its last output (journalctl --unit {self.name}):\n{output}"
        )


def await_sync(listener: Listener, unit: Unit, limit: float) -> None:
    """Wait for an answer, and for a sync that is requested now.

    :raises ProblemError: when the time is over, the sync fails, or the unit ends again and again.
    """
    deadline, last, requested = time.monotonic() + limit, "", None
    while time.monotonic() < deadline and not unit.keeps_ending():
        try:
            status = listener.ask("/status")
            if requested is None:
                requested = listener.ask(f"/{status['id']}/sync", "POST")["requested"]
            if is_synced(status["sync"], requested):
                return
            last = "; ".join(status["health"]["reasons"])
        except (OSError, http.client.HTTPException, ValueError) as error:
            last = str(getattr(error, "reason", error))
        time.sleep(PAUSE)
    if requested is None:
        raise ProblemError(f"Nothing answers at {listener.address}: {last}. {unit.report()}")
    raise ProblemError(f"The sync was not completed within {limit:.0f} s. {last} {unit.report()}")


def is_synced(sync: dict[str, Any], requested: float) -> bool:
    """Return whether a sync that read Slurm after the request has succeeded.

    :raises ProblemError: when it has failed.
    """
    if sync["failure"] and sync["failure"]["time"] >= requested:
        raise ProblemError(f"The listener runs, but its sync failed: {sync['failure']['error']}")
    return bool(sync["read_at"] and sync["read_at"] >= requested)


def main() -> int:
    address, seconds, unit, files = sys.argv[1:]
    try:
        listener = Listener(address, sys.stdin.read().strip(), **json.loads(files))
        await_sync(listener, Unit(unit), float(seconds))
        health = listener.ask("/healthz")
        if health["reasons"]:
            raise ProblemError(f"A sync has succeeded, but the listener is not healthy: {'; '.join(health['reasons'])}")
    except (ProblemError, OSError) as error:
        print(error)
        return 1
    print(f"The listener works at {address}: a sync has succeeded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
