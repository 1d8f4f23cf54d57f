"""The way of README.md, as ops, on empty machines: the first task, the service, a failed node back in service."""

from __future__ import annotations

import time

from administrator import UNIT, Administrator, decisions, nodes, run, status, unit, wait_for_nodes, wait_until


def changed_tasks(output: str) -> list[str]:
    """Return the tasks of a play that have changed something."""
    tasks = output.split("\nTASK [")[1:]
    return [task.partition("]")[0] for task in tasks if "\nchanged: " in task]


def test_the_first_task(admin: Administrator) -> None:
    wheel = admin.shell("ls /srv/wheels/pyslurm-*.whl").strip()
    admin.play("pyslurm", pyslurm_source=wheel)
    admin.play("drain", nodes=["node1"], reason="ticket 1234")
    assert nodes()["node1"] == ("drained", "ticket 1234")
    admin.play("resume", nodes=["node1"], only_reason="1234")
    wait_for_nodes("idle")


def test_the_service_says_which_access_is_missing(admin: Administrator) -> None:
    said = admin.play("listener", status=2)
    assert "lacks access: controller ctl.example.org: " in said and "Permission denied (publickey)" in said
    assert "Run hpc.slurm.access" in said


def test_two_plays_to_a_service_that_works(admin: Administrator) -> None:
    said = admin.play("access", "--check")
    assert UNIT not in run("ctl", "cat", "/etc/passwd") and " failed=0 " in said
    admin.play("access")
    said = admin.play("listener")
    assert "The service has the access that it needs" in said
    assert "The listener works at https://198.51.100.31:32000: a sync has succeeded" in said
    assert "/var/lib/hpc-slurm/listener.conf" in run("ctl", "strigger", "--get")
    # The service may do no more on the controller.
    login = ["runuser", "--user", UNIT, "--"]
    assert run("ctl", *login, "sudo", "-n", "-u", "slurm", "id", "-un").strip() == "slurm"
    assert "password is required" in run("ctl", *login, "sudo", "-n", "id", status=1)


def test_again_nothing_changes(admin: Administrator) -> None:
    for playbook in ("access", "listener"):
        assert changed_tasks(admin.play(playbook)) == []


def test_a_failed_node_is_back_in_service(admin: Administrator) -> None:
    began = time.time()
    run("node1", "sh", "-c", "pkill -9 slurmd; systemctl stop slurmd")
    wait_for_nodes("down*", "node1")
    wait_for_nodes("idle", "node1")
    run("node1", "test", "-e", "/run/hpc-slurm-repaired")
    done = wait_until("the record", lambda: [it for it in decisions(began) if it["decision"] == "resumed"])
    assert done[0]["nodes"] == "node1"


def test_the_service_is_confined(admin: Administrator) -> None:
    shown = run("eda", "systemd-analyze", "security", "--no-pager", UNIT)
    exposure = float(shown.rstrip().splitlines()[-1].split(":")[1].split()[0])
    assert exposure < 2
    assert unit("NRestarts") == "0" and unit("KillMode") == "mixed"
    journal = run("eda", "journalctl", "--unit", UNIT, "--output=cat", "--no-pager")
    assert "SIGSYS" not in journal
    assert not run("eda", "sh", "-c", f"ls /var/lib/{UNIT}/*.trace.db || :").startswith("/")
    assert status()["health"] == {"status": "ok", "reasons": []}
