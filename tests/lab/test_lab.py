"""Tests of the lab's commands, run outside it: what they do, and that they leave nothing behind. Needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lab
import pytest

LAB = lab.HERE / "lab"


def run(*words: str, program: Path = LAB) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *words], capture_output=True, text=True, check=False)


def wait_for(what: str, condition: Callable[[], object], limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit:.0f} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def up() -> Iterator[None]:
    started = run("up")
    assert started.returncode == 0, started.stdout + started.stderr
    yield
    run("down")


@pytest.fixture
def down() -> Iterator[None]:
    run("down")
    yield
    run("down")


def test_up_without_root_is_refused() -> None:
    refused = subprocess.run(["unshare", "--user", str(LAB), "up"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr == (
        "lab: error: the lab makes namespaces and mounts, so it needs root: run it as root or with sudo\n"
    )


def test_commands_while_the_lab_is_not_running(down: None) -> None:
    assert run("status").returncode == 3
    refused = run("exec", "--", "true")
    assert (refused.returncode, "start it with" in refused.stderr) == (1, True)
    assert (run("down").returncode, run("down").stdout) == (0, "lab: was not running\n")


def test_up_twice_starts_one_lab(up: None) -> None:
    before = lab.running()
    again = run("up")
    assert (again.returncode, again.stdout) == (0, "lab: running\n")
    assert lab.running() == before


def test_accounting_storage_on_request(down: None) -> None:
    """The other mode than the one that runs restarts the lab."""
    for options, storage in ((["--accounting"], "accounting_storage/slurmdbd"), ([], "(null)")):
        started = run("up", *options)
        assert started.returncode == 0, started.stdout + started.stderr
        config = run("exec", "--", "scontrol", "show", "config").stdout
        (line,) = [line for line in config.splitlines() if line.startswith("AccountingStorageType ")]
        assert line.split() == ["AccountingStorageType", "=", storage]
    assert run("exec", "--", "sacctmgr", "show", "cluster").returncode != 0


def test_exec_returns_the_exit_status_and_sets_the_user(up: None) -> None:
    assert run("exec", "--", "sh", "-c", "exit 7").returncode == 7
    assert run("exec", "--user", "slurm", "--", "id", "--user", "--name").stdout == "slurm\n"
    assert run("exec", "--user", "alice", "--", "sh", "-c", "echo $HOME").stdout == "/home/alice\n"
    assert "no user 'nobody-such'" in run("exec", "--user", "nobody-such", "--", "true").stderr
    assert run("exec", "--", "python3", "-c", "import pyslurm").returncode == 0
    assert lab.INSIDE.rpartition("/hpc/slurm")[0] in run("exec", "--", "ansible-galaxy", "collection", "list").stdout


def test_the_checkout_is_mounted(up: None) -> None:
    mark = lab.CHECKOUT / "tests" / "output" / "mark"
    mark.write_text("seen", encoding="ascii")
    try:
        assert run("exec", "--", "cat", "tests/output/mark").stdout == "seen"
    finally:
        mark.unlink()


def test_the_cluster_has_the_documented_nodes(up: None) -> None:
    shown = run("exec", "--", "sinfo", "--noheader", "--format=%R %D %T %N").stdout.split("\n")
    assert sorted(filter(None, shown)) == ["big 10000 idle big[00001-10000]", "main 8 idle node[1-8]"]
    job = run("exec", "--", "srun", "--nodes=2", "--partition=main", "hostname")
    assert job.stdout == "lab\nlab\n", job.stderr


def test_down_leaves_nothing(up: None) -> None:
    inside = namespace_of(lab.running())
    assert members(inside)
    assert run("down").stdout == "lab: down\n"
    assert not members(inside)
    assert not lab.STATE.exists()
    assert str(lab.STATE) not in Path("/proc/mounts").read_text(encoding="utf-8")


def test_two_checkouts_have_two_labs(up: None, tmp_path: Path) -> None:
    other = tmp_path / "checkout"
    left_out = shutil.ignore_patterns(".git", "output", "__pycache__")
    shutil.copytree(lab.CHECKOUT, other, ignore=left_out)
    try:
        started = run("up", program=other / "tests/lab/lab")
        assert started.returncode == 0, started.stdout + started.stderr
        run("exec", "--", "scontrol", "update", "nodename=node1", "state=drain", "reason=here")
        states = ["exec", "--", "sinfo", "--noheader", "--nodes=node1", "--format=%T"]
        assert run(*states).stdout == "drained\n"
        assert run(*states, program=other / "tests/lab/lab").stdout == "idle\n"
    finally:
        run("down", program=other / "tests/lab/lab")
    assert run("status").returncode == 0


@pytest.mark.parametrize("when", ["the lab is starting", "the lab runs"])
def test_up_and_down_work_after_a_crash(down: None, when: str) -> None:
    starting = subprocess.Popen([str(LAB), "up"], stdout=subprocess.DEVNULL, start_new_session=True)
    if when == "the lab is starting":
        wait_for("the first process", (lab.STATE / "process").exists)
        os.killpg(starting.pid, signal.SIGKILL)
        starting.wait()
    else:
        assert starting.wait() == 0
        crashed = lab.running()
        assert crashed is not None
        os.kill(crashed, signal.SIGKILL)
        wait_for("the lab to end", lambda: lab.running() is None)
    assert run("down").returncode == 0
    assert run("up").returncode == 0
    assert run("status").returncode == 0


def namespace_of(pid: int | None) -> str:
    return os.readlink(f"/proc/{pid}/ns/pid_for_children")


def members(namespace: str) -> list[str]:
    """Return the processes of a process namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "ns/pid") == namespace:
                found.append(process.name)
        except OSError:  # it ended meanwhile
            continue
    return found
