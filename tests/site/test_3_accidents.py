"""Accidents on the machines: what happens with the nodes, and what the status page says meanwhile."""

from __future__ import annotations

import time

import pytest
from administrator import (
    NAMES,
    STATE,
    UNIT,
    Administrator,
    begun,
    decisions,
    fail,
    held,
    nodes,
    power,
    reset_flaps,
    run,
    status,
    unit,
    wait_for_nodes,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("service")


def test_a_machine_without_power_comes_back(admin: Administrator) -> None:
    began = time.time()
    power("kill", "node2")
    wait_for_nodes("down*", "node2")
    # It cannot be repaired, and that is said.
    wait_until("the reaction", lambda: [it for it in decisions(began) if it["decision"] in ("failed", "held")])
    assert nodes()["node2"][1].startswith("hpc.slurm.node_down ")
    power("on", "node2")
    # The next sync has its repair tried again: have it at once.
    wait_until("the node to respond", lambda: not nodes().get("node2", ("*",))[0].endswith("*"))
    admin.play("listener")
    wait_for_nodes("idle", "node2")


def test_the_power_of_eda_fails_in_the_middle_of_a_reaction(admin: Administrator) -> None:
    with held("node1"):
        fail("node1")
        begun("node1")
        power("kill", "eda")
        assert nodes()["node1"][0].startswith("drained")
        power("on", "eda")
    wait_for_nodes("idle", "node1")
    assert unit("NRestarts") == "0"


def test_eda_is_restarted(admin: Administrator) -> None:
    before = status()["up_since"]
    power("reboot", "eda")
    wait_until("the service", lambda: status().get("up_since", before) > before)
    wait_until("a sync", lambda: (status().get("sync", {}).get("last") or 0) > status()["up_since"])
    reset_flaps()
    fail("node1")
    wait_for_nodes("down*", "node1")
    wait_for_nodes("idle", "node1")


def test_the_power_of_the_controller_fails_while_a_node_does(admin: Administrator) -> None:
    began = time.time()
    fail("node2")
    # slurmctld saves that: a node that it never saved stays unknown after its restart.
    wait_for_nodes("down*", "node2")
    power("kill", "ctl")
    said = admin.play("listener", status=2, listener_check_access=False)
    assert "its sync failed: " in said and "is reachable: ctl.example.org: " in said
    power("on", "ctl")
    resumed = wait_until("the repair", lambda: [it["nodes"] for it in decisions(began) if it["decision"] == "resumed"])
    assert resumed == ["node2"]
    wait_for_nodes("idle", "node2")


def test_a_certificate_is_renewed_without_a_restart(admin: Administrator) -> None:
    serial = "openssl x509 -noout -serial"
    connect = "openssl s_client -connect 198.51.100.31:32000 </dev/null 2>/dev/null"
    before, up_since = run("admin", "sh", "-c", f"{connect} | {serial}"), status()["up_since"]
    # One for another name does not take the place of the one in use.
    admin.put_certificate("DNS:other.example.org")
    said = admin.play("listener", status=2, listener_remote_src=False)
    assert "is not valid for 198.51.100.31" in said and "Nothing was changed" in said
    assert run("admin", "sh", "-c", f"{connect} | {serial}") == before
    admin.put_certificate(*NAMES)
    admin.play("listener", listener_remote_src=False)
    wait_until("the new one", lambda: run("admin", "sh", "-c", f"{connect} | {serial}") != before)
    assert status()["up_since"] == up_since and status()["health"]["status"] == "ok"


def test_the_disk_of_eda_is_full(admin: Administrator) -> None:
    """curl retries while the inbox cannot be written, and the node is repaired when there is space again."""
    reset_flaps()
    run("eda", "systemctl", "stop", UNIT)
    script = f"mv {STATE} {STATE}.kept; mkdir {STATE}; mount -t tmpfs -o size=64m,mode=0700 tmpfs {STATE}; "
    script += f"cp -a {STATE}.kept/. {STATE}; chown {UNIT} {STATE}"
    run("eda", "sh", "-euc", script)
    try:
        run("eda", "systemctl", "start", UNIT)
        wait_until("the service", lambda: status().get("health", {}).get("status") == "ok")
        run("eda", "sh", "-c", f"dd if=/dev/zero of={STATE}/full bs=4k 2>/dev/null || :")
        wait_until("the page to say it", lambda: "disk of state_dir" in str(status().get("health", {}).get("reasons")))
        fail("node1")
        wait_for_nodes("down*", "node1")
        run("eda", "rm", f"{STATE}/full")
        wait_for_nodes("idle", "node1")
    finally:
        run("eda", "systemctl", "stop", UNIT)
        run("eda", "sh", "-euc", f"rm -f {STATE}/full; cp -a {STATE}/. {STATE}.kept; umount {STATE}; rmdir {STATE}; "
            f"mv {STATE}.kept {STATE}")  # fmt: skip
        run("eda", "systemctl", "start", UNIT)
    wait_until("the service", lambda: status().get("health", {}).get("status") == "ok")
