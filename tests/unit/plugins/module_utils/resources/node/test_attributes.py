# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node import attributes as node_attributes

TABLE: list[tuple[str, Any, Any, str]] = [
    ("comment", " a = b ", "a = b", "a = b"),
    ("comment", 12, "12", "12"),
    ("comment", "", None, ""),
    ("comment", None, None, ""),
    ("extra", "e", "e", "e"),
    ("extra", "  ", None, ""),
    ("weight", 7, 7, "7"),
    ("weight", "7", 7, "7"),
    ("weight", 0, 0, "0"),
    ("weight", "", 1, "1"),
    ("weight", None, 1, "1"),
    ("available_features", "b,a , a", ["a", "b"], "a,b"),
    ("available_features", ["b", " a"], ["a", "b"], "a,b"),
    ("available_features", [], [], ""),
    ("active_features", "", [], ""),
    ("active_features", None, [], ""),
    ("configured_gres", "gpu:2", {"gpu": 2}, "gpu:2"),
    ("configured_gres", "gpu:tesla:1,gpu:2", {"gpu": 2, "gpu:tesla": 1}, "gpu:2,gpu:tesla:1"),
    ("configured_gres", ["gpu:tesla:1", "fpga:0"], {"fpga": 0, "gpu:tesla": 1}, "fpga:0,gpu:tesla:1"),
    ("configured_gres", {"gpu:tesla": "1", "gpu": 2}, {"gpu": 2, "gpu:tesla": 1}, "gpu:2,gpu:tesla:1"),
    ("configured_gres", {}, {}, ""),
    ("configured_gres", "", {}, ""),
    ("configured_gres", None, {}, ""),
    ("cpu_binding", "Cores", "core", "core"),
    ("cpu_binding", "ldoms", "ldom", "ldom"),
    ("cpu_binding", "socket", "socket", "socket"),
    ("cpu_binding", "threads", "thread", "thread"),
    ("cpu_binding", "none", None, "off"),
    ("cpu_binding", "off", None, "off"),
    ("cpu_binding", "", None, "off"),
    ("cpu_binding", False, None, "off"),  # what YAML makes of off
    ("cpu_binding", None, None, "off"),
    ("address", " gpu07-ib ", "gpu07-ib", "gpu07-ib"),
    ("hostname", "gpu07", "gpu07", "gpu07"),
]


@pytest.mark.parametrize(("name", "given", "normal", "written"), TABLE)
def test_an_attribute(name: str, given: Any, normal: Any, written: str) -> None:
    assert node_attributes.normalised({name: given}) == {name: normal}
    assert node_attributes.record_of({name: given, "state": []}, [name]) == {name: normal}
    assert node_attributes.normalised({name: normal}) == {name: normal}
    assert node_attributes.words({name: normal}) == {node_attributes.ATTRIBUTES[name].key: written}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"comment": "a\nb"}, "an attribute of a node is one line"),
        ({"weight": "heavy"}, "weight is a whole number, this is 'heavy'"),
        ({"weight": -1}, "weight is a whole number"),
        ({"weight": 1.5}, "weight is a whole number"),
        ({"configured_gres": "gpu"}, "configured_gres is a list of NAME:COUNT"),
        ({"configured_gres": "gpu:"}, "configured_gres is a list of NAME:COUNT"),
        ({"configured_gres": "gpu:1K"}, "configured_gres is a list of NAME:COUNT"),
        ({"configured_gres": {"gpu": None}}, "configured_gres is a list of NAME:COUNT"),
        ({"cpu_binding": "tight"}, "cpu_binding is one of off, core, socket, ldom, thread"),
        ({"address": ""}, "address cannot be cleared"),
        ({"hostname": None}, "hostname cannot be cleared"),
        ({"wight": 1}, r"a node has no attribute to set wight: did you mean weight\?"),
        ({"state": "DRAIN"}, "a node has no attribute to set state"),
    ],
)
def test_what_cannot_be_set(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SlurmError, match=words):
        node_attributes.normalised(given)
