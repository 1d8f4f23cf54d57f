# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A chat to which playbooks post what they did."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path


class Chat:
    """A webhook on this machine, and the messages that it got."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        messages = self.messages

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Nothing on stderr."""

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def variables(self, directory: Path) -> dict[str, str]:
        """Return the variables with which playbooks post to it; the address is in a file of the directory."""
        (directory / "url").write_text(f"http://127.0.0.1:{self._server.server_port}/hook\n", encoding="ascii")
        return {"hpc_slurm_notify_tasks": "webhook", "hpc_slurm_webhook_url_file": str(directory / "url")}

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
