"""End to end: a compute daemon dies, and a playbook puts the node back in service. Runs inside the lab."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from story import CHECKOUT, CURL_CONFIG, EVENTS, NODE, TOKEN, Story, armed, node, wait_until


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def story(directory: Path) -> Iterator[Story]:
    told = Story(directory)
    try:
        told.run()
        yield told
    finally:
        if told.rulebook.running():
            told.stop()
        subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True)


def test_every_step_came_in_order(story: Story) -> None:
    labels = [label for label, _when in story.times]
    assert labels == [
        "failure",
        "DOWN in Slurm",
        "trigger fired",
        "notification stored",
        "playbook started",
        "drained",
        "back in service",
    ]
    times = [when for _label, when in story.times]
    # slurmctld's log and this clock differ by less than the pause between two looks.
    assert all(later - earlier > -0.3 for earlier, later in zip(times, times[1:]))


def test_the_node_is_in_service_without_a_reason(story: Story) -> None:
    assert node(NODE) == ({"IDLE"}, "")


def test_permanent_triggers_stay_armed_after_they_fired(story: Story) -> None:
    assert sorted(armed()) == sorted(EVENTS)


def test_the_token_is_readable_by_slurm_user_only_and_not_in_the_program(story: Story) -> None:
    status = CURL_CONFIG.stat()
    assert (CURL_CONFIG.owner(), oct(status.st_mode & 0o777)) == ("slurm", "0o600")
    programs = subprocess.run(["strigger", "--get"], capture_output=True, text=True, check=True).stdout
    assert "token" not in programs


def test_the_token_is_in_no_log_and_no_event(story: Story) -> None:
    told = [line for _when, line in story.rulebook.lines]
    assert any("PLAY RECAP" in line for line in told)
    assert not [line for line in told if TOKEN in line]
    kept = [path for path in (story.directory / "state").iterdir() if path.is_file()]
    assert kept and not [path for path in kept if TOKEN.encode() in path.read_bytes()]


def sync(story: Story) -> list[str]:
    """Return the command of a sync by hand."""
    listener = (story.directory / "state" / "id").read_text(encoding="ascii")
    given = {"listener_url": f"https://127.0.0.1:{story.rulebook.port}", "listener_id": listener}
    given |= {"token_file": str(story.directory / "token"), "ca_file": str(story.directory / "ca.pem")}
    words = [word for name, value in given.items() for word in ("-e", f"hpc_slurm_{name}={value}")]
    return ["ansible-playbook", "hpc.slurm.sync", *words]


def test_sync_again_changes_nothing_and_shows_the_token_to_nobody(story: Story, tmp_path: Path) -> None:
    """With two controllers, as where slurm.conf names a second SlurmctldHost."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": "/opt/lab/bin/python3"}
    # The triggers of one controller, which are set already.
    events = {"hpc_slurm_events": sorted(EVENTS)}
    hosts = {"slurm_controller": {"hosts": {"controller": local, "backup": local}, "vars": events}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(hosts), encoding="utf-8")
    command = [*sync(story), "--inventory", str(tmp_path / "inventory.yml")]
    shown = set()
    with open(tmp_path / "output", "w+", encoding="utf-8") as output:
        with subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as playing:
            while playing.poll() is None:
                shown |= {words for words in process_list() if TOKEN in words}
        output.seek(0)
        said = output.read()
    assert playing.returncode == 0, said
    assert re.findall(r"^(\w+) .* changed=(\d+)", said, re.MULTILINE) == [("backup", "0"), ("controller", "0")]
    assert shown == set() and TOKEN not in said


def test_sync_with_the_oldest_ansible_core(story: Story) -> None:
    """Its templates make texts of numbers."""
    oldest = "/opt/lab/oldest/bin/ansible-playbook"
    version = subprocess.run([oldest, "--version"], capture_output=True, text=True, check=True).stdout
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert f"[core {runtime['requires_ansible'].removeprefix('>=').removesuffix('.0')}." in version
    before = len(story.rulebook.decisions("snapshot compared"))
    command = [oldest, *sync(story)[1:], "--inventory", str(story.directory / "inventory.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until("its snapshot", 30, lambda: len(story.rulebook.decisions("snapshot compared")) > before)


def test_the_first_sync_shows_how_the_reactions_are_set(story: Story) -> None:
    shown = {it["name"]: it["value"] for it in status(story)["settings"]}
    assert shown["repair tasks"] == f"{CHECKOUT}/tests/eda/repair.yml for 8 of 8 nodes"
    assert shown["check tasks"] == "not set"
    assert shown["nodes without a host in the inventory"] == "big[00001-10000]"
    for value in ("repair tasks", "big[00001-10000]"):
        assert any(f'": "{value}"' in line for _when, line in story.rulebook.lines), value


def status(story: Story) -> dict[str, Any]:
    """Return what the status page shows."""
    command = ["/usr/bin/curl", "--config", str(CURL_CONFIG), f"https://127.0.0.1:{story.rulebook.port}/status"]
    answer: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer


def process_list() -> Iterator[str]:
    """Yield what every user sees of the processes that run."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")


def pending(story: Story) -> list[str]:
    """Return the pending entries of the inbox."""
    with contextlib.closing(sqlite3.connect(story.directory / "state" / "listener.sqlite3")) as kept:
        return [
            summary for (summary,) in kept.execute("SELECT summary FROM inbox WHERE outcome IS NULL ORDER BY number")
        ]


def test_the_engine_ends_cleanly_and_the_listener_says_so(story: Story) -> None:
    # slurmctld looks at its triggers every 16 s.
    last = {"trigger": "node resume", "hostlist": NODE}
    wait_until("the last trigger of the story", 60, lambda: story.rulebook.decisions("notification stored", **last))
    wait_until(lambda: f"an empty inbox, it has {pending(story)}", 60, lambda: not pending(story))
    assert story.stop() == 0
    assert pending(story) == ["listener_down"]


def test_sync_fails_loudly_when_nobody_listens(story: Story) -> None:
    result = subprocess.run(sync(story), capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "Check that every controller reaches the listener" in result.stdout
    assert "Could not connect to server" in result.stdout, result.stdout


def test_disarm_takes_everything_back(story: Story) -> None:
    result = subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert armed() == []
    assert not CURL_CONFIG.exists()
