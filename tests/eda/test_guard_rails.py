"""The guard rails of hpc.slurm.node_down, each on real nodes. Runs inside the lab.

The playbook runs as by hand: what the rulebook gives it is given as variables.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chat import Chat
from mail_server import HOST, MailServer, never_answering
from story import node, wait_until
from test_reactions import Rack, Situation, decisions, play, resume, scontrol

# slurmctld does not return a node with it to service by itself.
pytestmark = pytest.mark.playbooks

REASON = "Node unexpectedly rebooted"
EVENT = "5f0c0e5c-0000-4000-8000-000000000000"
OURS = f"hpc.slurm.node_down {EVENT}"
Play = Callable[..., str]


def set_down(*names: str) -> None:
    for name in names:
        scontrol("update", f"nodename={name}", "state=down", f"reason={REASON}", user="slurm")


def groups(output: str) -> dict[str, tuple[str, str]]:
    """Return the decisions that a run has shown last of each group of nodes, and why."""
    return {it["nodes"]: (it["decision"], it["why"]) for it in decisions(output)}


def is_left(name: str) -> bool:
    """Tell whether a node is as set_down() left it. slurmctld may find at the same time that it does not respond."""
    state, reason = node(name)
    return state - {"NOT_RESPONDING"} == {"DOWN"} and reason == REASON


def expect_in_service(*names: str) -> None:
    """Wait until nodes are in service: a node that was DOWN is NOT_RESPONDING until slurmctld has asked it."""
    wait_until(lambda: f"{[node(it) for it in names]}", 60, lambda: all(node(it) == ({"IDLE"}, "") for it in names))


@pytest.fixture
def react(tmp_path: Path) -> Iterator[Play]:
    """Runs node_down with an inventory of the lab's nodes, and undoes what was done to nodes."""
    rack = Rack(tmp_path, [Situation("in service", ())])
    (tmp_path / "repair.yml").write_text(
        yaml.safe_dump(
            [
                {
                    "name": "Repair it",
                    "ansible.builtin.copy": {
                        "content": "{{ hpc_slurm_node_name }} {{ ansible_host | default('') }}",
                        "dest": f"{tmp_path}/repaired-{{{{ hpc_slurm_node_name }}}}",
                    },
                }
            ]
        ),
        encoding="utf-8",
    )

    def run(nodes: list[str], status: int = 0, playbook: str = "hpc.slurm.node_down", **extra: object) -> str:
        given = {"hpc_slurm_repair_tasks": str(tmp_path / "repair.yml"), **extra}
        return play(tmp_path, playbook, nodes, status, **given)

    yield run
    resume([*(f"node{number}" for number in range(1, 9)), *rack.situations, "big00200"])


def repaired(tmp_path: Path) -> list[str]:
    return sorted(path.name.removeprefix("repaired-") for path in tmp_path.glob("repaired-*"))


def test_half_of_a_partition_opens_the_breaker_until_it_is_reset(react: Play, tmp_path: Path) -> None:
    names = [f"node{number}" for number in range(1, 6)]
    set_down(*names)
    said = react(names)
    why = "5 of 8 nodes of partition main went down, 4 are allowed within 600 s: ansible-playbook hpc.slurm.reset"
    assert said.count("CIRCUIT BREAKER OPENED") == 1
    assert groups(said)["node[1-5]"] == ("postponed", f"drained; the circuit breaker is open: {why}")
    # Draining goes on, and it is not told again.
    set_down("big00200")
    said = react(["big00200"])
    assert "CIRCUIT BREAKER OPENED" not in said
    assert groups(said)["big00200"][0] == "postponed"
    assert all("DRAIN" in node(name)[0] for name in [*names, "big00200"])
    assert {node(name)[1] for name in [*names, "big00200"]} == {"hpc.slurm.node_down by hand: circuit breaker open"}
    assert not repaired(tmp_path)
    subprocess.run(
        [
            "ansible-playbook",
            "hpc.slurm.reset",
            "--inventory",
            str(tmp_path / "inventory.yml"),
            "--limit",
            "controller",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    react(names)
    assert repaired(tmp_path) == names
    expect_in_service(*names)


def test_paused(react: Play) -> None:
    set_down("node1")
    assert groups(react(["node1"], hpc_slurm_pause=True))["node1"] == (
        "postponed",
        "reactions are paused: hpc_slurm_pause is true",
    )
    # SlurmUser must be able to read it.
    file = Path("/run/hpc-slurm-pause")
    file.write_text("new switch, JD\n", encoding="utf-8")
    try:
        said = react(["node1"], hpc_slurm_pause_file=str(file))
        assert groups(said)["node1"] == ("postponed", f"reactions are paused: {file} is there: new switch, JD")
        file.chmod(0o600)
        assert "slurm on controller cannot read hpc_slurm_pause_file" in react(
            ["node1"], 2, hpc_slurm_pause_file=str(file)
        )
        assert is_left("node1")
    finally:
        file.unlink()
    react(["node1"], hpc_slurm_pause_file=str(file))
    expect_in_service("node1")


def test_opted_out(react: Play, tmp_path: Path) -> None:
    set_down("node1", "node2", "node3")
    scontrol("update", "nodename=node1", "comment=test bench, hpc-slurm-off")
    content = yaml.safe_load((tmp_path / "inventory.yml").read_text(encoding="utf-8"))
    content["all"]["children"]["slurm_nodes"]["hosts"]["node2"] = {"hpc_slurm_opt_out": True}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        said = react(["node1", "node2", "node3"])
    finally:
        scontrol("update", "nodename=node1", "comment=")
    assert groups(said)["node1"] == ("nothing", "opted out: its comment has the word hpc-slurm-off")
    assert groups(said)["node2"] == ("nothing", "opted out: its host sets hpc_slurm_opt_out")
    assert is_left("node1") and is_left("node2")
    expect_in_service("node3")


def test_a_node_with_a_job_is_not_repaired(react: Play, tmp_path: Path) -> None:
    job = subprocess.run(
        ["sbatch", "--parsable", "--nodelist=node6", "--output=/dev/null", "--chdir=/", "--wrap=sleep 600"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    try:
        wait_until("the job to run", 60, lambda: {"ALLOCATED", "MIXED"} & node("node6")[0])
        scontrol("update", "nodename=node6", "state=drain", f"reason={OURS}", user="slurm")
        assert groups(react(["node6"]))["node6"] == ("postponed", "drained; jobs are still on it")
        assert node("node6")[1] == "hpc.slurm.node_down by hand: jobs still on it"
        assert not repaired(tmp_path)
    finally:
        subprocess.run(["scancel", job], check=True)
    wait_until("the job to end", 60, lambda: node("node6")[0] == {"IDLE", "DRAIN"})
    react(["node6"])
    assert repaired(tmp_path) == ["node6"]
    expect_in_service("node6")


def test_the_reason_says_why_a_node_stays_drained(react: Play, tmp_path: Path) -> None:
    def event(number: int, **more: object) -> dict[str, Any]:
        return {"event": {"nodes": ["node1"], "meta": {"uuid": EVENT[:-1] + str(number)}, **more}}

    def reason(number: int, why: str) -> str:
        return f"hpc.slurm.node_down {EVENT[:-1]}{number}{why}"

    set_down("node1")
    flapping = {"ansible_eda": event(1, flaps=4)}
    react([], **flapping)
    assert node("node1")[1] == reason(1, ": down 4 times within an hour")
    # Repeated, as after an interruption, nothing is written.
    assert set(re.findall(r"(?m)^controller .* changed=(\d+)", react([], **flapping))) == {"0"}
    # A later event takes it up again.
    unreachable = {"ansible_connection": "ssh", "ansible_port": 1, "ansible_ssh_common_args": "-o BatchMode=yes"}
    content = yaml.safe_load((tmp_path / "inventory.yml").read_text(encoding="utf-8"))
    before = yaml.safe_dump(content)
    content["all"]["children"]["slurm_nodes"]["hosts"]["node1"] = {**unreachable, "ansible_host": "127.0.0.1"}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    react([], 4, ansible_eda=event(2, retries_left=1))
    assert node("node1")[1] == reason(2, ": host not reached")
    (tmp_path / "inventory.yml").write_text(before, encoding="utf-8")
    broken = tmp_path / "broken.yml"
    broken.write_text("- {name: Turn it on, ansible.builtin.fail: {msg: no power}}\n", encoding="ascii")
    react([], 2, ansible_eda=event(3, retries_left=0), hpc_slurm_repair_tasks=str(broken))
    assert node("node1")[1] == reason(3, ": 'Turn it on' failed, no retries left today")
    # What a person adds is theirs.
    scontrol("update", "nodename=node1", f"reason={reason(3, ': no repair tasks, JD has it')}")
    assert groups(react([], ansible_eda=event(4)))["node1"][0] == "nothing"
    assert node("node1")[1] == reason(3, ": no repair tasks, JD has it")
    scontrol("update", "nodename=node1", f"reason={reason(3, ': no repair tasks')}")
    react([], ansible_eda=event(5))
    expect_in_service("node1")


def test_the_ready_health_check(react: Play, tmp_path: Path) -> None:
    set_down("node1")
    said = react(["node1"], 2, hpc_slurm_check_tasks="health_check")
    assert "node1 stays drained" in said
    assert node("node1")[1] == "hpc.slurm.node_down by hand: 'Run the health check' failed"
    nhc = Path("/usr/local/sbin/nhc")
    nhc.write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
    nhc.chmod(0o755)
    try:
        react(["node1"], hpc_slurm_check_tasks="health_check")
    finally:
        nhc.unlink()
    expect_in_service("node1")


def test_quarantine(react: Play) -> None:
    given = {"hpc_slurm_quarantine_tasks": "test_job"}
    set_down("node7", "node8")
    # The file is written by a job of SlurmUser, who alone may use the reservation.
    seen = Path("/var/lib/slurm/seen")
    react(["node7"], **given, hpc_slurm_test_command=f"echo $SLURM_JOB_RESERVATION $SLURMD_NODENAME >{seen}")
    expect_in_service("node7")
    assert seen.owner() == "slurm"
    assert seen.read_text(encoding="ascii").split() == ["hpc-slurm-quarantine-node7", "node7"]
    seen.unlink()
    react(["node8.cluster.local", "node8"], 2, **given, hpc_slurm_test_command="exit 3")
    wait_until("the job to end", 60, lambda: "COMPLETING" not in node("node8")[0])
    assert node("node8") == ({"IDLE", "DRAIN"}, "hpc.slurm.node_down by hand: 'Run the job' failed")
    shown = subprocess.run(["scontrol", "show", "reservation"], capture_output=True, text=True, check=True).stdout
    assert "quarantine" not in shown


def test_a_node_that_the_inventory_does_not_have(react: Play, tmp_path: Path) -> None:
    scontrol("update", "nodename=big00200", "nodeaddr=192.0.2.1")
    set_down("big00200")
    try:
        react(["big00200"])
    finally:
        scontrol("update", "nodename=big00200", "nodeaddr=big00200")
    assert (tmp_path / "repaired-big00200").read_text(encoding="utf-8") == "big00200 192.0.2.1"
    assert node("big00200")[1] == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"hpc_slurm_repair_task": "/x"},
            "Unknown variables: hpc_slurm_repair_task: did you mean hpc_slurm_repair_tasks",
        ),
        ({"hpc_slurm_breaker_window": "soon"}, "hpc_slurm_breaker_window"),
        ({"hpc_slurm_pause": "perhaps"}, "hpc_slurm_pause"),
    ],
)
def test_wrong_variables_are_refused(react: Play, given: dict[str, Any], words: str) -> None:
    set_down("node1")
    assert words in react(["node1"], 2, **given)
    assert is_left("node1")


def test_a_run_is_told_once(react: Play, chat: Chat, tmp_path: Path) -> None:
    given = chat.variables(tmp_path)
    set_down("node1", "node2", "big00200")
    react(["node1", "node2", "big00200", "node3"], **given)
    [message] = chat.messages
    assert message.splitlines() == [
        "Slurm: hpc.slurm.node_down",
        "big00200,node[1-2]: resumed: repaired, and it responds to slurmctld",
    ]
    # Nothing was done: nothing is told.
    react(["node1"], **given)
    react(["node1"], playbook="hpc.slurm.node_back", **given)
    assert [it.splitlines()[1] for it in chat.messages[1:]] == ["node1: back: in service again"]
    # Nobody listens any more: the run does not fail.
    chat.stop()
    set_down("node1")
    assert "The notification was not sent" in react(["node1"], **given)
    expect_in_service("node1")


def test_a_run_is_told_by_mail(react: Play) -> None:
    server = MailServer()
    given = {"hpc_slurm_notify_tasks": "mail", "hpc_slurm_mail_server": HOST, "hpc_slurm_mail_port": server.port}
    given |= {"hpc_slurm_mail_to": ["admins@example.org", "jd@example.org"], "hpc_slurm_mail_from": "slurm@example.org"}
    set_down("node1")
    try:
        react(["node1"], **given)
    finally:
        server.stop()
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("slurm@example.org", ["admins@example.org", "jd@example.org"])
    assert mail.message["Subject"] == "Slurm: hpc.slurm.node_down"
    assert "node1: resumed: repaired, and it responds to slurmctld" in mail.message.get_content().splitlines()
    # Nobody listens any more: the run does not fail, and says what to do.
    said = react(["node1"], playbook="hpc.slurm.node_back", **given)
    assert "cannot be reached: Connection refused. Set hpc_slurm_mail_server" in said


@pytest.mark.parametrize("program", ["ansible-playbook", "/opt/lab/oldest/bin/ansible-playbook"])
def test_a_notification_that_hangs_holds_no_run(react: Play, tmp_path: Path, program: str) -> None:
    """A mail server that never answers, a webhook that answers a byte at a time, and tasks of the site."""
    (tmp_path / "hang.yml").write_text("- ansible.builtin.command: sleep 300\n", encoding="ascii")
    with never_answering() as silent, never_answering(b"H") as slow:
        (tmp_path / "url").write_text(f"http://{HOST}:{slow}/hook\n", encoding="ascii")
        cases: dict[str, dict[str, Any]] = {
            "mail": {"mail_to": ["jd@example.org"], "mail_server": HOST, "mail_port": silent, "mail_timeout": 2},
            "webhook": {"webhook_url_file": str(tmp_path / "url"), "notify_timeout": 3},
            str(tmp_path / "hang.yml"): {"notify_timeout": 3},
        }
        for tasks, given in cases.items():
            variables = {f"hpc_slurm_{name}": value for name, value in {**given, "notify_tasks": tasks}.items()}
            said = react(["node1"], playbook="hpc.slurm.node_back", program=program, **variables)
            assert "The notification was not sent" in said
            assert ("has not taken the mail within 2 s" in said) == (tasks == "mail")
