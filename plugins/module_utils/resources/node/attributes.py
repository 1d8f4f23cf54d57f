# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes of nodes that a task can set: how each is compared, set and cleared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...adapter.errors import SlurmError
from ...adapter.gres import parse_gres
from ...common.names import expect_known
from ...common.texts import expect_text

# A generic resource in gres.conf(5): its name, a type, whether it is only counted, how many there are.
_GRES = re.compile(r"[A-Za-z]\w*(:[\w.+-]*[A-Za-z][\w.+-]*)?(:no_consume)?(:\d+[KMGTP]?)?", re.IGNORECASE)
_COUNT = re.compile(r"\d+[KMGTP]?", re.IGNORECASE)


class Attribute(NamedTuple):
    """An attribute of a node.

    :param key: its name in C(scontrol update nodename).
    :param normalise: converts a value of a task or of pyslurm to the form that is compared.
    :param formatted: converts that form to what scontrol takes.
    """

    key: str
    normalise: Callable[[Any], Any]
    formatted: Callable[[Any], str] = lambda value: "" if value is None else str(value)


def as_text(value: Any) -> Any:
    """Text, exactly as it is given; an empty one is not set."""
    return None if value is None else str(value) or None


def as_name(value: Any) -> Any:
    """A host name or an address, without blanks around it."""
    return None if value is None else str(value).strip() or None


def as_set(value: Any) -> list[str]:
    """Features, in any order; Slurm takes and shows them with commas."""
    items = value.split(",") if isinstance(value, str) else value or []
    return sorted({str(item).strip() for item in items if str(item).strip()})


def as_weight(value: Any) -> int:
    """A whole number; not set is 1, as in slurm.conf(5)."""
    text = str(value if value not in (None, "") else 1)
    if not re.fullmatch(r"\d{1,10}", text):
        raise SlurmError(f"weight is a whole number, this is {value!r}")
    return int(text)


def as_gres(value: Any) -> dict[str, int]:
    """Generic resources: C(gpu:2,gpu:tesla:1), or a mapping C({"gpu": 2, "gpu:tesla": 1}) as they are returned."""
    counts = list(value.values()) if isinstance(value, Mapping) else []
    items = [f"{name}:{count}" for name, count in value.items()] if isinstance(value, Mapping) else as_set(value)
    if not all(map(_COUNT.fullmatch, map(str, counts))) or not all(map(_GRES.fullmatch, items)):
        raise SlurmError(
            "configured_gres is a list of NAME[:TYPE][:no_consume][:COUNT], with counts such as 2 or 4K: this is "
            f"{value!r}"
        )
    return dict(sorted(parse_gres(",".join(items)).items()))


def as_binding(value: Any) -> Any:
    """C(core) and C(cores) are the same, C(none) and C(off) are not set."""
    text = str(value).lower() if value else "off"
    text = text.rstrip("s") if text not in ("none", "off") else "off"
    if text not in ("off", "core", "socket", "ldom", "thread"):
        raise SlurmError(f"cpu_binding is one of off, core, socket, ldom, thread, this is {value!r}")
    return None if text == "off" else text


ATTRIBUTES = {
    "active_features": Attribute("activefeatures", as_set, ",".join),
    "address": Attribute("nodeaddr", as_name),
    "available_features": Attribute("availablefeatures", as_set, ",".join),
    "comment": Attribute("comment", as_text),
    "configured_gres": Attribute("gres", as_gres, lambda gres: ",".join(f"{name}:{gres[name]}" for name in gres)),
    "cpu_binding": Attribute("cpubind", as_binding, lambda value: value or "off"),
    "extra": Attribute("extra", as_text),
    "hostname": Attribute("nodehostname", as_name),
    "weight": Attribute("weight", as_weight),
}
# Slurm refuses an empty value of these.
_NEVER_EMPTY = ("address", "hostname")


def normalised(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's attributes in the form that is compared.

    :raises SlurmError: for an attribute that cannot be set, and for a value that it cannot have.
    """
    expect_known("a node", "attribute to set", list(given), ATTRIBUTES)
    values = {name: ATTRIBUTES[name].normalise(value) for name, value in given.items()}
    for name, value in values.items():
        if isinstance(value, str) and "\n" in expect_text(name, value):
            raise SlurmError(f"an attribute of a node is one line, this has more: {value!r}")
    for name in _NEVER_EMPTY:
        if name in values and values[name] is None:
            raise SlurmError(f"{name} cannot be cleared: Slurm needs one")
    return values


def record_of(node: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes of a node in the form that is compared."""
    return {name: ATTRIBUTES[name].normalise(node[name]) for name in names}


def scontrol_fields(values: Mapping[str, Any]) -> dict[str, str]:
    """Return attributes as scontrol takes them."""
    return {ATTRIBUTES[name].key: ATTRIBUTES[name].formatted(value) for name, value in values.items()}
