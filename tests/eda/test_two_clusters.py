"""Two clusters whose nodes have the same names, and one rulebook with a source for each. Runs inside the lab.

The controllers of both are this machine, as a login node of both would be: the inventory has the slurm.conf of the
second.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from story import CHECKOUT, EVENTS, Rulebook, free_port, run_command, wait_until

SCRIPT = CHECKOUT / "tests/lab/second_cluster.sh"
REASON = "Node unexpectedly rebooted"
CONF = {"lab": "/etc/slurm/slurm.conf", "second": "/etc/slurm-second/slurm.conf"}
HOSTS = {"lab": [f"node{number}" for number in range(1, 9)], "second": [f"b-node{number}" for number in range(1, 9)]}


def slurm(cluster: str, *command: str) -> str:
    """Run a command of Slurm as SlurmUser, and return its output."""
    environment = {**os.environ, "SLURM_CONF": CONF[cluster]}
    done = subprocess.run(command, capture_output=True, text=True, check=True, user="slurm", env=environment)
    return done.stdout


def states(cluster: str) -> list[str]:
    """Return the names, the state and the reason of the nodes with the same names, in groups."""
    return slurm(cluster, "sinfo", "--noheader", "--partition=main", "--format=%N %T %E").splitlines()


def set_down(cluster: str, name: str) -> None:
    """Set a node down as slurmctld does when it has booted by itself."""
    slurm(cluster, "scontrol", "update", f"nodename={name}", "state=down", f"reason={REASON}")


def armed(cluster: str) -> set[str]:
    """Return the event kinds of a cluster's triggers, which call its own listener with its own configuration."""
    shown = slurm(cluster, "strigger", "--get", "--noheader").splitlines()
    return {line.split()[3] for line in shown if f"--config /var/lib/hpc-slurm/listener-{cluster}.conf " in line}


CONTROLLERS = {"slurm_controller_lab": "controller", "slurm_controller_second": "b-controller"}
ALL_IDLE = ["node[1-8] idle none"]


class Site:
    """The files of a site with both clusters."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.inventory = directory, directory / "inventory.yml"
        self.repaired = directory / "repaired"
        self.repaired.mkdir()
        self.repair = directory / "repair.yml"
        file = f"{self.repaired}/{{{{ inventory_hostname }}}}"
        task = {"name": "Repair it", "ansible.builtin.copy": {"content": "{{ hpc_slurm_node_name }}", "dest": file}}
        self.repair.write_text(yaml.safe_dump([task]), encoding="utf-8")
        self.write_inventory(CONTROLLERS)
        self.write_rulebook()

    def write_inventory(self, controllers: dict[str, str]) -> None:
        content = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
        variables: dict[str, dict[str, Any]] = {"controller": {}, "b-controller": {"hpc_slurm_conf": CONF["second"]}}
        content["all"]["children"] = {
            **{group: {"hosts": {host: variables[host]}} for group, host in controllers.items()},
            **{f"nodes_{cluster}": self.nodes(cluster) for cluster in HOSTS},
        }
        self.inventory.write_text(yaml.safe_dump(content), encoding="utf-8")

    def nodes(self, cluster: str) -> dict[str, Any]:
        return {
            "hosts": dict.fromkeys(HOSTS[cluster]),
            "vars": {
                "hpc_slurm_node_cluster": cluster,
                "hpc_slurm_node_name": "{{ inventory_hostname | replace('b-', '') }}",
                "hpc_slurm_repair_tasks": str(self.repair),
            },
        }

    def write_rulebook(self) -> None:
        """As docs/clusters.md says: the collection's rulebook, with one source more."""
        [ruleset] = yaml.safe_load((CHECKOUT / "rulebooks/node_events.yml").read_text(encoding="utf-8"))
        [first] = ruleset["sources"]
        arguments = {"port": free_port(), "cluster": "second", "state_dir": str(self.directory / "state-second")}
        name = "hpc.slurm.trigger_listener"
        ruleset["sources"].append({**first, "name": "second", name: {**first[name], **arguments}})
        (self.directory / "rulebook.yml").write_text(yaml.safe_dump([ruleset], sort_keys=False), encoding="utf-8")

    def play(self, playbook: str, status: int = 0, **extra: Any) -> str:
        command = ["ansible-playbook", playbook, "--inventory", str(self.inventory), "--extra-vars", json.dumps(extra)]
        return run_command(*command, status=status)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    subprocess.run([SCRIPT, "start"], check=True)
    yield Site(tmp_path_factory.mktemp("clusters"))
    subprocess.run([SCRIPT, "stop"], check=True)


@pytest.fixture(scope="module")
def rulebook(site: Site) -> Iterator[Rulebook]:
    """One rulebook for both, which has set the triggers of both."""
    made = Rulebook(site.directory, str(site.directory / "rulebook.yml"), sync_interval=15)
    wait_until(
        lambda: f"the triggers of both, there are {armed('lab')} and {armed('second')}",
        240,
        lambda: not made.running() or (armed("lab") >= EVENTS and armed("second") >= EVENTS),
    )
    assert made.running()
    yield made
    made.stop()
    for cluster in CONF:
        site.play("hpc.slurm.disarm", hpc_slurm_cluster=cluster)
        assert not armed(cluster)


def expect_repair(site: Site, cluster: str, host: str) -> None:
    """Wait until the first node of a cluster is in service again, repaired on its own host."""
    wait_until(lambda: f"the repair of {host}: {states(cluster)}", 180, (site.repaired / host).exists)
    wait_until(lambda: f"node1 of {cluster} in service: {states(cluster)}", 60, lambda: states(cluster) == ALL_IDLE)


def test_one_is_silent_and_the_other_is_served(site: Site, rulebook: Rulebook) -> None:
    subprocess.run([SCRIPT, "silence"], check=True)
    try:
        set_down("lab", "node1")
        expect_repair(site, "lab", "node1")
        wait_until(
            "a failed sync of the silent cluster", 120, lambda: rulebook.find(r"fatal: \[b-controller\]: FAILED")
        )
    finally:
        subprocess.run([SCRIPT, "wake"], check=True)
    assert states("second") == ALL_IDLE
    set_down("second", "node1")
    expect_repair(site, "second", "b-node1")
    assert states("lab") == ALL_IDLE
    assert sorted(path.name for path in site.repaired.iterdir()) == ["b-node1", "node1"]


def test_a_playbook_by_hand_needs_the_cluster(site: Site) -> None:
    assert "Which cluster? Set hpc_slurm_cluster" in site.play("hpc.slurm.report", status=4)
    given: dict[str, Any] = {"hpc_slurm_nodes": ["node2"], "hpc_slurm_cluster": "second"}
    site.play("hpc.slurm.drain", **given, hpc_slurm_reason="ticket 7")
    assert states("second") == ["node2 drained ticket 7", "node[1,3-8] idle none"] and states("lab") == ALL_IDLE
    assert "node2" in site.play("hpc.slurm.report", hpc_slurm_cluster="second")
    site.play("hpc.slurm.resume", **given, hpc_slurm_only_reason="ticket 7")
    assert states("second") == ALL_IDLE


def test_a_maintenance_is_of_its_own_cluster(site: Site) -> None:
    given: dict[str, Any] = {
        "hpc_slurm_maintenance": "m1",
        "hpc_slurm_nodes": ["node3"],
        "hpc_slurm_max_unavailable": 1,
    }
    given |= {"hpc_slurm_maintenance_tasks": str(site.repair), "hpc_slurm_connection_limit": 0}
    for cluster in CONF:
        # The same name: what is done on one cluster is not done on the other.
        said = site.play("hpc.slurm.maintenance", hpc_slurm_cluster=cluster, **given)
        assert "done" in said
        assert Path(f"/var/lib/hpc-slurm/maintenance-m1-{cluster}.json").exists()
        assert states(cluster) == ALL_IDLE


def test_controllers_of_another_cluster_are_refused(site: Site) -> None:
    site.write_inventory({"slurm_controller_lab": "b-controller", "slurm_controller_second": "controller"})
    set_down("lab", "node4")
    event = {"type": "node_state", "state": "down", "nodes": ["node4"], "cluster": "lab", "meta": {"uuid": "u4"}}
    try:
        said = site.play("hpc.slurm.node_down", status=2, ansible_eda={"event": event})
        assert "b-controller is a controller of the cluster second, and not of lab" in said
        event = {"cluster": "second", "listener": {"url": "http://127.0.0.1:1", "id": "not-to-be-called-1"}}
        said = site.play("hpc.slurm.sync", status=2, ansible_eda={"event": event})
        assert "controller is a controller of the cluster lab, and not of second" in said
        assert "not-to-be-called" not in slurm("lab", "strigger", "--get") + slurm("second", "strigger", "--get")
        assert states("second") == ALL_IDLE and f"node4 down {REASON}" in states("lab")
    finally:
        slurm("lab", "scontrol", "update", "nodename=node4", "state=resume")
        site.write_inventory(CONTROLLERS)
