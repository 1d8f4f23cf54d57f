# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter pyslurm_choice."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.hpc.slurm.plugins.filter.pyslurm_choice import FilterModule

CHECKOUT = Path(__file__).resolve().parents[4]
pyslurm_choice = FilterModule().filters()["pyslurm_choice"]
BRIDGES = {"26.05": "25.11"}
PUBLISHED = ["25.11.2", "25.11.10", "18.8.1.1", "24.11.0", "26.11.0rc1"]


@pytest.mark.parametrize(
    ("published", "slurm", "expected"),
    [
        (PUBLISHED, "24.11.5", {"version": "24.11.0", "bridge": False, "built_as": "24.11.0"}),
        (PUBLISHED, "25.11.1", {"version": "25.11.10", "bridge": False, "built_as": "25.11.0"}),
        (PUBLISHED, "26.05.5", {"version": "25.11.10", "bridge": True, "built_as": "26.5.0"}),
        # Its own is better than one that is built for it.
        ([*PUBLISHED, "26.5.0"], "26.05.5", {"version": "26.5.0", "bridge": False, "built_as": "26.5.0"}),
        (PUBLISHED, "26.11.0-0rc1", {"version": "26.11.0rc1", "bridge": False, "built_as": "26.11.0"}),
    ],
)
def test_choices(published, slurm, expected):
    assert pyslurm_choice(published, slurm, BRIDGES) == expected


def test_a_wheel_of_another_release_is_not_rebuilt():
    with pytest.raises(AnsibleFilterError, match=r"Found: 25\.11\.2\. Needed: pyslurm 26\.5\. Set"):
        pyslurm_choice(["25.11.2"], "26.05.5")


@pytest.mark.parametrize(
    ("published", "slurm", "message"),
    [
        (PUBLISHED[:2], "23.02.7", r"fits Slurm 23\.02\.7\. Found: 25\.11\.2, 25\.11\.10\. Needed: pyslurm 23\.2\. "),
        (["18.8.1.1"], "26.05.5", r"Found: 18\.8\.1\.1\. Needed: pyslurm 26\.5 or pyslurm 25\.11\. "),
        ([], "26.05.5", r"Found: none\. .*of it\. ERROR: no network$"),
    ],
)
def test_none_fits(published, slurm, message):
    with pytest.raises(AnsibleFilterError, match=message):
        pyslurm_choice(published, slurm, BRIDGES, "ERROR:\n no network\n")


def test_every_bridge_has_its_header():
    variables = yaml.safe_load((CHECKOUT / "roles/pyslurm/vars/main.yml").read_text(encoding="utf-8"))
    headers = {path.name for path in (CHECKOUT / "roles/pyslurm/files").iterdir()}
    assert headers == {f"slurm_{release}.h" for release in variables["pyslurm_bridges"]}


def test_the_lab_uses_the_bridge():
    """What make_pyslurm.sh asks for is what the role would choose."""
    lines = (CHECKOUT / "tests/lab/versions.env").read_text(encoding="utf-8").splitlines()
    release = dict(line.split("=") for line in lines if not line.startswith("#"))
    variables = yaml.safe_load((CHECKOUT / "roles/pyslurm/vars/main.yml").read_text(encoding="utf-8"))
    chosen = pyslurm_choice([release["PYSLURM"]], f"{release['SLURM_RELEASE']}.0", variables["pyslurm_bridges"])
    assert chosen["version"] == release["PYSLURM"]
