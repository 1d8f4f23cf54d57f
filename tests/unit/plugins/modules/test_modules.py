# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules' wiring: what they document is what they accept and return, and how they end."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.hpc.slurm.plugins.doc_fragments.slurm import ModuleDocFragment
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.isolation import isolated
from ansible_collections.hpc.slurm.plugins.module_utils.common import module as runner
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

CHECKOUT = Path(__file__).resolve().parents[4]
# Those that speak to Slurm; the module mail does not.
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("slurm_*.py"))
SETTINGS = ("type", "elements", "choices", "default", "required", "aliases")

# A run of each module: its arguments and, beside "changed" and "diff", what of the result tells that it was this run.
RUNS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "slurm_breaker": (
        {"max_nodes": 1, "path": "/nowhere/breaker.json"},
        lambda it: (it["open"], it["nodes"]) == (False, ""),
    ),
    "slurm_config_info": ({"item": "ClusterName"}, lambda it: it["config"] == {"ClusterName": "fake"}),
    "slurm_job_info": (
        {"job_ids": ["7", "8"], "attributes": ["user_name"]},
        lambda it: (it["jobs"], it["missing"]) == ({"7": {"user_name": "slurm"}}, ["8"]),
    ),
    "slurm_maintenance": (
        {"name": "kernel", "nodes": "ALL", "max_unavailable": "2", "journal": "/nowhere/journal.json"},
        lambda it: (it["todo"], it["hostlist"]) == (["n1", "n2"], "n[1-2]"),
    ),
    "slurm_node": (
        {"nodes": "n[1,2]", "state": "drained", "reason": "why"},
        lambda it: it["changed_nodes"] == ["n1"] and it["nodes"]["n1"]["reason"] == "why",
    ),
    "slurm_node_info": ({"nodes": "n[1,2]", "states": "idle"}, lambda it: it["names"] == ["n1", "n2"]),
    "slurm_reservation": (
        {"name": "repair", "nodes": "n[1,2]"},
        lambda it: it["reservation"]["nodes"] == ["n1", "n2"] and it["reservation"]["users"] == ["root"],
    ),
    "slurm_reservation_info": ({"names": "repair"}, lambda it: it["reservations"] == {}),
    "slurm_trigger": (
        {"event": "down", "nodes": "n1", "program": "/bin/true"},
        lambda it: it["triggers"][0]["resource_id"] == "n1",
    ),
    "slurm_trigger_info": ({"event": "down"}, lambda it: it["triggers"] == []),
}
# The breaker has a file of its own, and the plan of a maintenance writes nothing.
WRITING = [
    name for name in MODULES if not name.endswith("_info") and name not in ("slurm_breaker", "slurm_maintenance")
]


def load(name: str) -> ModuleType:
    return importlib.import_module(f"ansible_collections.hpc.slurm.plugins.modules.{name}")


def documented(name: str) -> dict[str, dict[str, Any]]:
    """Return the options of a module's documentation, those of its fragments too."""
    own = yaml.safe_load(load(name).DOCUMENTATION)
    fragments = [part.partition("hpc.slurm.slurm")[2] for part in own["extends_documentation_fragment"]]
    texts = [getattr(ModuleDocFragment, part.lstrip(".").upper() or "DOCUMENTATION") for part in fragments]
    options = {**own.get("options", {})}
    for text in texts:
        options.update(yaml.safe_load(text).get("options", {}))
    return options


def accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Return the argument spec that a module gives to run_module, and what that adds."""
    seen: list[dict[str, Any]] = []
    module = load(name)
    monkeypatch.setattr(module, "run_module", lambda planner, spec, **others: seen.append(spec))
    module.main()
    return {**runner.COMMON_OPTIONS, **seen[0]}


def settings(option: dict[str, Any]) -> dict[str, Any]:
    return {"type": "str", "required": False, **{key: option[key] for key in SETTINGS if key in option}}


Ended = tuple[int, dict[str, Any]]


class Runner:
    """Runs a module's main() on a fake, in this process so that the fake can be looked at afterwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.slurm = FakeSlurm({"n1": "IDLE", "n2": "IDLE+DRAIN"}, user="slurm", jobs=[{"id": 7}])
        self.confs: list[str | None] = []
        self._monkeypatch, self._capsys = monkeypatch, capsys
        # A second that passes between two runs is no difference.
        monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
        monkeypatch.setattr(runner, "Slurm", self._connect)
        monkeypatch.setattr(runner, "isolated", lambda work: work())

    def _connect(self, conf: str | None) -> FakeSlurm:
        self.confs.append(conf)
        return self.slurm

    def __call__(self, name: str, arguments: dict[str, Any], check: bool = False, diff: bool = False) -> Ended:
        internal = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_remote_tmp": "/tmp"}
        text = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **internal}})
        self._monkeypatch.setattr(basic, "_ANSIBLE_ARGS", text.encode())
        # How arguments are encoded since ansible-core 2.19.
        self._monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit) as ended:
            load(name).main()
        outcome = json.loads(self._capsys.readouterr().out)
        outcome.pop("invocation", None)
        return int(ended.value.code or 0), outcome


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(monkeypatch, capsys)


# Documentation.


def test_every_module_is_tested_here_and_in_the_action_group() -> None:
    assert sorted(RUNS) == MODULES
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["slurm"] == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_the_documentation_is_what_is_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {option: settings(given) for option, given in documented(name).items()} == {
        option: settings(given) for option, given in accepted(name, monkeypatch).items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_the_documentation_names_the_module(name: str) -> None:
    documentation = yaml.safe_load(load(name).DOCUMENTATION)
    assert documentation["module"] == name
    other = name.removesuffix("_info") if name.endswith("_info") else f"{name}_info"
    if other in MODULES:
        assert f"hpc.slurm.{other}" in [link.get("module") for link in documentation["seealso"]]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_use_what_there_is(name: str) -> None:
    tasks = [task for task in yaml.safe_load(load(name).EXAMPLES) if f"hpc.slurm.{name}" in task]
    assert tasks
    for task in tasks:
        assert set(task[f"hpc.slurm.{name}"] or {}) <= set(documented(name))


@pytest.mark.parametrize("name", MODULES)
def test_what_is_returned_is_documented(name: str, run: Runner) -> None:
    _status, outcome = run(name, RUNS[name][0])
    returned = set(outcome) - {"changed", "warnings"}
    default = f"O(state={documented(name).get('state', {}).get('default')})"
    always = {
        key
        for key, it in yaml.safe_load(load(name).RETURN).items()
        if it["returned"] == "success" or default in it["returned"]
    }
    assert returned == always


def test_what_slurm_node_returns_when_it_waits_or_refuses_is_documented(run: Runner) -> None:
    documented = yaml.safe_load(load("slurm_node").RETURN)
    waiting = {"nodes": "n1", "state": "drained", "wait": True, "wait_timeout": 0}
    _status, outcome = run("slurm_node", waiting)
    # ansible-core before 2.19 keeps the warnings of the modules that this process ran before.
    found = set(outcome) - {"changed", "warnings"}
    assert found == {key for key in documented if documented[key]["returned"] == "success"} | {"waited"}
    run.slurm.submit("--nodelist=n1")
    status, outcome = run("slurm_node", waiting)
    assert (status, outcome["changed"], set(outcome["running_jobs"])) == (1, False, {"8"})
    status, outcome = run("slurm_node", {"nodes": "n1", "state": "down", "max_unavailable": "1"})
    assert (status, outcome["changed"]) == (0, True)  # n1 is drained already: no more become unavailable
    run.slurm.records["n1"]["state"] = ["IDLE"]
    status, outcome = run("slurm_node", {"nodes": "n1", "state": "down", "max_unavailable": "1"})
    assert (status, set(outcome["partitions"]["main"])) == (1, set(documented["partitions"]["sample"]["gpu"]))


# Runs.


@pytest.mark.parametrize("name", MODULES)
def test_run(name: str, run: Runner) -> None:
    arguments, is_this = RUNS[name]
    status, outcome = run(name, arguments)
    assert (status, outcome["changed"], is_this(outcome)) == (0, name in WRITING, True)
    assert sum(run.slurm.writes.values()) == int(name in WRITING)
    assert "diff" not in outcome
    status, again = run(name, arguments, diff=True)
    assert (status, again["changed"], again["diff"]) == (0, False, {"before": {}, "after": {}})
    assert sum(run.slurm.writes.values()) == int(name in WRITING)


@pytest.mark.parametrize("name", WRITING)
def test_check_mode_with_diff(name: str, run: Runner) -> None:
    status, predicted = run(name, RUNS[name][0], check=True, diff=True)
    assert (status, predicted["changed"], sum(run.slurm.writes.values())) == (0, True, 0)
    assert set(predicted["diff"]) == {"before", "after"}
    _status, done = run(name, RUNS[name][0], diff=True)
    assert set(done) == set(predicted)
    assert done["diff"] == predicted["diff"]


@pytest.mark.parametrize("name", MODULES)
def test_an_error_is_the_modules_failure(name: str, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        work()
        raise SlurmError.from_errno(2002, "ESLURM_ACCESS_DENIED", "Access/permission denied", "CALL")

    monkeypatch.setattr(runner, "isolated", fail)
    status, outcome = run(name, RUNS[name][0])
    assert (status, outcome["failed"]) == (1, True)
    assert (outcome["errno"], outcome["errno_name"], outcome["call"]) == (2002, "ESLURM_ACCESS_DENIED", "CALL")
    assert outcome["msg"].startswith("CALL: Access/permission denied (ESLURM_ACCESS_DENIED 2002); only root, ")


@pytest.mark.parametrize("name", WRITING)
def test_a_write_that_fails(name: str, run: Runner) -> None:
    run.slurm.broken = SlurmError("no controller")
    status, outcome = run(name, RUNS[name][0])
    assert (status, outcome["msg"], outcome["errno"]) == (1, "no controller", None)


@pytest.mark.parametrize("name", MODULES)
def test_the_work_is_done_in_a_child(name: str, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "isolated", isolated)
    arguments, is_this = RUNS[name]
    status, outcome = run(name, arguments)
    assert (status, is_this(outcome)) == (0, True)
    assert (run.slurm.reads, run.slurm.writes) == ({}, {})


def test_slurm_conf_is_given_on(run: Runner) -> None:
    run("slurm_config_info", {"slurm_conf": "/etc/slurm/other.conf"})
    run("slurm_config_info", {})
    assert run.confs == ["/etc/slurm/other.conf", None]


def test_warnings_are_told(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda module, warning: told.append(warning))
    status, outcome = run("slurm_trigger", {"event": "idle", "program": "/bin/true"})
    assert (status, outcome["changed"]) == (0, True)
    (warning,) = told
    assert "at every pass of slurmctld" in warning


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("slurm_node", {"state": "drained"}, "one of the following is required: nodes, partitions"),
        ("slurm_node", {"nodes": "n1"}, "one of the following is required: state, attributes"),
        ("slurm_node", {"nodes": "n1", "partitions": "p", "state": "down"}, "mutually exclusive: nodes|partitions"),
        ("slurm_node", {"nodes": "n1", "state": "well"}, "value of state must be one of"),
        ("slurm_trigger", {"event": "down"}, "state is present but all of the following are missing: program"),
        ("slurm_trigger", {"event": "nosuch", "program": "/p"}, "value of event must be one of"),
        ("slurm_trigger", {"state": "absent"}, "state is absent but any of the following are missing: trigger_ids"),
        ("slurm_trigger", {"state": "absent", "offset": 0}, "state is absent but any of the following are missing"),
        ("slurm_reservation", {"nodes": "n1"}, "missing required arguments: name"),
        ("slurm_reservation", {"name": "x", "duration": 5, "end_time": 5}, "mutually exclusive: duration|end_time"),
        ("slurm_job_info", {"steps": "perhaps"}, "'steps'"),
        ("slurm_config_info", {"items_": "x"}, "Unsupported parameters"),
    ],
)
def test_options_that_are_refused(run: Runner, name: str, arguments: dict[str, Any], words: str) -> None:
    status, outcome = run(name, arguments)
    assert (status, words in outcome["msg"]) == (1, True), outcome["msg"]
    assert (run.slurm.reads, run.slurm.writes) == ({}, {})
