# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter, as ansible-rulebook runs it by path, and that documentation and code agree."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import runpy
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
import yaml

from ansible_collections.hpc.slurm.plugins.module_utils.common.trigger_events import NODE_STATES
from ansible_collections.hpc.slurm.plugins.plugin_utils import expand_hostlist
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure import settings
from ansible_collections.hpc.slurm.tests.unit.listener import ID, Core

FILTER = Path(__file__).resolve().parents[3] / "extensions" / "eda" / "plugins" / "event_filter" / "expand_hostlist.py"
FILE = runpy.run_path(str(FILTER))
OPTIONS = yaml.safe_load(FILE["DOCUMENTATION"])["options"]
ORIGIN = "00000000-0000-0000-0000-000000000007"
DOWN = {"hostlist_path": "payload.nodes", "state": "down", "granularity": "node"}


def run(event, **arguments):
    """Run the filter, which must not change the event that it gets."""
    before = copy.deepcopy(event)
    result = FILE["main"](event, **{**DOWN, **arguments})
    assert event == before
    return result


def of(nodes, **meta):
    return {"payload": {"nodes": nodes}, "meta": meta}


def not_expanded(event, **arguments):
    """Return why an event was not expanded."""
    result = run(event, **arguments)
    assert {key: value for key, value in result.items() if key != "hostlist_error"} == event
    return result["hostlist_error"]


def test_documentation_and_code_have_the_same_arguments():
    attributes = {field.name: field for field in fields(expand_hostlist.Arguments)}
    assert list(OPTIONS) == list(attributes)
    for name, option in OPTIONS.items():
        default = attributes[name].default
        assert (default is MISSING) == option.get("required", False)
        assert default in (MISSING, option.get("default"))
        assert attributes[name].type in ({"str": ("str", "Optional[str]"), "bool": ("bool",)}[option["type"]])
    assert tuple(OPTIONS["state"]["choices"]) == NODE_STATES
    assert tuple(OPTIONS["granularity"]["choices"]) == settings.GRANULARITIES


def test_the_examples_are_valid():
    given = [
        filter_["hpc.slurm.expand_hostlist"]
        for ruleset in yaml.safe_load(FILE["EXAMPLES"])
        for source in ruleset["sources"]
        for filter_ in source["filters"]
    ]
    assert len(given) == 3
    for arguments in given:
        assert expand_hostlist.Arguments.check(arguments).hostlist_path == arguments["hostlist_path"]


@pytest.mark.parametrize("granularity", settings.GRANULARITIES)
@pytest.mark.parametrize("nodes", ["n[1-2],gpu07", "n1"])
def test_the_same_events_as_the_listeners(granularity, nodes, tmp_path):
    with contextlib.closing(Core(tmp_path / "db")) as core:
        new = core.notify("down", nodes, at=86400.5)
        fired, *wanted = core.feed(granularity)
    event = of(f"{nodes}\n", uuid=new.uuid, received_at=fired["meta"]["received_at"])
    found = run(event, cluster="lab", granularity=granularity)
    for each in wanted:
        assert (each.pop("flaps"), each.pop("listener")["id"]) == (1, ID)  # only the listener knows
    assert found == wanted


def test_meta_is_copied_to_each_event():
    first, second = run(of("n[1-2]", source={"name": "x"}, headers={"A": "b"}, endpoint="e", hosts=["z"]))
    assert first["meta"].items() >= {"source": {"name": "x"}, "headers": {"A": "b"}, "endpoint": "e"}.items()
    assert (first["meta"]["hosts"], second["meta"]["hosts"]) == (["n1"], ["n2"])
    first["meta"]["source"]["type"] = "y"
    assert second["meta"]["source"] == {"name": "x"}


def test_uuids():
    def uuids(**meta):
        return [event["meta"]["uuid"] for event in run(of("n[1-2]", **meta))]

    assert uuids(uuid=ORIGIN) == uuids(uuid=ORIGIN)
    assert uuids(uuid="no uuid \ud800") == uuids(uuid="no uuid \ud800") != uuids(uuid="another")
    assert len({*uuids(), *uuids(), *uuids(uuid=7), *uuids(uuid=7)}) == 8
    assert len({event["notification"] for event in run(of("n[1-2]"))}) == 1


def test_without_meta_or_with_an_odd_one():
    for event in ({"payload": {"nodes": "n1"}}, {"payload": {"nodes": "n1"}, "meta": "x"}):
        (made,) = run(event)
        assert made["meta"]["hosts"] == ["n1"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", made["meta"]["received_at"])


@pytest.mark.parametrize(
    ("path", "separator", "event"),
    [
        ("body", ".", {"body": "n1\n"}),
        ("payload.body", ".", {"payload": {"body": ["n1"]}}),
        ("a/b.c/0/d", "/", {"a": {"b.c": [{"d": "n1"}]}}),
    ],
)
def test_paths_of_the_hostlist(path, separator, event):
    (made,) = run(event, hostlist_path=path, path_separator=separator)
    assert made["node"] == "n1"


def test_lists_of_strings():
    assert [event["node"] for event in run(of(["n[1-2]", " n1 ", "gpu07"]))] == ["gpu07", "n1", "n2"]


def test_state_and_cluster_of_the_event():
    event = {"nodes": "n1", "state": " DRAINED ", "cluster": "blue "}
    paths = {"hostlist_path": "nodes", "state": None, "state_path": "state", "cluster_path": "cluster"}
    (made,) = run(event, **paths)
    assert (made["state"], made["cluster"]) == ("drained", "blue")
    assert not_expanded({**event, "state": "DOWN*"}, **paths).startswith("state is not one of up, down, drained")
    assert not_expanded({**event, "state": 7}, **paths).endswith(": 7")
    assert not_expanded({"nodes": "n1", "cluster": "blue"}, **paths).endswith("resume: it is missing")
    assert not_expanded({**event, "cluster": " "}, **paths) == "cluster is not the name of a cluster: ' '"


@pytest.mark.parametrize("bad", ["", "  ", [], "@all", "n[1-", "n1 n2", "n[1-5000000]", ["n1", ""], "n1\nn2", "\ud800"])
def test_values_that_are_not_a_hostlist(bad, caplog):
    why = not_expanded(of(bad, uuid="u\nv"))
    assert why.startswith("payload.nodes is ")
    (record,) = caplog.records
    assert record.levelname == "WARNING" and record.name == "hpc.slurm.expand_hostlist"
    assert record.getMessage() == rf"event 'u\nv' not expanded: {why}"
    assert record.getMessage().isprintable()


@pytest.mark.parametrize("bad", [7, None, True, 1.5, {"n1": 1}, ["n1", 2], [["n1"]], {}])
def test_values_that_are_not_strings(bad):
    assert not_expanded(of(bad)).startswith("payload.nodes is not a string or a list of strings: ")


def test_deep_and_long_values():
    deep = json.loads("[" * 900 + "]" * 900)
    assert len(FILE["main"](of(deep), **DOWN)["hostlist_error"]) < 200
    assert len(not_expanded(of("x!" * 100000))) < 250


@pytest.mark.parametrize("event", [{}, {"payload": {}}, {"payload": "n1"}, {"payload": ["n1"]}, {"payload": None}])
def test_events_without_a_hostlist(event, caplog):
    assert not_expanded(event) == "it has no payload.nodes"
    assert len(caplog.records) == 1
    assert run(event, ignore_missing=True) is event
    assert len(caplog.records) == 1


def test_an_event_that_is_not_a_dictionary():
    assert FILE["main"]("text", **DOWN) == "text"


def test_ignore_missing_does_not_ignore_wrong_hostlists():
    assert not_expanded(of("n["), ignore_missing=True).startswith("payload.nodes is not a hostlist")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hostlist": "x"}, "unknown argument hostlist; there are: hostlist_path, path_separator, state"),
        ({"hostlist_path": ""}, "hostlist_path must be a non-empty string, not ''"),
        ({"state": None}, "give either state, or state_path"),
        ({"state_path": "x"}, "give either state, or state_path"),
        ({"state": "broken"}, "state must be one of up, down, .* not 'broken'"),
        ({"cluster": "a", "cluster_path": "b"}, "cluster and cluster_path exclude each other"),
        ({"granularity": "nodes"}, "granularity must be one of batch, node, not 'nodes'"),
        ({"granularity": None}, "granularity must be a non-empty string"),
        ({"path_separator": ""}, "path_separator must be a non-empty string"),
        ({"ignore_missing": "no"}, "ignore_missing must be true or false, not 'no'"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(ValueError, match=f"^hpc.slurm.expand_hostlist: {message}"):
        run(of("n1"), **arguments)


def test_no_hostlist_path():
    with pytest.raises(ValueError, match="hostlist_path is missing: give the path of the hostlist"):
        FILE["main"](of("n1"), state="down")


def test_ten_thousand_nodes():
    made = run(of("n[00001-10000]", uuid=ORIGIN))
    assert len({event["meta"]["uuid"] for event in made}) == 10000
