# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of the event source, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from .tls import Certificate
from .tokens import Tokens

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

GRANULARITIES = ("batch", "node")
ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True)
class Settings:
    """The arguments from a rulebook, checked; the attributes have the documented names."""

    host: str = "127.0.0.1"
    port: int = 32000
    url: str = ""
    id: Optional[str] = None
    cluster: Optional[str] = None
    state_dir: Path = Path()
    tokens: Tokens = field(default_factory=Tokens, repr=False)
    tls: Optional[Certificate] = None
    allowed_networks: tuple[Network, ...] = ()
    granularity: str = "batch"
    permanent: bool = True
    trigger_fired: bool = False
    sync_interval: int = 300
    retries_per_day: int = 3
    reaction_limit: int = 3600
    max_body: int = 1048576
    feedback: bool = False

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> Settings:
        """Check the arguments of a rulebook.

        :raises ValueError: with the argument's name, what is wrong with it and what to write instead.
        """
        unknown = sorted(set(args) - set(ARGUMENTS))
        if unknown:
            raise ValueError(f"unknown argument {', '.join(unknown)}; there are: {', '.join(ARGUMENTS)}")
        host = _text(args, "host") or cls.host
        port = _number(args, "port", cls.port, 0, 65535)
        tokens = _tokens(args)
        tls = _tls(args)
        if not _is_loopback(host) and not tokens and _text(args, "cafile") is None:
            raise ValueError(
                f"host {host} can be reached from other machines: give token or token_file, or cafile for client "
                "certificates, or bind to 127.0.0.1"
            )
        return cls(
            host=host,
            port=port,
            url=_url(args, "https" if tls else "http", host, port),
            id=_identity(args),
            cluster=_text(args, "cluster"),
            state_dir=_state_dir(args),
            tokens=tokens,
            tls=tls,
            allowed_networks=_networks(args),
            granularity=_choice(args, "granularity", GRANULARITIES),
            permanent=_flag(args, "permanent", default=True),
            trigger_fired=_flag(args, "trigger_fired"),
            sync_interval=_number(args, "sync_interval", cls.sync_interval, 0, 86400),
            retries_per_day=_number(args, "retries_per_day", cls.retries_per_day, 0, 100),
            reaction_limit=_number(args, "reaction_limit", cls.reaction_limit, 60, 86400),
            max_body=_number(args, "max_body", cls.max_body, 1024, 1 << 30),
            feedback=_flag(args, "feedback"),
        )


# The arguments that a rulebook may give.
ARGUMENTS = (
    "host",
    "port",
    "url",
    "id",
    "cluster",
    "state_dir",
    "token",
    "token_file",
    "certfile",
    "keyfile",
    "cafile",
    "allowed_networks",
    "granularity",
    "permanent",
    "trigger_fired",
    "sync_interval",
    "retries_per_day",
    "reaction_limit",
    "max_body",
    "feedback",
)


def _text(args: Mapping[str, Any], name: str) -> Optional[str]:
    value = args.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        shown = type(value).__name__ if name == "token" else repr(value)
        raise ValueError(f"{name} must be a non-empty string, not {shown}")
    return value.strip()


def _number(args: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = args.get(name, default)
    try:
        number = int(value)  # a variable in a rulebook arrives as a string
    except (TypeError, ValueError):
        number = low - 1
    if isinstance(value, (bool, float)) or not low <= number <= high:
        raise ValueError(f"{name} must be an integer from {low} to {high}, not {value!r}")
    return number


def _flag(args: Mapping[str, Any], name: str, default: bool = False) -> bool:
    value = args.get(name, default)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        value = value.lower() == "true"  # a variable in a rulebook arrives as a string
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def _choice(args: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = args.get(name, choices[0])
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return str(value)


def _url(args: Mapping[str, Any], scheme: str, host: str, port: int) -> str:
    given = _text(args, "url")
    if given is None:
        if host in ("0.0.0.0", "::"):  # noqa: S104
            raise ValueError(
                f"host {host} is every address of this machine: give url, the address that the controller uses"
            )
        given = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    given = given.rstrip("/")
    if not re.fullmatch(r"https?://[^\s'\"\\]+", given):
        raise ValueError(f"url must start with http:// or https:// and hold no blanks or quotes, not {given!r}")
    return given


def _identity(args: Mapping[str, Any]) -> Optional[str]:
    given = _text(args, "id")
    if given is not None and not ID.fullmatch(given):
        raise ValueError(f"id must be 16 to 64 letters, digits, - or _, not {given!r}")
    return given


def _state_dir(args: Mapping[str, Any]) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    given = _text(args, "state_dir") or f"{base}/hpc-slurm/trigger_listener"
    try:
        path = Path(given).expanduser()
    except RuntimeError as error:
        raise ValueError(f"state_dir {given} cannot be used: {error}") from None
    if not path.is_absolute():
        raise ValueError(f"state_dir must be an absolute path, not {str(path)!r}")
    return path


def _tokens(args: Mapping[str, Any]) -> Tokens:
    given, file = _text(args, "token"), _text(args, "token_file")
    if given and file:
        raise ValueError("token and token_file exclude each other: leave token out")
    try:
        return Tokens(given, Path(file).expanduser() if file else None)
    except RuntimeError as error:
        raise ValueError(f"token_file {file} cannot be read: {error}") from None


def _tls(args: Mapping[str, Any]) -> Optional[Certificate]:
    """Return the loaded certificate, or None when none is given."""
    certfile, keyfile, cafile = (_text(args, name) for name in ("certfile", "keyfile", "cafile"))
    if certfile is None:
        if keyfile or cafile:
            raise ValueError("keyfile and cafile need certfile, the listener's own certificate: give it too")
        return None
    return Certificate(certfile, keyfile, cafile)


def _networks(args: Mapping[str, Any]) -> tuple[Network, ...]:
    given = args.get("allowed_networks")
    texts = [given] if isinstance(given, str) else given or []
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise ValueError(f"allowed_networks must be addresses or networks such as 192.0.2.0/24: {error}") from None
    return tuple(networks)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
