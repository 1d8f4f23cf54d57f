"""What the play says when something is missing, and what the status page says when it goes missing later."""

from __future__ import annotations

import time

import pytest
from administrator import (
    STATE,
    UNIT,
    Administrator,
    decisions,
    nodes,
    run,
    status,
    wait_for_nodes,
    wait_until,
    write,
)

pytestmark = pytest.mark.usefixtures("service")

SUDOERS = f"/etc/sudoers.d/{UNIT}"


def sync_error() -> str:
    failure = status().get("sync", {}).get("failure")
    return str(failure["error"]) if failure else ""


def request_sync(admin: Administrator) -> str:
    """Have the play request a sync, which fails, and return its output."""
    return admin.play("listener", status=2, listener_check_access=False)


def test_sudo_is_taken_away_on_the_controller(admin: Administrator) -> None:
    run("ctl", "mv", SUDOERS, "/root/sudoers")
    try:
        said = request_sync(admin)
        assert "its sync failed: ctl.example.org: " in said and "may not become slurm" in said
        assert "may not become slurm" in sync_error()
        said = admin.play("listener", status=2)
        assert "lacks access: controller ctl.example.org: Become SlurmUser" in said
    finally:
        run("ctl", "mv", "/root/sudoers", SUDOERS)
    admin.play("listener")
    assert sync_error() == ""


def test_the_key_of_the_controller_is_another_one(admin: Administrator) -> None:
    known_hosts = f"{STATE}/.ssh/known_hosts"
    before = run("eda", "cat", known_hosts)
    other = run("node1", "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    own = run("ctl", "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    admin.shell("cp .ssh/known_hosts known_hosts.right")
    admin.shell(f"sed -i 's#{own}#{other}#' .ssh/known_hosts")
    write("eda", known_hosts, before.replace(own, other), "0600", UNIT)
    run("eda", "sh", "-c", f"pkill -u {UNIT} ssh || :")
    try:
        began = time.time()
        run("eda", "systemctl", "restart", UNIT)
        wait_until("the sync to fail", lambda: "Host key verification failed" in sync_error())
        assert status()["sync"]["failure"]["time"] > began
    finally:
        admin.shell("mv known_hosts.right .ssh/known_hosts")
    admin.play("listener")
    assert run("eda", "cat", known_hosts) == before


def test_check_mode_says_that_rights_are_missing(admin: Administrator) -> None:
    write("ctl", "/etc/sudoers.d/ops", "", "0440")
    try:
        said = admin.play("drain", "--check", status=2, nodes=["node1"], reason="a test")
        assert "ops may not become slurm on ctl.example.org" in said and "Nothing was changed" in said
    finally:
        write("ctl", "/etc/sudoers.d/ops", "ops ALL=(ALL) NOPASSWD: ALL\n", "0440")
    assert nodes()["node1"][0] == "idle"


def test_a_certificate_that_does_not_fit_is_said_first(admin: Administrator) -> None:
    before = run("eda", "sha256sum", "/etc/hpc-slurm/listener.pem")
    cases = [
        (["DNS:other.example.org"], [], "is not valid for 198.51.100.31", "It is valid for: DNS other.example.org"),
        ([], ["chmod", "0600", "/etc/hpc-slurm/listener.pem"], "cannot read /etc/hpc-slurm/listener.pem", "chgrp"),
        ([], ["sh", "-c", "sed -i '/PRIVATE/,/PRIVATE/d' /etc/hpc-slurm/listener.pem"], "with its private key", ""),
    ]
    run("eda", "cp", "--preserve=all", "/etc/hpc-slurm/listener.pem", "/root/listener.pem")
    for names, command, words, advice in cases:
        if names:
            write("eda", "/etc/hpc-slurm/listener.pem", admin.authority.issue(*names), "0600", UNIT)
        else:
            run("eda", *command)
            if "chmod" in command:
                run("eda", "chown", "root", "/etc/hpc-slurm/listener.pem")
        try:
            said = admin.play("listener", status=2)
            assert words in said and advice in said, said
            # Nothing was begun.
            assert "Write the unit" not in said and " changed=0 " in said
        finally:
            run("eda", "cp", "--preserve=all", "/root/listener.pem", "/etc/hpc-slurm/listener.pem")
    assert run("eda", "sha256sum", "/etc/hpc-slurm/listener.pem") == before


def test_a_file_of_tasks_with_an_error(admin: Administrator) -> None:
    """The play refuses it; where it comes later, the record of the reaction says it."""
    path = "/etc/hpc-slurm/repair.yml"
    good = run("eda", "cat", path)
    write("eda", path, "- name: Repair it\n  ansible.builtin.command: [true\n", "0640", UNIT)
    try:
        assert "YAML parsing failed" in admin.play("listener", status=2)
        began = time.time()
        run("node2", "sh", "-c", "pkill -9 slurmd; systemctl stop slurmd")
        failed = wait_until("the record", lambda: [it for it in decisions(began) if it["decision"] == "failed"])
        assert "from_yaml" in failed[0]["why"]
        journal = run("eda", "journalctl", "--unit", UNIT, f"--since=@{int(began)}", "--output=cat", "--no-pager")
        assert '"reaction recorded"' in journal and journal.count("fatal: [ctl.example.org]") == 1
    finally:
        write("eda", path, good, "0640", UNIT)
    # The next sync has it tried again.
    admin.play("listener")
    wait_for_nodes("idle", "node2")


def test_become_for_all_hosts_breaks_nothing(admin: Administrator) -> None:
    """ansible_become: true for all, also for localhost, where ops needs a password for sudo."""
    write("admin", "/etc/sudoers.d/ops", "", "0440")
    admin.shell("mkdir -p group_vars && echo 'ansible_become: true' >group_vars/all.yml")
    try:
        admin.play("drain", nodes=["node1"], reason="ticket 9")
        admin.play("resume", nodes=["node1"], only_reason="ticket 9")
        admin.play("listener")
        assert run("eda", "cat", f"/etc/{UNIT}/inventory/group_vars/all.yml") == "ansible_become: true\n"
    finally:
        admin.shell("rm -r group_vars")
        write("admin", "/etc/sudoers.d/ops", "ops ALL=(ALL) NOPASSWD: ALL\n", "0440")
    # What is not in the inventory any more is not in force any more.
    admin.play("listener")
    assert "group_vars" not in run("eda", "find", f"/etc/{UNIT}/inventory", "-type", "f")
