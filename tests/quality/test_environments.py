"""The environments for AWX and the EDA controller: ansible-builder makes the context of an image from each.

Images are not built: that needs a container engine. Runs inside the lab.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = "extensions/environments"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the definitions, and the archive of the collection where they expect it."""
    made = tmp_path_factory.mktemp("collection")
    shutil.copytree(CHECKOUT / ENVIRONMENTS, made / ENVIRONMENTS)
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(made)]
    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    return made


@pytest.mark.parametrize("name", ["execution", "decision"])
def test_a_context_is_made(folder: Path, tmp_path: Path, name: str) -> None:
    definition = folder / ENVIRONMENTS / f"{name}-environment.yml"
    command = ["ansible-builder", "create", "--file", str(definition), "--context", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [archive] = (tmp_path / "_build/collections").iterdir()
    assert archive.name in (tmp_path / "_build/requirements.yml").read_text(encoding="utf-8")
    [containerfile] = tmp_path.glob("*file")  # Dockerfile or Containerfile, by the engine
    assert "fedora:42" in containerfile.read_text(encoding="utf-8")


def test_the_collection_tells_ansible_builder_what_it_needs(tmp_path: Path) -> None:
    """Java and the libraries of the event source come from the collection's own definition."""
    command = ["ansible-builder", "introspect", "--user-pip", "/dev/null", str(CHECKOUT.parents[2])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "java-21-openjdk-headless" in done.stdout and "Flask" in done.stdout
