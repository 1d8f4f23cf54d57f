"""The tools that watch over the code, each as a test. Runs inside the lab, from the collection's folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTIONS = CHECKOUT.parents[2]
PLUGINS = ("plugins", "extensions")


def run(*command: str, **environment: str) -> str:
    """Run a tool in the checkout, return its output, and fail with it when the tool fails."""
    result = subprocess.run(
        command,
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout[-8000:]}"
    return result.stdout


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", "--no-cache", ".")


def test_ruff_would_format_nothing() -> None:
    run("ruff", "format", "--no-cache", "--check", ".")


def test_mypy_strict_finds_nothing() -> None:
    package = "ansible_collections.hpc.slurm"
    parts = ("plugins", "extensions", "tests.unit.fake", "tests.contract", "tests.integration", "tests.quality")
    words = [word for part in parts for word in ("--package", f"{package}.{part}")]
    run("mypy", "--cache-dir=/dev/null", *words, MYPYPATH=str(COLLECTIONS))
    # The benchmarks use the helpers of tests/eda.
    for folder in ("tests/lab", "tests/eda", "tests/bench", "tests/awx"):
        run("mypy", "--cache-dir=/dev/null", folder, MYPYPATH=f"{folder}:tests/eda:tests/lab")


def test_yamllint_finds_nothing() -> None:
    run("yamllint", "--strict", ".")


def test_ansible_lint_production_finds_nothing() -> None:
    run("ansible-lint", "--offline", "--profile", "production", "--strict", ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS))


def test_shellcheck_finds_nothing() -> None:
    scripts = [
        str(path)
        for folder in ("tests", ".ci")
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and "output" not in path.parts and path.read_bytes().startswith(b"#!/usr/bin/env bash")
    ]
    assert len(scripts) > 5
    # With what they source.
    run("shellcheck", "--external-sources", *scripts)


def test_ansible_test_sanity_finds_nothing() -> None:
    """Every sanity test of the newest ansible-core, with nothing ignored."""
    assert not list(CHECKOUT.glob("tests/sanity/ignore-*"))
    provide_get_pip()
    run("ansible-test", "sanity", "--local", "--color", "no", "--python", "default")


def provide_get_pip() -> None:
    """Give ansible-test the pip that Python carries where it cannot download one for the environments it makes."""
    cached = Path.home() / ".ansible/test/cache/get_pip_25_2.py"
    if cached.exists():
        return
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_text(
        "import ensurepip, glob, os, runpy, sys\n"
        "bundled = os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')\n"
        "wheels = glob.glob(bundled) or glob.glob('/usr/share/python-wheels/pip-*.whl')\n"
        "wheel = sorted(wheels)[-1]\n"
        "sys.path.insert(0, wheel)\n"
        "sys.argv = ['pip', 'install', *[word for word in sys.argv[1:] if not word.startswith('--no-')]]\n"
        "runpy.run_module('pip', run_name='__main__')\n",
        encoding="utf-8",
    )


def test_the_collection_builds_and_installs(tmp_path: Path) -> None:
    """The built archive, installed elsewhere, has every module with its documentation, and nothing of the tests."""
    source = tmp_path / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, source / name)
    run("ansible-galaxy", "collection", "build", str(source), "--output-path", str(tmp_path))
    (archive,) = tmp_path.glob("hpc-slurm-*.tar.gz")
    with tarfile.open(archive) as content:
        names = content.getnames()
    assert not [name for name in names if name.startswith(("tests/", ".ci"))]
    # What is no Python is not forgotten.
    assert "plugins/plugin_utils/trigger_listener/show/static/page.js" in names
    assert "extensions/observability/prometheus-alerts.yml" in names
    # Forced: this checkout counts as an installation of the same release, and nothing would be done.
    install = ("ansible-galaxy", "collection", "install", "--force", "--offline")
    run(*install, str(archive), "--collections-path", str(tmp_path / "c"))
    for module in modules("*"):
        documentation = run("ansible-doc", "--type", "module", f"hpc.slurm.{module}", "--json", **at(tmp_path / "c"))
        assert f"{tmp_path}/c/ansible_collections/hpc/slurm/plugins/modules/{module}.py" in documentation
    for folder, plugin in (("event_source", "trigger_listener"), ("event_filter", "expand_hostlist")):
        path = tmp_path / "c/ansible_collections/hpc/slurm/extensions/eda/plugins" / folder
        told = run("ansible-doc", "--type", "module", "--module-path", str(path), plugin, "--json")
        assert json.loads(told)[plugin]["doc"]["options"] and json.loads(told)[plugin]["examples"]


def test_the_action_group_names_every_module_of_slurm() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["slurm"]) == modules("slurm_*")


@pytest.mark.parametrize("playbook", sorted(path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")))
def test_playbook_syntax(playbook: str) -> None:
    run("ansible-playbook", "--syntax-check", f"hpc.slurm.{playbook}", "-e", '{"hpc_slurm_nodes": ["node1"]}')


def at(path: Path) -> dict[str, str]:
    return {"ANSIBLE_COLLECTIONS_PATH": str(path)}


def modules(pattern: str) -> list[str]:
    return sorted(path.stem for path in (CHECKOUT / "plugins/modules").glob(f"{pattern}.py"))


def tracked() -> list[str]:
    """Return the files that belong to the checkout, as git sees them."""
    listed = run("git", "-c", f"safe.directory={CHECKOUT}", "ls-files", "-co", "--exclude-standard")
    return [name for name in listed.splitlines() if (CHECKOUT / name).is_file()]
