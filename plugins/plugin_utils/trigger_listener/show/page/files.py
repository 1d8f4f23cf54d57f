# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status page: the answers at its addresses.

The page is three files that never change; its script gets everything else from the address status beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

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
    """Includes Content-Type."""


def page_files() -> dict[str, PageFile]:
    """Return the answers by address.

    :raises OSError: when the installation of the collection is incomplete.
    """
    folder = Path(__file__).resolve().parent
    return {
        address: PageFile((folder / name).read_bytes(), {"Content-Type": content_type, **SECURITY_HEADERS})
        for address, (name, content_type) in ADDRESSES.items()
    }


def challenge(address: str) -> str:
    """Return the header WWW-Authenticate of an answer with status 401.

    At the page's own addresses the browser asks for the token, as a password. Not at the address status, which the page
    requests every two seconds: a changed token would open that many dialogues.
    """
    return 'Basic realm="hpc.slurm", charset="UTF-8"' if address in ADDRESSES else 'Bearer realm="hpc.slurm"'
