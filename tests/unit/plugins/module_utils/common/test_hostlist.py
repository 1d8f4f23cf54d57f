# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist

GRAMMAR = {
    "node1": ["node1"],
    "node[1-3]": ["node1", "node2", "node3"],
    "node[1-3,7],gpu07": ["gpu07", "node1", "node2", "node3", "node7"],
    "n[08-11]": ["n08", "n09", "n10", "n11"],
    "n[1-2]-[1-2]": ["n1-1", "n1-2", "n2-1", "n2-2"],
    "n2,n10,n1": ["n1", "n2", "n10"],
    "n1,n[1-2],n1": ["n1", "n2"],
    "login.example.org,a_b": ["a_b", "login.example.org"],
    "[1-2]": ["1", "2"],
    "rack[1-2]n[3]x": ["rack1n3x", "rack2n3x"],
    "n9[8-11]": ["n98", "n99", "n910", "n911"],
    "n[001-3,010]": ["n001", "n002", "n003", "n010"],
    "n[1,01],login,7login": ["7login", "login", "n01", "n1"],
}
NOT_HOSTLISTS = [
    "",
    " ",
    ",",
    "n1,",
    ",n1",
    "n1,,n2",
    "n1 n2",
    "n1\n",
    "n1\nn2",
    "n1\x00",
    "@all",
    "n1,@all",
    "@*",
    "n[1-3",
    "n1-3]",
    "n[]",
    "n[-3]",
    "n[1-]",
    "n[1-2-3]",
    "n[[1-2]]",
    "n[0-10/2]",
    "n[a-c]",
    "n[1-2]!n1",
    "n1&n2",
    "n*",
    "-n1",
    ".n1",
    "n\u0661",
    "n[\u0661-\u0663]",
    "n[1-\uff13]",
    "\u00fc1",
    "n[" + "1" * 65 + "]",
    "$(id)",
    "n;id",
    "../n",
]


@pytest.mark.parametrize(("text", "names"), GRAMMAR.items())
def test_expand(text: str, names: list[str]) -> None:
    assert hostlist.expand(text) == names


@pytest.mark.parametrize(("text", "names"), GRAMMAR.items())
def test_count_does_not_expand(text: str, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(hostlist, "_names")
    repeated = 2 if text == "n1,n[1-2],n1" else 0
    assert hostlist.count(text) == len(names) + repeated


@pytest.mark.parametrize("text", GRAMMAR)
def test_fold_and_expand_are_inverse(text: str) -> None:
    names = hostlist.expand(text)
    assert hostlist.expand(hostlist.fold(names)) == names
    assert hostlist.fold(hostlist.expand(hostlist.fold(names))) == hostlist.fold(names)


@pytest.mark.parametrize("text", NOT_HOSTLISTS)
def test_not_a_hostlist(text: str) -> None:
    for read in (hostlist.expand, hostlist.count):
        with pytest.raises(SlurmError, match="not a hostlist"):
            read(text)


@pytest.mark.parametrize("text", ["n[3-1]", "n1,n[3-1]"])
def test_a_range_from_high_to_low(text: str) -> None:
    with pytest.raises(SlurmError, match="not a hostlist"):
        hostlist.expand(text)


@pytest.mark.parametrize(
    "text",
    [
        "n[1-5000000]",
        "n[0-999999999]",
        "n[1-1000]-[1-1000]",
        "a[1-60000],b[1-60000]",
        "n[1-60000,1-60000]",
    ],
)
def test_the_size_is_refused_before_anything_is_expanded(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(hostlist, "_names")
    with pytest.raises(SlurmError, match="names more than the 100000 nodes accepted"):
        hostlist.expand(text)


def test_the_limit_itself_is_accepted() -> None:
    assert len(hostlist.expand("n[1-4]", limit=4)) == 4
    with pytest.raises(SlurmError, match="names more than the 4 nodes accepted"):
        hostlist.expand("n[1-5]", limit=4)


def test_a_long_text_is_shown_in_part() -> None:
    with pytest.raises(SlurmError) as caught:
        hostlist.expand("!" * 1000)
    assert len(caught.value.message) < 200
    assert "!..." in caught.value.message


def test_fold() -> None:
    assert hostlist.fold(["n3", "n1", "n2", "gpu07", "n1"]) == "gpu07,n[1-3]"
    assert hostlist.fold([]) == ""
    assert hostlist.fold(["n8", "n9", "n10", "n08", "n09", "n099", "n100"]) == "n[08,8,09,9-10,099-100]"
    assert hostlist.fold(["n1-ib", "n2-ib", "n1", "n2", "login", "7login"]) == "7login,login,n[1-2],n[1-2]-ib"
    assert hostlist.fold(["r2n1", "r1n2", "r1n1", "r10n1", "n1", "n01", "n1-ib"]) == "n[01,1],n1-ib,r1n[1-2],r2n1,r10n1"


@pytest.mark.parametrize(
    ("items", "names"),
    [
        ([], []),
        ([""], []),
        (["n[1-2]"], ["n1", "n2"]),
        # As Ansible splits "n[1,3], gpu07".
        (["n[1", "3]", " gpu07"], ["gpu07", "n1", "n3"]),
    ],
)
def test_from_option(items: list[str], names: list[str]) -> None:
    assert hostlist.from_option(items) == names


@given(st.lists(st.from_regex(r"[a-c0-2][a-c0-2-]{0,5}", fullmatch=True), max_size=30))
def test_any_names_are_folded_and_expanded(names: list[str]) -> None:
    ordered, folded = hostlist.sort_and_fold(names)
    assert set(ordered) == set(names) and len(ordered) == len(set(names))
    assert hostlist.from_option([folded]) == ordered
