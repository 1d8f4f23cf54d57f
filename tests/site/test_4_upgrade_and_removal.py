"""A new version of the collection while a node is repaired, and the removal of everything."""

from __future__ import annotations

import pytest
from administrator import (
    STATE,
    UNIT,
    Administrator,
    begun,
    fail,
    held,
    power,
    reset_flaps,
    run,
    status,
    wait_for_nodes,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("service")


def test_an_upgrade_loses_nothing(admin: Administrator) -> None:
    reset_flaps()
    before = status()["up_since"]
    admin.shell("cd hpc.slurm && sed -i 's/^version: .*/version: 99.0.0/' galaxy.yml")
    admin.shell("cd hpc.slurm && ansible-galaxy collection build --output-path ~")
    admin.shell("ansible-galaxy collection install --force hpc-slurm-99.0.0.tar.gz")
    with held("node1"):
        fail("node1")
        begun("node1")
        said = admin.play("listener")
        assert "a sync has succeeded" in said
    assert status()["up_since"] > before
    installed = run("eda", "cat", "/opt/rulebook/collections/ansible_collections/hpc/slurm/MANIFEST.json")
    assert '"99.0.0"' in installed
    wait_for_nodes("idle", "node1")


def test_the_maintenance_reboots_a_node_by_ansible(admin: Administrator) -> None:
    boot = run("node2", "cat", "/proc/sys/kernel/random/boot_id")
    said = admin.play("maintenance", maintenance="m1", nodes=["node2"], reboot="ansible", max_unavailable=1)
    assert "node2" in said
    assert run("node2", "cat", "/proc/sys/kernel/random/boot_id") != boot
    wait_for_nodes("idle", "node2")


def test_removal(admin: Administrator) -> None:
    said = admin.play("listener_removed")
    assert "hpc_slurm_access_state=absent" in said
    assert "curl" not in run("ctl", "strigger", "--get")
    for path in (STATE, f"/etc/{UNIT}", "/opt/rulebook", f"/etc/systemd/system/{UNIT}.service"):
        run("eda", "test", "!", "-e", path)
    assert UNIT not in run("eda", "cat", "/etc/passwd")
    admin.play("access", access_state="absent")
    for machine in ("ctl", "node1", "node2"):
        assert UNIT not in run(machine, "cat", "/etc/passwd")
        run(machine, "test", "!", "-e", f"/etc/sudoers.d/{UNIT}")
    # Once more, nothing is left to do.
    assert " failed=0 " in admin.play("listener_removed")
    power("reboot", "eda")
    wait_until("systemd", lambda: "running" in run("eda", "systemctl", "is-system-running", status=None))
