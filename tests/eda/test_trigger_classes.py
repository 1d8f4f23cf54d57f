"""Triggers of other classes than nodes: slurmctld fires them, and the listener makes events of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from listening import ID, TOKEN, Listening
from story import CURL_CONFIG, armed, wait_until

pytestmark = pytest.mark.chaos

# slurmctld goes over its triggers every 16 s.
LIMIT = 90
EVENTS = ["primary_slurmctld_resumed_operation", "primary_database_failure", "burst_buffer", "reconfig"]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    started = Listening(tmp_path)
    (tmp_path / "token").write_text(TOKEN, encoding="ascii")
    try:
        yield started
    finally:
        started.stop()
        subprocess.run(["scontrol", "update", "nodename=node1", "comment="], check=True)
        subprocess.run(["ansible-playbook", "hpc.slurm.disarm"], check=True, capture_output=True)


def sync(listening: Listening, events: list[str], *, succeeds: bool = True) -> str:
    values = {"listener_url": listening.url, "listener_id": ID, "token_file": str(listening.directory / "token")}
    given = {f"hpc_slurm_{name}": value for name, value in values.items()} | {"hpc_slurm_events": events}
    (listening.directory / "given.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
    command = ["ansible-playbook", "hpc.slurm.sync", "-e", f"@{listening.directory / 'given.yml'}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode == 0) is succeeds, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def stored(listening: Listening, class_: str, type_: str) -> float:
    labels = f'class="{class_}",result="stored",type="{type_}"'
    return listening.metrics()[f"hpc_slurm_notifications_total{{{labels}}}"]


def programs() -> dict[str, list[str]]:
    """Return the words of the listener's programs, by event kind."""
    shown = subprocess.run(["strigger", "--get", "--noheader"], capture_output=True, text=True, check=True).stdout
    lines = [line for line in shown.splitlines() if str(CURL_CONFIG) in line]
    return {line.split()[3]: line[line.index("/usr/bin/curl") :].split() for line in lines}


def restart_slurmctld() -> None:
    os.kill(int(Path("/run/slurm/slurmctld.pid").read_text(encoding="ascii")), signal.SIGTERM)
    ended = ["pgrep", "--exact", "slurmctld"]
    wait_until("slurmctld to end", 30, lambda: subprocess.run(ended, check=False, capture_output=True).returncode)
    subprocess.run(["setpriv", "--reuid=slurm", "--regid=slurm", "--init-groups", "slurmctld"], check=True)


def submit() -> str:
    command = ["sbatch", "--parsable", "--output=/dev/null", "--chdir=/", "--wrap", "sleep 300"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def set_job_trigger(listening: Listening, job: str) -> None:
    program = f"{{{{ 'fini' | hpc.slurm.trigger_program('{listening.url}/{ID}') }}}}"
    trigger = {"event": "fini", "job_id": job, "program": program}
    task = {"hpc.slurm.slurm_trigger": trigger, "become": True, "become_user": "slurm"}
    playbook = [{"hosts": "controller", "gather_facts": False, "tasks": [task]}]
    path = listening.directory / "job.yml"
    path.write_text(yaml.safe_dump(playbook), encoding="utf-8")
    subprocess.run(["ansible-playbook", str(path)], check=True, capture_output=True)


def test_triggers_of_every_class_reach_the_listener(listening: Listening) -> None:
    sync(listening, EVENTS)
    assert sorted(armed()) == sorted(EVENTS)
    job = submit()
    set_job_trigger(listening, job)
    # A sync keeps it, and removes what is not wanted any more.
    sync(listening, [event for event in EVENTS if event != "primary_database_failure"])
    assert sorted(armed()) == sorted(["fini", *EVENTS[:1], *EVENTS[2:]])

    # Any update of a node fires it, and scontrol reconfigure does not: another process goes on then.
    subprocess.run(["scontrol", "update", "nodename=node1", "comment=updated"], check=True)
    subprocess.run(["scancel", job], check=True)
    wait_until("the job's event", LIMIT, lambda: stored(listening, "job", "fini"))
    wait_until("the event of an updated node", LIMIT, lambda: stored(listening, "node", "reconfig"))
    restart_slurmctld()
    wait_until("slurmctld's event", LIMIT, lambda: stored(listening, "slurmctld", EVENTS[0]))
    # No burst buffer fails in the lab. slurmctld appends nothing to this program.
    subprocess.run(["sudo", "-u", "slurm", *programs()["burst_buffer"]], check=True)
    assert stored(listening, "burst_buffer", "burst_buffer") == 1
    fired = ("trigger_fired", "-", "-")
    wait_until("all events", LIMIT, lambda: listening.seen().count(fired) >= 4)
    assert listening.metrics()['hpc_slurm_refusals_total{reason="body"}'] == 0


def test_an_unknown_event_kind_is_refused_before_anything_changes(listening: Listening) -> None:
    assert not CURL_CONFIG.exists()
    said = sync(listening, ["down", "primary_slurmctl_failure"], succeeds=False)
    assert "there is no event kind primary_slurmctl_failure: did you mean primary_slurmctld_failure" in said
    assert armed() == [] and not CURL_CONFIG.exists()
