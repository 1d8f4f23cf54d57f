# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status page for people: what is answered at its addresses.

The page is three files that never change; all that does, it asks for itself at the address status, beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Only the page's own files and the listener's answers; nothing inline, no markup made of strings (trusted types), in
# nobody's frame. The icon is made by the page, hence data:.
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
    # After an update of the collection, and after signing out, nobody sees an old page.
    "Cache-Control": "no-store",
}
# Address: file, content type.
ADDRESSES: Mapping[str, tuple[str, str]] = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}


class PageFile(NamedTuple):
    """An answer with status 200."""

    body: bytes
    headers: Mapping[str, str]
    """All of them, Content-Type too."""


def page_files() -> dict[str, PageFile]:
    """Return the page's answers by address.

    :raises OSError: when the collection is not installed completely.
    """
    folder = Path(__file__).resolve().parent
    return {
        address: PageFile((folder / name).read_bytes(), {"Content-Type": content_type, **SECURITY_HEADERS})
        for address, (name, content_type) in ADDRESSES.items()
    }


def challenge(address: str) -> str:
    """Return the header WWW-Authenticate of an answer with status 401.

    At the page's own addresses a browser asks the person for the token, as a password. Nowhere else: the page's polls
    go on by themselves, and when the token has changed, a dialogue every two seconds would be in the way.
    """
    return 'Basic realm="hpc.slurm", charset="UTF-8"' if address in ADDRESSES else 'Bearer realm="hpc.slurm"'
