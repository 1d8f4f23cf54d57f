# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role pyslurm. Run inside the lab, as root.

The lab itself is built with it: that it compiles pyslurm, with what Slurm 26.05 needs, is seen there. Here, without
network, it is run with the wheels that it kept, with sources that are quickly built, and with those that do not fit.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

# What the role made for the lab.
MADE = Path("/opt/pyslurm")
WHEELS = MADE / "wheel"
OFFLINE = ["--no-index", f"--find-links={WHEELS}"]
# A pyslurm in name only: the modules find no Nodes in it.
SETUP = "from setuptools import setup; setup(name='pyslurm', version='{version}', packages=['pyslurm'])\n"


def play(*options: str, status: int = 0, **given: Any) -> str:
    """Run the playbook with variables of the role, and return its output."""
    variables = {f"hpc_slurm_pyslurm_{name}": value for name, value in given.items()}
    command = ["ansible-playbook", "hpc.slurm.pyslurm", "--extra-vars", json.dumps(variables), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def made_for(home: Path) -> dict[str, str]:
    record: dict[str, str] = json.loads((home / "made-for.json").read_text(encoding="utf-8"))
    return record


def wheel() -> Path:
    [found] = WHEELS.glob("pyslurm-*.whl")
    return found


def sources(folder: Path, version: str) -> Path:
    """Write sources of a pyslurm that is quickly built, and return their folder."""
    top = folder / f"pyslurm-{version}"
    (top / "pyslurm").mkdir(parents=True)
    (top / "setup.py").write_text(SETUP.format(version=version), encoding="ascii")
    (top / "pyslurm/version.py").write_text(f'__version__ = "{version}"\n', encoding="ascii")
    (top / "pyslurm/__init__.py").write_text("from .version import __version__\n", encoding="ascii")
    return top


def archive(folder: Path, version: str) -> Path:
    """Return a source archive of such a pyslurm."""
    path = folder / f"pyslurm-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as content:
        content.add(sources(folder, version), arcname=f"pyslurm-{version}")
    return path


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder with HTTP, and return its address."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that was made with the wheel."""
    made = tmp_path_factory.mktemp("role") / "pyslurm"
    said = play(home=str(made), source=str(wheel()), pip_args=OFFLINE)
    assert "reaches the cluster lab" in said and f"ansible_python_interpreter: {made}/bin/python3" in said
    return made


def test_the_lab_s_own_environment_is_up_to_date() -> None:
    assert "changed=0 " in play()
    assert (made_for(MADE)["slurm"], wheel().name.split("-")[1]) == ("26.05", "26.5.0")


@pytest.mark.fresh
def test_the_first_task_of_the_readme_runs_in_the_same_play(tmp_path: Path, home: Path) -> None:
    """Although the inventory names no Python that has pyslurm."""
    play_of_site = [
        {
            "hosts": "slurm_controller",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "/usr/bin/python3", "hpc_slurm_pyslurm_home": str(home)},
            "roles": ["hpc.slurm.pyslurm"],
            "tasks": [
                {"hpc.slurm.slurm_node": {"nodes": "big[00401-00402]", "state": "drained", "reason": "ticket 9"}}
            ],
        }
    ]
    (tmp_path / "site.yml").write_text(json.dumps(play_of_site), encoding="utf-8")
    try:
        command = ["ansible-playbook", str(tmp_path / "site.yml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "changed=1 " in done.stdout, done.stdout + done.stderr
        command = ["sinfo", "--noheader", "--nodes=big[00401-00402]", "--format=%D %T %E"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
        assert shown.stdout == "2 drained ticket 9\n"
    finally:
        subprocess.run(["scontrol", "update", "nodename=big[00401-00402]", "state=resume"], check=True)


@pytest.mark.fresh
def test_run_again_it_changes_nothing_even_without_the_source(home: Path) -> None:
    assert "changed=0 " in play(home=str(home), source=str(wheel()), pip_args=OFFLINE)
    assert "changed=0 " in play(home=str(home))
    assert "changed=0 " in play("--check", home=str(home))


@pytest.mark.fresh
@pytest.mark.parametrize("what", ["made for another release", "does not work"])
def test_what_is_outdated_is_made_anew(home: Path, what: str) -> None:
    record = made_for(home)
    if what == "does not work":
        shutil.rmtree(next(home.glob("lib/python3*/site-packages/pyslurm")))
    else:
        (home / "made-for.json").write_text(json.dumps({**record, "slurm": "25.11"}), encoding="utf-8")
    assert "Would make" in play("--check", home=str(home), source=str(wheel()), pip_args=OFFLINE)
    said = play(home=str(home), source=str(wheel()), pip_args=OFFLINE)
    assert "changed=0 " not in said and made_for(home) == record


@pytest.fixture
def slurm_of_another_release(tmp_path: Path) -> Path:
    """A Slurm that was upgraded."""
    command = tmp_path / "slurm/bin/scontrol"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\necho slurm 26.11.1\n", encoding="ascii")
    command.chmod(0o755)
    return tmp_path / "slurm"


@pytest.mark.fresh
def test_an_upgrade_of_slurm_is_noticed_and_the_old_wheel_refused(home: Path, slurm_of_another_release: Path) -> None:
    given = {"prefix": str(slurm_of_another_release), "source": str(wheel()), "pip_args": OFFLINE}
    said = play(status=2, home=str(home), **given)
    assert "no pyslurm fits Slurm 26.11.1. Found: 26.5.0. Needed: pyslurm 26.11. Set hpc_slurm_pyslurm_source" in said
    # What was there stays.
    assert made_for(home)["slurm"] == "26.05" and (home / "bin/python3").exists()


def test_the_index_has_none_that_fits(tmp_path: Path, slurm_of_another_release: Path) -> None:
    page = tmp_path / "index/pyslurm"
    page.mkdir(parents=True)
    names = [archive(page, version).name for version in ("25.11.2", "24.11.0")]
    links = [f'<a href="{name}">{name}</a>' for name in names]
    (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>", encoding="utf-8")
    with served(page.parent) as address:
        given = {"prefix": str(slurm_of_another_release), "pip_args": [f"--index-url={address}"]}
        said = play(status=2, home=str(tmp_path / "home"), **given)
    assert "no pyslurm fits Slurm 26.11.1. Found: 25.11.2, 24.11.0. Needed: pyslurm 26.11. " in said


@pytest.mark.fresh
@pytest.mark.parametrize("form", ["folder", "address"])
def test_sources_that_the_site_names(tmp_path: Path, form: str) -> None:
    """Of pyslurm 25.11: they are given the release of the lab's Slurm."""
    given: dict[str, Any] = {"home": str(tmp_path / "home"), "pip_args": OFFLINE, "check": False, "packages": []}
    with served(tmp_path) as address:
        made = archive(tmp_path, "25.11.2")
        source = f"{address}/{made.name}" if form == "address" else str(tmp_path / "pyslurm-25.11.2")
        play(source=source, **given)
        assert "changed=0 " in play(source=source, **given)
    version = "import pyslurm; print(pyslurm.__version__)"
    shown = subprocess.run([tmp_path / "home/bin/python3", "-c", version], capture_output=True, text=True, check=True)
    assert shown.stdout == "26.5.0\n"
    if form == "folder":
        (tmp_path / "pyslurm-25.11.2/README").write_text("changed", encoding="ascii")
        assert "Would make" in play("--check", source=source, **given)


@pytest.mark.fresh
def test_sources_of_another_release_are_refused(tmp_path: Path) -> None:
    given: dict[str, Any] = {"home": str(tmp_path / "home"), "pip_args": OFFLINE}
    said = play(status=2, source=str(archive(tmp_path, "24.11.0")), **given)
    assert "no pyslurm fits Slurm 26.05.5. Found: 24.11.0. Needed: pyslurm 26.5 or pyslurm 25.11. " in said


def test_check_mode_makes_nothing(tmp_path: Path) -> None:
    assert "Would make" in play("--check", home=str(tmp_path / "home"), source=str(wheel()))
    assert not (tmp_path / "home").exists()


def test_no_slurm_is_refused(tmp_path: Path) -> None:
    said = play(status=2, home=str(tmp_path / "home"), prefix="/nowhere")
    assert "Found no Slurm: /nowhere/bin/scontrol" in said and "set hpc_slurm_pyslurm_prefix" in said
    assert not (tmp_path / "home").exists()


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    said = play(status=2, home=str(tmp_path / "home"), source="/nowhere/pyslurm.whl")
    assert "There is no /nowhere/pyslurm.whl where Ansible runs: hpc_slurm_pyslurm_source is" in said
    assert not (tmp_path / "home").exists()


def test_another_variable_is_refused_also_by_other_playbooks(tmp_path: Path) -> None:
    assert "did you mean hpc_slurm_pyslurm_home" in play(status=2, hom="/tmp")
    # And those of the roles are known to them.
    extra = ["--extra-vars", '{"hpc_slurm_pyslurm_home": "/opt/x", "hpc_slurm_listener_home": "/opt/y"}']
    done = subprocess.run(["ansible-playbook", "hpc.slurm.reset", *extra], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
