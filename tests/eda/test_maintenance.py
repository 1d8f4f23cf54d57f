# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook hpc.slurm.maintenance on the lab's nodes, with real jobs. Run inside the lab, as root."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chat import Chat
from story import run_command, wait_until
from test_reactions import resume, scontrol

pytestmark = pytest.mark.playbooks

NAMES = [f"node{number}" for number in range(1, 9)]
NAME = "lab-maintenance"
# With one of these a node takes no jobs.
AWAY = {"DOWN", "DRAIN", "FAIL", "MAINTENANCE", "REBOOT_ISSUED", "REBOOT_REQUESTED"}


class Site:
    """A site's files of tasks, and its runs of the playbook."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.work, self.report = directory / "work", directory / "report.json"
        self.work.touch()

    def tasks(self, name: str, *tasks: dict[str, Any]) -> str:
        """Write a file of tasks, and return its path."""
        path = self._directory / f"{name}.yml"
        path.write_text(yaml.safe_dump(list(tasks)), encoding="utf-8")
        return str(path)

    def command(self, *options: str, **given: object) -> list[str]:
        # It takes a while, and notes the node in one step.
        shell = f"sleep 1; echo {{{{ hpc_slurm_node_name }}}} >>{self.work}"
        variables = {
            "maintenance": NAME,
            "nodes": ["node[1-8]"],
            "max_unavailable": "2",
            "maintenance_tasks": self.tasks("work", {"name": "Work", "ansible.builtin.shell": shell}),
            "report_file": str(self.report),
            **given,
        }
        variables = {f"hpc_slurm_{name}": value for name, value in variables.items()}
        return ["ansible-playbook", "hpc.slurm.maintenance", "--extra-vars", json.dumps(variables), *options]

    def play(self, *options: str, status: int = 0, **given: object) -> str:
        return run_command(*self.command(*options, **given), status=status)

    def worked(self) -> list[str]:
        """Return the nodes whose tasks ran, in this order."""
        return self.work.read_text(encoding="utf-8").split()

    def outcomes(self) -> dict[str, str]:
        found = json.loads(self.report.read_text(encoding="utf-8"))
        return {name: f"{it['outcome']}: {it['why']}".removesuffix(": ") for name, it in found["nodes"].items()}


def states() -> dict[str, set[str]]:
    shown = output("scontrol", "show", "node", ",".join(NAMES), "--oneliner")
    return {name: set(flags.split("+")) for name, flags in re.findall(r"NodeName=(\S+).* State=(\S+)", shown)}


def reservations() -> list[str]:
    return re.findall(r"ReservationName=(\S+)", output("scontrol", "show", "reservation", "--oneliner"))


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def submit(*options: str, seconds: float, log: Path, user: str = "nobody") -> None:
    """Submit a job that notes its begin and its end."""
    script = f"echo begin $SLURM_JOB_ID >>{log}; sleep {seconds}; echo end $SLURM_JOB_ID >>{log}"
    command = ["sbatch", "--output=/dev/null", "--chdir=/tmp", "--mem=100", *options, "--wrap", script]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield Site(tmp_path)
    # A test knows nothing of the ones before.
    for path in Path("/var/lib/hpc-slurm").glob(f"maintenance-{NAME}.*"):
        path.unlink()
    subprocess.run(["scancel", "--user=root"], check=True)
    for name in reservations():
        scontrol("delete", f"reservationname={name}")
    resume(NAMES)
    wait_until("no job on any node", 60, lambda: all(state == {"IDLE"} for state in states().values()))


class Load:
    """Users: two long jobs, an array, and new short jobs all the time."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "jobs"
        self.log.touch()
        submit("--time=2", "--nodelist=node1", seconds=40, log=self.log)
        submit("--time=2", "--nodelist=node2", "--exclusive", seconds=30, log=self.log)
        submit("--time=1", "--array=1-8", seconds=5, log=self.log)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._submit)
        self._thread.start()

    def _submit(self) -> None:
        while not self._ended.wait(1.0):
            submit("--time=1", "--cpus-per-task=2", seconds=3, log=self.log)

    def stop(self) -> None:
        """Submit no more jobs, and wait for those that run."""
        self._ended.set()
        self._thread.join()
        wait_until("all jobs to end", 120, lambda: not output("squeue", "--noheader"))

    def broken(self) -> dict[str, Counter[str]]:
        """Return the jobs that did not begin once and end once."""
        found: dict[str, Counter[str]] = {}
        for line in self.log.read_text(encoding="utf-8").splitlines():
            what, job = line.split()
            found.setdefault(job, Counter()).update([what])
        assert len(found) > 20
        return {job: counts for job, counts in found.items() if counts != {"begin": 1, "end": 1}}


class Watcher:
    """Looks twice a second which nodes are away."""

    def __init__(self) -> None:
        self.most: set[str] = set()
        self.samples = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            away = {name for name, state in states().items() if AWAY & state}
            self.most = max(self.most, away, key=len)
            self.samples += 1

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


def kill_when(process: subprocess.Popen[str], what: str, happened: Any) -> None:
    """Kill a run with all its processes, as when its machine dies."""
    wait_until(what, 120, happened)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)


@pytest.mark.chaos
def test_killed_twice_among_jobs(site: Site, tmp_path: Path) -> None:
    load, watcher = Load(tmp_path), Watcher()
    needed = site.tasks(
        "needed",
        {
            "name": "Look whether it was done",
            "ansible.builtin.set_fact": {
                "hpc_slurm_needed": f"{{{{ hpc_slurm_node_name not in lookup('file', '{site.work}').split() }}}}"
            },
        },
    )
    given: dict[str, Any] = {"needed_tasks": needed}
    try:
        for done in (1, 4):
            with subprocess.Popen(
                site.command(**given), stdout=subprocess.DEVNULL, text=True, start_new_session=True
            ) as run:
                kill_when(run, f"{done} nodes to be done", lambda done=done: len(site.worked()) >= done)
        said = site.play(**given)
    finally:
        load.stop()
        watcher.stop()
    assert "to come" in said
    assert load.broken() == {}
    assert sorted(site.worked()) == NAMES
    assert 0 < len(watcher.most) <= 2, watcher.most
    assert watcher.samples > 20
    assert {outcome.partition(":")[0] for outcome in site.outcomes().values()} <= {"done", "not needed"}
    assert reservations() == []
    # A second run after the end changes nothing.
    assert "changed=0" in site.play(**given)
    assert sorted(site.worked()) == NAMES


def test_a_bad_image(site: Site) -> None:
    bad = site.tasks("bad", {"name": "Flash the image", "ansible.builtin.command": "false"})
    said = site.play(status=2, maintenance_tasks=bad, max_unavailable="50%")
    assert "Stopped: 3 nodes in a row have failed: node[1-3], the last one with: 'Flash the image' failed" in said
    assert "run it again" in said
    drained = {name for name, state in states().items() if "DRAIN" in state}
    assert drained == {"node1", "node2", "node3"}
    assert reservations() == []
    # The cause is mended: it goes on with those, and with the others.
    site.play(max_unavailable="50%", reboot="slurm")
    assert sorted(site.worked()) == NAMES
    assert not any(AWAY & state for state in states().values())


def test_what_belongs_to_others_is_left_alone(site: Site, tmp_path: Path) -> None:
    scontrol(
        "create", "reservation", "reservationname=mine", "nodes=node1", "starttime=now", "duration=60", "user=root"
    )
    scontrol("update", "nodename=node2", "state=drain", "reason=fan, JD")
    scontrol("update", "nodename=node3", "state=down", "reason=no power")
    submit("--time=UNLIMITED", "--nodelist=node4", seconds=600, log=tmp_path / "jobs")
    wait_until("the job to run", 60, lambda: "MIXED" in states()["node4"])
    # With node2 and node3, two at a time.
    given: dict[str, Any] = {"max_unavailable": "4", "deadline": f"{time.time() + 45:.0f}"}
    plan = site.play("--check", **given)
    assert "reservation mine" in plan and "fan, JD (root)" in plan and "no time limit" in plan and "of root" in plan
    assert (site.worked(), reservations()) == ([], ["mine"])
    with subprocess.Popen(site.command(**given), stdout=subprocess.DEVNULL) as run:
        wait_until("the first node to be done", 60, site.worked)
        scontrol("update", "nodename=node8", "state=down", "reason=cable")
        assert run.wait() == 0
    assert sorted(site.worked()) == ["node5", "node6", "node7"]
    outcomes = site.outcomes()
    assert outcomes["node1"] == "left alone: reservation mine"
    assert outcomes["node2"] == "left alone: DRAIN: fan, JD (root)"
    assert outcomes["node3"] == "left alone: DOWN: no power (root)"
    assert outcomes["node4"] == "left alone: jobs on it had not ended when it was too late to begin"
    assert outcomes["node8"] == "left alone: DOWN: cable (root)"
    assert reservations() == ["mine"]
    assert {name for name, state in states().items() if AWAY & state} == {"node2", "node3", "node8"}


def test_a_drain_waits_for_jobs(site: Site, chat: Chat, tmp_path: Path) -> None:
    submit("--time=1", "--nodelist=node1", seconds=15, log=tmp_path / "jobs")
    wait_until("the job to run", 60, lambda: "MIXED" in states()["node1"])
    told = {name.removeprefix("hpc_slurm_"): value for name, value in chat.variables(tmp_path).items()}
    given: dict[str, Any] = {"strategy": "drain", "nodes": ["node[1-3]"], "comment": "new fans", **told}
    site.play(**given)
    assert site.worked()[-1] == "node1"
    assert sorted(site.worked()) == NAMES[:3]
    assert (tmp_path / "jobs").read_text(encoding="utf-8").count("end") == 1
    assert [text.splitlines()[1] for text in chat.messages] == [
        "node[1-3]: maintenance lab-maintenance begins: new fans",
        "node[1-3]: done: in service again",
    ]
    assert not any(AWAY & state for state in states().values())


def test_a_window(site: Site) -> None:
    start = int(time.time()) + 20
    span = {"start_time": str(start), "duration": "60"}
    given: dict[str, Any] = {"strategy": "window", "nodes": ["node[1-3]"], **span}
    said = site.play(**given)
    assert "the window begins at" in said
    assert (site.worked(), reservations()) == ([], [NAME])
    site.play(**given, wait=True)
    assert time.time() >= start
    assert (sorted(site.worked()), reservations()) == (NAMES[:3], [])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"maintenance": "two words"}, "letters, digits"),
        ({"maintenance_tasks": "/nowhere/tasks.yml"}, "/nowhere/tasks.yml is not the absolute path of a file of tasks"),
        ({"max_unavailable": "0"}, "max_unavailable allows none of the 8 nodes of partition main"),
        ({"strategy": "window"}, "strategy=window needs start_time and duration"),
        ({"strategy": "quick"}, "hpc_slurm_strategy"),
        ({"nodes": ["nosuch"]}, "the cluster has no node nosuch"),
        ({"deadline": "soon"}, "deadline is not a time"),
        ({"max_failure": 3}, "did you mean hpc_slurm_max_failures"),
    ],
)
def test_what_is_refused(site: Site, given: dict[str, Any], words: str) -> None:
    assert words in site.play(status=2, **given)
    assert (site.worked(), reservations()) == ([], [])
