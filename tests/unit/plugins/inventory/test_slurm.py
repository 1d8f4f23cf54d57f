# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, with the JSON of scontrol as its command prints it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.plugin_utils import inventory_nodes

NODE = {
    "name": "n1",
    "state": ["IDLE", "RESERVED", "DRAIN"],
    "partitions": ["main", "gpu"],
    "features": ["ib", "rome"],
    "active_features": ["ib"],
    "gres": "gpu:tesla:4,bandwidth:lustre:no_consume:4G",
    "address": "10.0.0.1",
    "hostname": "n1",
    "cpus": 64,
    "real_memory": 256000,
    "weight": 1,
    "reason": "fan",
    "comment": "{{ 7 * 7 }}",
    "extra": "",
    "reservation": "repair",
}
OTHERS = [
    {**NODE, "name": "n2", "state": ["IDLE"], "partitions": ["main"], "gres": "", "reservation": "", "address": ""},
    {**NODE, "name": "n3", "state": ["DOWN"], "partitions": [], "features": [], "reservation": ""},
    {**NODE, "name": "n4", "state": ["FUTURE"]},
]


def inventory(directory: Path, printed: str | None = None, **options: Any) -> InventoryData:
    """Return what the plugin makes of what the command prints, with these options."""
    text = json.dumps({"nodes": [NODE, *OTHERS]}) if printed is None else printed
    (directory / "nodes.json").write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", f"print(open({str(directory / 'nodes.json')!r}).read())"]
    path = directory / "a.slurm.yml"
    path.write_text(yaml.safe_dump({"plugin": "hpc.slurm.slurm", "command": command, **options}), encoding="utf-8")
    made, plugin = InventoryData(), inventory_loader.get("hpc.slurm.slurm")
    assert plugin.verify_file(str(path))
    plugin.parse(made, DataLoader(), str(path))
    if options.get("cache"):
        plugin.update_cache_if_changed()
    made.reconcile_inventory()
    return made


def groups(made: InventoryData, host: str) -> list[str]:
    return sorted(group.name for group in made.get_host(host).get_groups() if group.name not in ("all", "ungrouped"))


def test_hosts_of_one_of_several_clusters(tmp_path: Path) -> None:
    made = inventory(tmp_path, cluster="blue")
    assert sorted(made.hosts) == ["n1.blue", "n2.blue", "n3.blue"]
    given = made.get_host("n2.blue").vars
    assert (given["hpc_slurm_node_name"], given["hpc_slurm_node_cluster"]) == ("n2", "blue")
    assert given["ansible_host"] == "n2"
    assert "cluster_blue" in groups(made, "n2.blue") and "partition_main" in groups(made, "n2.blue")


def test_hosts_with_their_variables(tmp_path: Path) -> None:
    made = inventory(tmp_path)
    assert sorted(made.hosts) == ["n1", "n2", "n3"]
    assert {key: value for key, value in made.get_host("n1").vars.items() if not key.startswith("inventory_")} == {
        "ansible_host": "10.0.0.1",
        "slurm_state": ["IDLE", "DRAIN", "RESERVED"],
        "slurm_partitions": ["main", "gpu"],
        "slurm_available_features": ["ib", "rome"],
        "slurm_active_features": ["ib"],
        "slurm_configured_gres": {"gpu:tesla": 4, "bandwidth:lustre:no_consume": 4 << 30},
        "slurm_address": "10.0.0.1",
        "slurm_hostname": "n1",
        "slurm_total_cpus": 64,
        "slurm_real_memory": 256000,
        "slurm_weight": 1,
        "slurm_reason": "fan",
        "slurm_comment": "{{ 7 * 7 }}",
        "slurm_extra": None,
        "slurm_reservation": "repair",
    }
    assert made.get_host("n2").vars["ansible_host"] == "n2"
    assert made.get_host("n2").vars["slurm_reservation"] is None


def test_groups(tmp_path: Path) -> None:
    made = inventory(tmp_path)
    assert groups(made, "n1") == [
        *("feature_ib", "feature_rome", "gres_bandwidth", "gres_bandwidth_lustre", "gres_gpu", "gres_gpu_tesla"),
        *("partition_gpu", "partition_main", "reservation_repair", "state_drain", "state_idle", "state_reserved"),
    ]
    assert groups(made, "n3") == [
        *("gres_bandwidth", "gres_bandwidth_lustre", "gres_gpu", "gres_gpu_tesla"),
        "state_down",
    ]
    assert groups(inventory(tmp_path, groups_by=["partition"]), "n1") == ["partition_gpu", "partition_main"]


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ({"partitions": ["gpu"]}, ["n1"]),
        ({"states": ["idle", "DOWN"]}, ["n1", "n2", "n3"]),
        ({"states": ["drain"]}, ["n1"]),
        ({"nodes": ["n[2-3]"]}, ["n2", "n3"]),
        ({"nodes": ["n[1-3]"], "partitions": ["main"], "states": ["idle"]}, ["n1", "n2"]),
    ],
)
def test_selections(tmp_path: Path, options: dict[str, Any], hosts: list[str]) -> None:
    assert sorted(inventory(tmp_path, **options).hosts) == hosts


def test_composed_variables_and_groups(tmp_path: Path) -> None:
    made = inventory(
        tmp_path,
        prefix="x_",
        compose={"gib": "x_real_memory // 1024"},
        groups={"fans": "x_reason == 'fan'"},
        keyed_groups=[{"key": "x_weight | string", "prefix": "weight"}],
        strict=True,
    )
    # ansible-core before 2.19 makes a text of it.
    assert int(made.get_host("n1").vars["gib"]) == 250
    assert {"fans", "weight_1"} <= set(groups(made, "n1"))


def test_the_cache(tmp_path: Path) -> None:
    given = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    assert "n1" in inventory(tmp_path, **given).hosts
    assert list((tmp_path / "cache").iterdir())
    assert "n1" in inventory(tmp_path, '{"nodes": []}', **given).hosts
    assert "n1" not in inventory(tmp_path, '{"nodes": []}').hosts


@pytest.mark.parametrize(
    ("printed", "options", "words"),
    [
        ("slurm_load_node error", {}, "not what scontrol show nodes --json prints: .*slurm_load_node error"),
        ('{"nodes": [{"name": "n1"}]}', {}, "not what scontrol show nodes --json prints"),
        ("[]", {}, "not what scontrol show nodes --json prints"),
        (None, {"command": ["false", "x"]}, "the command false x failed with status 1"),
        (None, {"command": ["/nowhere/scontrol"]}, "the command /nowhere/scontrol cannot be run"),
        (None, {"nodes": ["n[1-9]"]}, r"the cluster has no node n\[4-9\]"),
        (None, {"nodes": ["n[1"]}, "not a hostlist"),
        (None, {"partitions": ["man"]}, "the cluster has no partition man: did you mean main"),
    ],
)
def test_what_is_refused(tmp_path: Path, printed: str | None, options: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleParserError, match=words):
        inventory(tmp_path, printed, **options)


def test_another_file_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("plugin: hpc.slurm.slurm\n", encoding="ascii")
    assert not inventory_loader.get("hpc.slurm.slurm").verify_file(str(tmp_path / "hosts.yml"))


def test_without_pyslurm_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(work: object) -> dict[str, Any]:
        raise SlurmError("pyslurm cannot be imported")

    monkeypatch.setattr(inventory_nodes, "isolated", fail)
    with pytest.raises(SlurmError, match="cannot be imported"):
        inventory_nodes.read_with_pyslurm(None)
