# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alerts and dashboard: valid for Prometheus and Grafana, and only with metrics that exist."""

from __future__ import annotations

import itertools
import json
import re
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

CHECKOUT = Path(__file__).resolve().parents[2]
OBSERVABILITY = CHECKOUT / "extensions" / "observability"
ALERTS = OBSERVABILITY / "prometheus-alerts.yml"
ALERT_TESTS = Path(__file__).with_name("prometheus-alerts.test.yml")


def exposed() -> dict[str, set[str]]:
    """Return the listener's metrics, with their labels."""
    parts = runpy.run_path(str(CHECKOUT / "plugins/plugin_utils/parts.py"))
    metrics = vars(parts["load"]("trigger_listener.telemetry.metrics").Metrics()).values()
    return {
        metric._name + ("_total" if isinstance(metric, Counter) else ""): set(metric._labelnames)
        for metric in metrics
        if isinstance(metric, MetricWrapperBase)
    }


METRICS = exposed()
# Labels that Prometheus adds to every series.
TARGET_LABELS = {"job", "instance"}

RULES = [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
CASES = yaml.safe_load(ALERT_TESTS.read_text(encoding="utf-8"))
DASHBOARD = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = {f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]}
QUERIES |= {entry["name"]: entry["expr"] for entry in DASHBOARD["annotations"]["list"]}


def promtool(*words: str) -> None:
    result = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


# The alerts.


def test_the_metrics_are_found() -> None:
    assert len(METRICS) >= 16 and METRICS["hpc_slurm_notifications_total"] == {"class", "type", "result"}


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(ALERTS))


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    descriptions = {rule["alert"]: rule["annotations"]["description"] for rule in RULES}
    cases = {**CASES, "rule_files": [str(ALERTS)]}
    for case in alert_cases():
        for alert in case["exp_alerts"]:
            alert["exp_annotations"]["description"] = descriptions[case["alertname"]]
    whole = tmp_path / ALERT_TESTS.name
    whole.write_text(yaml.safe_dump(cases), encoding="utf-8")
    promtool("test", "rules", str(whole))


@pytest.mark.parametrize("name", [rule["alert"] for rule in RULES])
def test_each_alert_is_tested_firing_and_not_firing(name: str) -> None:
    cases = [case["exp_alerts"] for case in alert_cases() if case["alertname"] == name]
    assert any(cases) and not all(cases)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_has_a_summary_and_a_description(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert len(rule["annotations"]["summary"]) <= 100 and not rule["annotations"]["summary"].endswith(".")
    assert 120 < len(rule["annotations"]["description"]) < 400 and rule["annotations"]["description"].endswith(".")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_use_existing_metrics(rule: dict[str, Any]) -> None:
    expect_known(rule["expr"])


def alert_cases() -> list[dict[str, Any]]:
    return [case for test in CASES["tests"] for case in test["alert_rule_test"]]


# The dashboard.


def test_the_dashboard_is_valid_by_grafana_s_schema() -> None:
    """Grafana's own types keep only the fields that they know: what they drop is wrong."""
    register_default_plugins()
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert list(lost(DASHBOARD, understood, "")) == []


def lost(given: Any, kept: Any, path: str) -> Iterator[str]:
    """Yield what is in the one and not in the other."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            yield from lost(value, kept.get(name, "nothing"), f"{path}.{name}")
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (value, other) in enumerate(itertools.zip_longest(given, kept)):
            yield from lost(value, other, f"{path}[{index}]")
    elif given != kept:
        yield f"{path}: {given!r} became {kept!r}"


def test_the_dashboard_s_queries_are_promql(tmp_path: Path) -> None:
    variables = {"$instance": ".*", "$__rate_interval": "5m", "$__interval": "1m"}
    rules = []
    for index, query in enumerate(QUERIES.values()):
        for name, value in variables.items():
            query = query.replace(name, value)
        assert "$" not in query
        rules.append({"record": f"panel:query{index}", "expr": query})
    written = tmp_path / "queries.yml"
    written.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", str(written))


@pytest.mark.parametrize("name", QUERIES)
def test_panels_use_existing_metrics(name: str) -> None:
    expect_known(QUERIES[name])
    # Only the series of the chosen listeners.
    assert QUERIES[name].count("hpc_slurm_") == QUERIES[name].count('instance=~"$instance"')


def test_every_metric_is_on_the_dashboard() -> None:
    assert {name for query in QUERIES.values() for name, _labels in used(query)} == set(METRICS)


def test_every_panel_uses_the_chosen_data_source() -> None:
    by_name = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert by_name["datasource"]["type"] == "datasource" and by_name["datasource"]["query"] == "prometheus"
    asking = [*PANELS, by_name["instance"], *DASHBOARD["annotations"]["list"]]
    assert {json.dumps(one["datasource"], sort_keys=True) for one in asking} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }
    assert not [target for panel in PANELS for target in panel["targets"] if "datasource" in target]


def test_every_panel_has_a_description_and_a_unit() -> None:
    for panel in PANELS:
        assert panel["title"] and panel["description"].endswith(".") and panel["fieldConfig"]["defaults"]["unit"]
    titles = [panel["title"] for panel in PANELS]
    assert len(titles) == len(set(titles))
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) and all(isinstance(number, int) and number > 0 for number in ids)


def test_panels_fill_the_grid_without_overlap() -> None:
    places: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        for cell in itertools.product(columns, rows):
            assert cell not in places, f"{panel['title']} lies on {places.get(cell)}"
            places[cell] = panel["title"]
    depth = max(y for _x, y in places) + 1
    assert len(places) == 24 * depth, "there are holes"


# Both.


def used(query: str) -> list[tuple[str, set[str]]]:
    """Return the listener's metrics in a query, each with the labels that select it."""
    return [
        (name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)))
        for name, matchers in re.findall(r"\b(hpc_slurm_\w+)(?:\{([^}]*)\})?", re.sub(r'job="\w+"', "", query))
    ]


def expect_known(query: str) -> None:
    """Fail when a query names a metric or a label that the listener does not have."""
    found = used(query)
    for name, labels in found:
        assert name in METRICS, f"no metric {name}"
        assert labels <= METRICS[name] | TARGET_LABELS, f"{name} has not all of the labels {labels}"
    known = TARGET_LABELS.union(*(METRICS[name] for name, _labels in found))
    for grouping in re.findall(r"\b(?:by|without|on|ignoring) ?\(([^)]*)\)", query):
        assert set(re.findall(r"\w+", grouping)) <= known, grouping
