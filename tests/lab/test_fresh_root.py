"""The way from a Debian with Slurm, and nothing of this collection, to a first task: two commands. Needs root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import cache
import pytest
from progress import Progress

# What a controller has at least.
PACKAGES = ["ca-certificates", "curl", "munge", "python3", "slurm-client", "slurmctld", "sudo"]


def free_ports(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _number in range(count)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.fresh
def test_two_commands_to_the_first_task(tmp_path: Path) -> None:
    root = tmp_path / "root"
    flavour = cache.Flavour(cache.suites()[0], None, accounting=False)
    ansible = cache.build(Progress(), flavour).python
    cache.make_debian(root, tmp_path / "root.log", flavour.suite, PACKAGES, "alice", Progress())
    script = ["bash", str(cache.HERE / "stage.sh"), str(root), str(ansible), "/opt/lab", "fresh_root.sh"]
    done = subprocess.run(
        [*cache.BUILD_NAMESPACES, *script, *free_ports(2)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **cache.network_environment()},
    )
    # Its mounts ended with the namespaces.
    assert str(root) not in Path("/proc/mounts").read_text(encoding="utf-8")
    shutil.rmtree(root)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    print(done.stdout)
    assert "FIRST TASK: node[1-36] cooling of rack 4, ticket 1234\n" in done.stdout
    assert "RULEBOOK: 1.3" in done.stdout or "RULEBOOK: ansible-rulebook [1.3" in done.stdout
    again = [line for line in done.stdout.splitlines() if line.startswith("AGAIN: ")]
    assert len(again) == 2 and all("changed=0 " in line for line in again)
