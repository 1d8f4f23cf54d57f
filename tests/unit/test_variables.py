# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The argument specifications have the variables that playbooks, rulebooks and roles use, and no others.

Those of the playbooks are in the role common; the roles that install something have their own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]


def specifications(role: str) -> dict[str, dict[str, Any]]:
    """Return the argument specifications of a role, by their names."""
    text = (CHECKOUT / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8")
    specs: dict[str, dict[str, Any]] = yaml.safe_load(text)["argument_specs"]
    return specs


SPECS = specifications("common")
# The roles that install something, with their playbooks.
ROLES = {"listener": ("listener", "listener_removed", "access", "check_access"), "pyslurm": ("pyslurm",)}
OF_ROLES = {name for names in ROLES.values() for name in names}
PLAYBOOKS = sorted(path for path in (CHECKOUT / "playbooks").glob("*.yml") if path.stem not in OF_ROLES)
TASKS = sorted((CHECKOUT / "roles/common/tasks").rglob("*.yml"))
RULEBOOKS = sorted((CHECKOUT / "rulebooks").glob("*.yml"))
# What the rulebook for AWX gives to the jobs.
GIVEN_TO_JOBS = {"hpc_slurm_nodes"}
# What the role gives to the site's tasks, and what these set.
GIVEN = {
    *("hpc_slurm_record", "hpc_slurm_text", "hpc_slurm_subject", "hpc_slurm_quarantine"),
    "hpc_slurm_needed",
}


def used(path: Path) -> set[str]:
    """Return the variables of this collection in a file, without its comments."""
    text = re.sub(r"^\s*#.*", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return set(re.findall(r"\bhpc_slurm_\w+", text)) - GIVEN


def test_every_playbook_has_its_entry() -> None:
    assert {path.stem for path in [*PLAYBOOKS, *RULEBOOKS]} == set(SPECS)


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_a_playbook_uses_only_its_own_variables(path: Path) -> None:
    assert used(path) <= set(SPECS[path.stem]["options"])
    # And it checks them first.
    [first] = re.findall(r"common_playbook: (\w+)", path.read_text(encoding="utf-8"))[:1]
    assert first == path.stem


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.stem)
def test_the_role_uses_only_variables_that_are_known(path: Path) -> None:
    assert used(path) <= {option for spec in SPECS.values() for option in spec["options"]}


def test_every_variable_is_used() -> None:
    everywhere = set[str]().union(*map(used, [*PLAYBOOKS, *TASKS, *RULEBOOKS]))
    by_filters = {"hpc_slurm_opt_out"}
    assert {option for spec in SPECS.values() for option in spec["options"]} <= everywhere | by_filters


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_a_rulebook_has_the_variables_of_its_entry(path: Path) -> None:
    assert used(path) - GIVEN_TO_JOBS == set(SPECS[path.stem]["options"])


@pytest.mark.parametrize("name", SPECS)
def test_an_option_is_the_same_in_every_entry(name: str) -> None:
    for option, given in SPECS[name]["options"].items():
        types = {spec["options"][option]["type"] for spec in SPECS.values() if option in spec["options"]}
        assert types == {given["type"]}, option


def test_a_default_is_the_one_that_is_used() -> None:
    """What a template has in default() is what the documentation says."""
    defaults = {
        option: given["default"]
        for spec in SPECS.values()
        for option, given in spec["options"].items()
        if "default" in given
    }
    text = "".join(path.read_text(encoding="utf-8") for path in [*PLAYBOOKS, *TASKS])
    # It is empty where there is one cluster.
    text = text.replace("' ~ common_suffix ~ '", "")
    for option, value in re.findall(r"(hpc_slurm_\w+) \| default\(([^()]*)\)", text):
        if option in defaults and value.split(",")[0] not in ("omit", "''"):
            assert yaml.safe_load(value.split(", true")[0]) == defaults[option], option


# The roles that install something.


def files_of(role: str) -> list[Path]:
    """Return the files of a role that use variables, and its playbooks."""
    folders = [CHECKOUT / "roles" / role / name for name in ("tasks", "vars", "defaults", "templates", "handlers")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [*files, *(CHECKOUT / "playbooks" / f"{name}.yml" for name in ROLES[role])]


def options_of(role: str) -> dict[str, dict[str, Any]]:
    """Return the options of all entries of a role."""
    return {name: option for spec in specifications(role).values() for name, option in spec["options"].items()}


def test_there_is_no_other_role() -> None:
    assert {path.name for path in (CHECKOUT / "roles").iterdir()} == {"common", *ROLES}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_uses_its_own_variables_and_those_of_the_rulebook(role: str) -> None:
    own = set(options_of(role))
    prefixes = tuple(f"hpc_slurm_{name}_" for name in ROLES[role])
    assert {name for name in own if not name.startswith(prefixes)} <= {"hpc_slurm_report_file"}
    everywhere = set[str]().union(*map(used, files_of(role)))
    assert own <= everywhere
    reactions = set(SPECS["node_events"]["options"]) | set(SPECS["node_down"]["options"])
    others = {"listener": reactions | {"hpc_slurm_drained_tasks"}, "pyslurm": {"hpc_slurm_conf"}}
    assert everywhere - own <= others[role]


@pytest.mark.parametrize("role", ROLES)
def test_the_documented_defaults_of_a_role_are_its_defaults(role: str) -> None:
    options = options_of(role)
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    hosts = documented.pop(f"hpc_slurm_{role}_hosts")
    assert f"default('{hosts}')" in (CHECKOUT / "playbooks" / f"{role}.yml").read_text(encoding="utf-8")
    defaults = yaml.safe_load((CHECKOUT / "roles" / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert {name: value for name, value in defaults.items() if "{{" not in str(value)} == documented


def test_variables_of_all_roles_are_known_to_the_playbooks() -> None:
    text = (CHECKOUT / "roles/common/tasks/known.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"'/(\w+)/meta/argument_specs.yml'", text)) == {"common", *ROLES}
