"""What the reactions do with a node, by how it is and who had it so. Runs inside the lab.

One run of a playbook for all nodes, as one event of the granularity batch would have it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from story import CHECKOUT, HOSTS, Rulebook, inventory, kill_slurmd, node, synced, wait_until

pytestmark = pytest.mark.playbooks

REBOOT_PROGRAM = Path("/usr/local/sbin/reboot-node")
GONE = "gone00001"
RESERVATION = "reactions-of-the-lab"
SILENT = "Not responding"
NOT_BACK = "new kernel : reboot issued : reboot timed out"
STUCK = "Kill task failed, stuck NFS, JD is looking at it"
EARLIER = "hpc.slurm.node_down 5f0c0e5c-0000-4000-8000-000000000000"
BY_HAND = "hpc.slurm.node_down by hand"


class Situation(NamedTuple):
    """How a node is, and whether a reaction should touch it.

    :param updates: states and reasons that it is given one after the other, with who gives them.
    """

    why: str
    updates: tuple[tuple[str, str, str], ...]
    maintenance: bool = False
    touched: bool = False


def by_slurmctld(reason: str) -> tuple[str, str, str]:
    """slurmctld acts as SlurmUser."""
    return "down", reason, "slurm"


def drained_and_down(reason: str) -> tuple[tuple[str, str, str], ...]:
    return ("drain", reason, "root"), by_slurmctld(reason)


DOWN = [
    Situation("slurmctld found it silent", (by_slurmctld(SILENT),), touched=True),
    Situation("slurmctld found that it had rebooted", (by_slurmctld("Node unexpectedly rebooted"),), touched=True),
    Situation("its prolog failed", (by_slurmctld("Prolog/Epilog failure"),), touched=True),
    # Slurm's own, but it replaces the reason of a person.
    Situation("it has too little memory", (by_slurmctld("Low RealMemory (reported:1 < 100.00% of configured:2)"),)),
    Situation("a person set it down", (("down", SILENT, "root"),)),
    Situation("a person set it down as SlurmUser", (("down", "broken fan", "slurm"),)),
    Situation("it is in service again", ()),
    Situation("a person drained it", (("drain", "broken fan", "root"),)),
    Situation("a person drained it, and it went down", (("drain", "fan", "root"), ("down", "fan", "slurm"))),
    Situation("it is in maintenance", (by_slurmctld(SILENT),), maintenance=True),
    Situation("it did not come back from a reboot", (by_slurmctld(NOT_BACK),), touched=True),
    Situation("it did not come back within a maintenance", (by_slurmctld(NOT_BACK),), maintenance=True, touched=True),
    Situation("a reaction was interrupted", (by_slurmctld(SILENT), ("drain", EARLIER, "slurm")), touched=True),
    Situation("the same, and it went down", (("drain", f"{EARLIER} : {SILENT}", "slurm"),), touched=True),
    Situation("a person drained it in words of Slurm, and it went down", drained_and_down(f"{STUCK} : {SILENT}")),
    Situation("a person drained it, and it did not come back from a reboot", drained_and_down(NOT_BACK)),
    Situation("somebody drained it without a reason, and it went down", drained_and_down(SILENT)),
    Situation("a person set it down in words of Slurm", (by_slurmctld(f"{SILENT}, JD has it"),)),
    Situation("a person failed it, and it went down", (("fail", SILENT, "slurm"), by_slurmctld(SILENT))),
    Situation("it had been resumed and kept its reason", (by_slurmctld(f"fan : {SILENT}"),), touched=True),
]
DRAINED = [
    Situation("a person drained it", (("drain", "broken fan", "root"),), touched=True),
    Situation(
        "a person drained it, and it went down", (("drain", "fan", "root"), ("down", "fan", "slurm")), touched=True
    ),
    Situation("it is in service again", ()),
    Situation("it went down and is not drained", (by_slurmctld(SILENT),)),
    Situation("it is in maintenance", (("drain", "broken fan", "root"),), maintenance=True),
    Situation("the other reaction has it", (by_slurmctld(SILENT), ("drain", EARLIER, "slurm"))),
]


def scontrol(*words: str, user: str = "root") -> None:
    subprocess.run(["scontrol", *words], user=user, check=True, stdout=subprocess.DEVNULL)


def begin_maintenance(nodes: list[str]) -> None:
    words = [f"reservationname={RESERVATION}", f"nodes={','.join(nodes)}", "starttime=now", "duration=60", "user=root"]
    scontrol("create", "reservation", *words, "flags=maint,ignore_jobs")
    wait_until("slurmctld to see it", 60, lambda: all("MAINTENANCE" in node(name)[0] for name in nodes))


def end_maintenance() -> None:
    scontrol("delete", f"reservationname={RESERVATION}")


def resume(nodes: list[str]) -> None:
    back = [name for name in nodes if node(name)[0] & {"DOWN", "DRAIN", "FAIL"}]
    if back:
        scontrol("update", f"nodename={','.join(back)}", "state=resume")


def bring_back(limit: float) -> None:
    """Start the compute daemons that were killed, and have all nodes with daemons in service."""
    names = [f"node{number}" for number in range(1, 9)]
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    for name in names:
        if f"slurmd -N {name}" not in running:
            subprocess.run(["slurmd", "-N", name], check=True)
    resume(names)
    wait_until("all nodes in service", limit, lambda: all(node(name)[0] == {"IDLE"} for name in names))


def decisions(output: str) -> list[dict[str, str]]:
    """Return what a playbook has shown of its decisions, without the event."""
    shown = re.findall(r'"msg": (\{\s+"decision": [^{}]*\})', output)
    return [{key: value for key, value in json.loads(text).items() if key != "event"} for text in shown]


def play(directory: Path, playbook: str, nodes: list[str], status: int = 0, **extra: object) -> str:
    """Run a reaction for nodes with the inventory in a directory, and return its output."""
    given = directory / "given.yml"
    program, limit = str(extra.pop("program", "ansible-playbook")), extra.pop("limit", None)
    given.write_text(yaml.safe_dump({"hpc_slurm_nodes": nodes, **extra}), encoding="utf-8")
    command = [program, playbook, "--inventory", str(directory / "inventory.yml")]
    command += ["--limit", str(limit)] if limit else []
    done = subprocess.run([*command, "--extra-vars", f"@{given}"], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


class Rack:
    """Nodes of the lab, each in its situation.

    :param directory: for the inventory, and for what the site's tasks leave.
    """

    def __init__(self, directory: Path, situations: list[Situation]) -> None:
        self.situations = {f"big{number:05}": it for number, it in enumerate(situations, 101)}
        self._directory = directory
        self._in_maintenance = [name for name, it in self.situations.items() if it.maintenance]
        content = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
        # One that Slurm no longer knows, beside the others.
        content["all"]["children"]["slurm_nodes"]["hosts"].update(dict.fromkeys([*self.situations, GONE]))
        # The first of the controllers does not answer.
        dead = {"ansible_python_interpreter": "/nowhere/python3"}
        content["all"]["children"]["slurm_controller"]["hosts"] = {"dead": dead, "controller": None}
        (directory / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def prepare(self) -> None:
        """Bring every node into its situation."""
        if self._in_maintenance:
            begin_maintenance(self._in_maintenance)
        for name, situation in self.situations.items():
            for state, reason, user in situation.updates:
                scontrol("update", f"nodename={name}", f"state={state}", f"reason={reason}", user=user)

    def play(self, playbook: str, status: int = 0, **extra: object) -> str:
        """Run a reaction for all of them, and return its output.

        :param status: that it must end with.
        """
        return play(self._directory, playbook, [GONE, *self.situations], status, **extra)

    def remove(self) -> None:
        if self._in_maintenance:
            end_maintenance()
        resume(list(self.situations))

    def shown(self) -> dict[str, tuple[bool, str]]:
        """Return for each situation whether its node is drained, and the node's reason."""
        states = {it.why: node(name) for name, it in self.situations.items()}
        return {why: ("DRAIN" in flags, reason) for why, (flags, reason) in states.items()}


@pytest.fixture
def rack(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[list[Situation]], Rack]:
    def make(situations: list[Situation]) -> Rack:
        made = Rack(tmp_path, situations)
        request.addfinalizer(made.remove)
        made.prepare()
        return made

    return make


def test_nodes_that_slurmctld_found_down_are_drained_and_no_others(rack: Callable[[list[Situation]], Rack]) -> None:
    made = rack(DOWN)
    before = made.shown()
    made.play("hpc.slurm.node_down")
    touched = dict.fromkeys((it.why for it in DOWN if it.touched), (True, f"{BY_HAND}: no repair tasks"))
    assert made.shown() == {**before, **touched}
    # Again it finds its own drains, and has nothing to do.
    assert set(re.findall(r"changed=(\d+)", made.play("hpc.slurm.node_down"))) == {"0"}
    assert made.shown() == {**before, **touched}


@pytest.mark.parametrize("program", ["ansible-playbook", "/opt/lab/oldest/bin/ansible-playbook"])
def test_the_site_is_asked_about_nodes_that_somebody_drained_and_no_others(
    rack: Callable[[list[Situation]], Rack], tmp_path: Path, program: str
) -> None:
    made = rack(DRAINED)
    before = made.shown()
    tasks = [
        {"name": "Tell", "ansible.builtin.file": {"path": f"{tmp_path}/{{{{ inventory_hostname }}}}", "state": "touch"}}
    ]
    (tmp_path / "tasks.yml").write_text(yaml.safe_dump(tasks), encoding="utf-8")
    tasks_file = str(tmp_path / "tasks.yml")
    said = made.play("hpc.slurm.node_drained", program=program, hpc_slurm_drained_tasks=tasks_file)
    told = {it.why for name, it in made.situations.items() if (tmp_path / name).exists()}
    assert told == {it.why for it in DRAINED if it.touched}
    assert {"nodes": "big00101", "decision": "run tasks", "why": "drained by root: broken fan"} in decisions(said)
    assert made.shown() == before


def test_what_a_repair_comes_to_stands_in_the_reason(rack: Callable[[list[Situation]], Rack], tmp_path: Path) -> None:
    down = (by_slurmctld(SILENT),)
    made = rack(
        [Situation("its repair fails", down), Situation("Slurm finds a fault", down), Situation("it is well", down)]
    )
    fails, faulty, _well = made.situations
    fault = ["scontrol", "update", f"nodename={faulty}", "reason=Low RealMemory"]
    tasks: list[dict[str, object]] = [
        {"name": "Change it", "ansible.builtin.command": {"argv": fault}, "when": f"inventory_hostname == '{faulty}'"},
        {"name": "Turn it on", "ansible.builtin.fail": None, "when": f"inventory_hostname == '{fails}'"},
    ]
    (tmp_path / "repair.yml").write_text(yaml.safe_dump(tasks), encoding="utf-8")
    said = made.play("hpc.slurm.node_down", status=2, hpc_slurm_repair_tasks=str(tmp_path / "repair.yml"))
    assert made.shown() == {
        "its repair fails": (True, f"{BY_HAND}: 'Turn it on' failed"),
        "Slurm finds a fault": (True, "Low RealMemory"),
        "it is well": (False, ""),
    }
    assert "has another reason by now and is not resumed" in said
    # Another try is one.
    (tmp_path / "repair.yml").write_text("[]", encoding="ascii")
    made.play("hpc.slurm.node_down", hpc_slurm_repair_tasks=str(tmp_path / "repair.yml"))
    assert made.shown()["its repair fails"] == (False, "")


@pytest.mark.parametrize("program", ["ansible-playbook", "/opt/lab/oldest/bin/ansible-playbook"])
def test_nodes_are_found_under_other_names_in_the_inventory(
    rack: Callable[[list[Situation]], Rack], tmp_path: Path, program: str
) -> None:
    made = rack([Situation(why, (by_slurmctld(SILENT),)) for why in ("short name", "variable", "none", "same name")])
    short, variable, none, same = made.situations
    content = yaml.safe_load((CHECKOUT / "tests/lab/inventory.yml").read_text(encoding="utf-8"))
    hosts = {f"{short}.cluster.local": None, "rack7-slot3": {"hpc_slurm_node_name": variable}, same: None}
    repair = {"hpc_slurm_repair_tasks": str(tmp_path / "repair.yml")}
    content["all"]["children"]["slurm_nodes"] = {"hosts": hosts, "vars": repair}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    path = f"{tmp_path}/{{{{ inventory_hostname }}}} {{{{ hpc_slurm_node_name }}}}"
    tasks = [{"name": "Tell", "ansible.builtin.file": {"path": path, "state": "touch"}}]
    (tmp_path / "repair.yml").write_text(yaml.safe_dump(tasks), encoding="utf-8")
    shown = decisions(made.play("hpc.slurm.node_down", program=program))
    assert {"decision": "held", "nodes": none, "why": "drained; the inventory has no host for it"} in shown
    assert made.shown() == {
        "short name": (False, ""),
        "variable": (False, ""),
        "none": (True, f"{BY_HAND}: not in the inventory"),
        "same name": (False, ""),
    }
    told = {path.name for path in tmp_path.iterdir() if " " in path.name}
    assert told == {f"{short}.cluster.local {short}", f"rack7-slot3 {variable}", f"{same} {same}"}


def test_a_playbook_that_is_limited_to_the_nodes(rack: Callable[[list[Situation]], Rack], tmp_path: Path) -> None:
    """As ansible-rulebook does it where the event has meta.hosts: then no controller is in the limit."""
    made = rack([Situation("silent", (by_slurmctld(SILENT),)), Situation("not in the event", (by_slurmctld(SILENT),))])
    limited, _other = made.situations
    (tmp_path / "repair.yml").write_text("[]", encoding="ascii")
    repair: dict[str, Any] = {"hpc_slurm_repair_tasks": str(tmp_path / "repair.yml")}
    play(tmp_path, "hpc.slurm.node_down", [limited], limit=limited, **repair)
    assert made.shown() == {"silent": (False, ""), "not in the event": (False, SILENT)}


@pytest.fixture
def reboots_in_vain() -> Iterator[None]:
    """A reboot ends the compute daemon for ever. In the end all nodes of the lab are in service again."""
    program = REBOOT_PROGRAM.read_text(encoding="utf-8")
    REBOOT_PROGRAM.write_text("#!/bin/sh\nkill -9 $PPID\n", encoding="ascii")
    try:
        yield
    finally:
        REBOOT_PROGRAM.write_text(program, encoding="utf-8")
        bring_back(60)


def test_a_person_s_decision_stands_when_daemons_die_and_reboots_fail(reboots_in_vain: None, tmp_path: Path) -> None:
    """By the doing of slurmctld itself: what it appends, and what it makes of the state."""
    inventory(tmp_path)
    scontrol("update", "nodename=node1", "state=drain", "reason=bad DIMM, do not use")
    scontrol("update", "nodename=node2", "state=drain", f"reason={STUCK}")
    scontrol("update", "nodename=node3", "state=drain", "reason=fan")
    for name in ("node2", "node3", "node4"):
        kill_slurmd(name)
    scontrol("reboot", "node1")
    in_vain = "bad DIMM, do not use : reboot issued : reboot timed out"
    expected = {"node1": in_vain, "node2": f"{STUCK} : {SILENT}", "node3": f"fan : {SILENT}", "node4": SILENT}
    wait_until("slurmctld", 180, lambda: all(node(name)[1] == reason for name, reason in expected.items()))
    # As after a resume: up to 25.11 without accounting storage Slurm keeps the reason then.
    scontrol("update", "nodename=node3", "state=undrain")
    assert node("node3") == ({"DOWN", "NOT_RESPONDING"}, f"fan : {SILENT}")
    shown = decisions(play(tmp_path, "hpc.slurm.node_down", sorted(expected)))
    why = "a person took it out of service: "
    assert {"decision": "nothing", "nodes": "node1", "why": f"{why}{in_vain}"} in shown
    assert {"decision": "nothing", "nodes": "node2", "why": f"{why}{STUCK} : {SILENT}"} in shown
    for name in ("node1", "node2"):
        assert node(name)[0] >= {"DOWN", "DRAIN"}
        assert node(name)[1] == expected[name]
    wait_until("both to respond", 30, lambda: [node(name) for name in ("node3", "node4")] == [({"IDLE"}, "")] * 2)


@pytest.fixture
def rulebook(tmp_path: Path) -> Iterator[Rulebook]:
    inventory(tmp_path, [*HOSTS[:6], "node7.cluster.local"])
    # ansible-rulebook copies the inventory file elsewhere, and its playbooks do not see this.
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("hpc_slurm_check_tasks: /beside/the/inventory.yml\n", encoding="ascii")
    running = Rulebook(tmp_path, sync_interval=15, granularity="batch")
    with synced(running, 180):
        yield running


def test_a_node_that_fails_in_a_maintenance_is_met_after_it(rulebook: Rulebook) -> None:
    """The trigger tells of it at once, and tells no flags: its reaction leaves the node alone."""
    name = "node7"
    begin_maintenance([name])
    try:
        kill_slurmd(name)
        wait_until(
            "the trigger's event", 150, lambda: rulebook.decisions("event delivered", hostlist=name, state="down")
        )
        wait_until("the reaction", 60, lambda: rulebook.find(rf'"nodes": "{name}"'))
        seen = len(rulebook.decisions("snapshot compared"))
        wait_until("two syncs after it", 90, lambda: len(rulebook.decisions("snapshot compared")) > seen + 1)
        assert node(name)[0] >= {"DOWN", "MAINTENANCE"}
        assert "DRAIN" not in node(name)[0]
        assert len(rulebook.decisions("event delivered", hostlist=name)) == 1
    finally:
        end_maintenance()
    wait_until(
        "the snapshot's event", 90, lambda: len(rulebook.decisions("event delivered", hostlist=name, state="down")) == 2
    )
    wait_until("its reaction to repair the node", 120, lambda: node(name)[0] == {"IDLE"})


def test_a_node_that_the_inventory_does_not_have_is_drained(rulebook: Rulebook) -> None:
    # What the first sync has shown.
    assert rulebook.find(r'"value": "big\[00001-10000\],node8"')
    assert rulebook.find('"name": "check tasks"') and not rulebook.find("/beside/the/inventory.yml")
    name = "node8"
    kill_slurmd(name)
    try:
        wait_until("its reaction", 150, lambda: rulebook.find('"why": "drained; the inventory has no host for it"'))
        wait_until("its reason", 30, lambda: node(name)[1].endswith(": not in the inventory"))
        flags, reason = node(name)
        assert flags >= {"DOWN", "DRAIN"} and reason.startswith("hpc.slurm.node_down ")
    finally:
        subprocess.run(["slurmd", "-N", name], check=True)
        wait_until("it to respond", 60, lambda: "NOT_RESPONDING" not in node(name)[0])
        resume([name])
