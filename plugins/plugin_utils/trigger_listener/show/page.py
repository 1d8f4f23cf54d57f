# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status page: its addresses and headers.

The page is three files in static/ that never change; its script gets everything else from the address status beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

with contextlib.suppress(ImportError):  # source.py says what is missing
    from flask import Blueprint, request, send_from_directory

if TYPE_CHECKING:
    from flask import Response

# Only the page's own files and the listener's answers; nothing inline, no markup made of strings (trusted types), no
# frames. data: is for the icon, which the page draws itself.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # No old page is shown after an update of the collection, or after signing out.
    "Cache-Control": "no-store",
}
STATIC = Path(__file__).resolve().parent / "static"
# Address: file, content type, which the system's own tables may not know.
ADDRESSES: Mapping[str, tuple[str, str]] = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}


def create_page() -> Blueprint:
    """Return the addresses of the page."""
    page = Blueprint("page", __name__)

    def file() -> Response:
        name, content_type = ADDRESSES[request.path]
        return send_from_directory(STATIC, name, mimetype=content_type)

    for address in ADDRESSES:
        page.add_url_rule(address, view_func=file)

    @page.after_request
    def secure(response: Response) -> Response:
        response.headers.update(SECURITY_HEADERS)
        return response

    return page


def challenge(address: str) -> str:
    """Return the header WWW-Authenticate of an answer with status 401.

    At the page's own addresses the browser asks for the token, as a password. Not at the address status, which the page
    requests every two seconds: a changed token would open that many dialogues.
    """
    return 'Basic realm="hpc.slurm", charset="UTF-8"' if address in ADDRESSES else 'Bearer realm="hpc.slurm"'
