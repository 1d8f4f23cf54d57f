# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a controller does, asked of the fake of the unit tests and of a real one.

The real one is asked where HPC_SLURM_LAB=1 says that there is one to be played with, as in the lab: as SlurmUser all
but the tests of an ordinary user, and as an ordinary user only those.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import ConflictError, SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.common import hostlist, trigger_events
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources import job
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node import attributes as node_attributes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.plan import plan_nodes
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.task import STATES as TASK_STATES
from ansible_collections.hpc.slurm.plugins.module_utils.resources.node.waiting import HOLDING
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.fields import FIELDS
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.plan import plan_reservation
from ansible_collections.hpc.slurm.plugins.module_utils.resources.trigger.plan import plan_present
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

NODES = [f"big009{number:02d}" for number in range(1, 7)]
ALL_NODES = "big009[01-06]"
PROGRAM = "/bin/true hpc-slurm-contract"
# What comes and goes by itself, and what says that the lab's node has no daemon.
OWN_LIFE = {"NOT_RESPONDING", "COMPLETING", "EXTERNAL"}
ME = pwd.getpwuid(os.geteuid()).pw_name
REAL = os.environ.get("HPC_SLURM_LAB") == "1"
PRIVILEGED = ["fake", *(["real"] if REAL and ME in ("root", "slurm") else [])]
ORDINARY = ["fake", *(["real"] if REAL and ME not in ("root", "slurm") else [])]

# Every state that updates can bring an idle node into, with the requests that do.
STATES = {
    "IDLE": (),
    "IDLE+DRAIN": ("DRAIN",),
    "IDLE+FAIL": ("FAIL",),
    "DOWN": ("DOWN",),
    "DOWN+DRAIN": ("DOWN", "DRAIN"),
    "DOWN+FAIL": ("DOWN", "FAIL"),
}
# Request -> the states after it, in the order of STATES, and the reason: that asked for, that before it, or none.
AFTER = {
    "DOWN": ("DOWN asked", "DOWN+DRAIN asked", "DOWN+FAIL asked", "DOWN asked", "DOWN+DRAIN asked", "DOWN+FAIL asked"),
    "DRAIN": ("IDLE+DRAIN asked",) * 3 + ("DOWN+DRAIN asked",) * 3,
    "FAIL": ("IDLE+FAIL asked",) * 3 + ("DOWN+FAIL asked",) * 3,
    "RESUME": ("refused", "IDLE", "IDLE", "IDLE", "IDLE", "IDLE"),
    "UNDRAIN": ("IDLE", "IDLE", "IDLE", "DOWN before", "DOWN before", "DOWN+FAIL before"),
}
NODE_OPTIONS = {
    "nodes": NODES[:2],
    "reason": None,
    "update_reason": False,
    "only_reason": None,
    "attributes": None,
    "wait": False,
    "wait_timeout": 30,
    "max_unavailable": None,
    "booted_after": None,
    "next_state": "resume",
}
# The nodes that can run jobs.
WORKERS = ("node4", "node5", "node6")
RESERVATION = "hpc-slurm-contract"
RESERVATION_OPTIONS: dict[str, Any] = {
    **dict.fromkeys((*FIELDS, "nodes", "flags", "start_time", "end_time", "duration")),
    "name": RESERVATION,
    "state": "present",
    "purge_nodes": False,
}


class RealSlurm(Slurm):
    """The real one, with what sbatch and scancel do; L(FakeSlurm) has these too."""

    def submit(self, *words: str) -> int:
        jobs = " ".join(words).split(" : ")
        script = ["--output=/dev/null", "--mem=1", "--ntasks=1"]
        first = [word for words in jobs[:-1] for word in (*script, *words.split(), ":")]
        return int(command("sbatch", "--parsable", *first, *script, *jobs[-1].split(), "--wrap=exec sleep 300"))

    def cancel(self, number: int) -> None:
        command("scancel", str(number))


def command(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd="/tmp").stdout.strip()


def fake() -> FakeSlurm:
    slurm = FakeSlurm({"big[00901-00906]": "IDLE+EXTERNAL", "node[4-6]": "IDLE"}, user="slurm")
    for name, record in slurm.records.items():
        record.update(partitions=["big" if name.startswith("big") else "main"])
        record.update(available_features=["large"], active_features=["large"])
    return slurm


@pytest.fixture(params=PRIVILEGED)
def slurm(request: pytest.FixtureRequest) -> Iterator[RealSlurm | FakeSlurm]:
    """A cluster with NODES in service and nothing of ours; what a test does to it is undone."""
    cluster = RealSlurm() if request.param == "real" else fake()
    assert set(look(cluster).values()) == {("IDLE", None, None)}, "somebody uses these nodes"
    there = {found["id"] for found in cluster.triggers()}
    yield cluster
    for number, details in our_jobs(cluster).items():
        if details["state"] in ("PENDING", "RUNNING"):
            cluster.cancel(number)
    for found in cluster.reservations():
        if found["name"].startswith(RESERVATION):
            until(lambda: not [it for it in our_jobs(cluster).values() if it["state"] in HOLDING])
            cluster.delete_reservation(found["name"])
    unwell = [name for name, (state, _reason, _user) in look(cluster, (*NODES, *WORKERS)).items() if unfit(state)]
    if unwell:
        cluster.update_nodes(hostlist.fold(unwell), state="RESUME")
    for found in cluster.triggers():
        if found["id"] not in there:
            cluster.clear_trigger(found["id"])


def unfit(state: str) -> bool:
    return bool({"DOWN", "DRAIN", "FAIL"} & set(state.split("+")))


def until(holds: Callable[[], object]) -> None:
    """Wait until a condition holds, which a controller's own doing brings about."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.1)


def our_jobs(slurm: Slurm) -> dict[int, dict[str, Any]]:
    """Return the jobs of the user that asks: in the lab there are no others of SlurmUser's."""
    attributes = (*job.ID_ATTRIBUTES, *job.NODE_ATTRIBUTES, "state", "user_name", "comment", "batch_host")
    found = slurm.jobs(("user_name",), lambda it: it["user_name"] == slurm.user(), attributes)
    return {number: details for number, (_needed, details) in found.items()}


def of(slurm: Slurm, number: int) -> list[dict[str, Any]]:
    """Return a job, or the jobs that an array or a het job consists of, in the order of their tasks."""
    found = [it for it in our_jobs(slurm).values() if job.JobId.parse(str(number)).covers(it)]
    return sorted(found, key=lambda it: (it["array_task_id"] or 0, it["heterogeneous_offset"] or 0))


@pytest.fixture(params=ORDINARY)
def ordinary(request: pytest.FixtureRequest) -> Slurm:
    """A cluster as an ordinary user has it."""
    if request.param == "real":
        return Slurm()
    cluster = fake()
    cluster.asking = "alice"
    return cluster


@pytest.fixture
def in_every_state(slurm: Slurm) -> dict[str, str]:
    """The state that each of NODES was brought into, all of STATES."""
    for name, (_state, requests) in zip(NODES, STATES.items(), strict=True):
        for request in requests:
            slurm.update_nodes(name, state=request, reason="before")
    return dict(zip(NODES, STATES, strict=True))


def look(slurm: Slurm, names: Iterable[str] = NODES) -> dict[str, tuple[str, Any, Any]]:
    """Return of each node its state as scontrol writes it, the reason and its user."""
    records = slurm.nodes(["state", "reason", "reason_user"])
    return {
        name: ("+".join(flag for flag in it["state"] if flag not in OWN_LIFE), it["reason"], it["reason_user"])
        for name, it in ((name, records[name]) for name in names)
    }


def ours(slurm: Slurm) -> list[dict[str, Any]]:
    return [found for found in slurm.triggers() if found["program"] == PROGRAM]


def set_down(slurm: Slurm, *selectors: str, **differing: Any) -> None:
    slurm.set_trigger(
        selectors=selectors or ["--node", "--down"], **{"offset": 0, "permanent": True, "program": PROGRAM, **differing}
    )


# Nodes.


def test_the_states_are_reached(slurm: Slurm, in_every_state: dict[str, str]) -> None:
    expected = {name: (state, "before", slurm.user()) for name, state in in_every_state.items()}
    assert look(slurm) == {**expected, NODES[0]: ("IDLE", None, None)}


@pytest.mark.parametrize("request_", AFTER)
def test_transition(slurm: Slurm, in_every_state: dict[str, str], request_: str) -> None:
    before, expected = look(slurm), {}
    for name, after in zip(NODES, AFTER[request_], strict=True):
        fields = {"reason": "asked"} if after.endswith("asked") else {}
        if after == "refused":
            with pytest.raises(ConflictError, match="Invalid node state transition"):
                slurm.update_nodes(name, state=request_, **fields)
            expected[name] = before[name]
        else:
            slurm.update_nodes(name, state=request_, **fields)
            state, _blank, reason = after.partition(" ")
            expected[name] = (state, reason or None, slurm.user() if reason else None)
    assert look(slurm) == expected


@pytest.mark.parametrize("request_", ["DOWN", "DRAIN", "FAIL"])
def test_without_a_reason_the_one_before_stays(slurm: Slurm, in_every_state: dict[str, str], request_: str) -> None:
    slurm.update_nodes(ALL_NODES, state=request_)
    assert [reason for _state, reason, _user in look(slurm).values()] == [None] + ["before"] * 5


def test_a_reason_alone(slurm: Slurm, in_every_state: dict[str, str]) -> None:
    slurm.update_nodes(ALL_NODES, reason="anew  \u00fc")
    expected = {name: (state, "anew  \u00fc", slurm.user()) for name, state in in_every_state.items()}
    # A node in service has no reason, and the request is not refused.
    assert look(slurm) == {**expected, NODES[0]: ("IDLE", None, None)}


def test_a_refused_transition_does_not_keep_the_other_nodes_from_it(
    slurm: Slurm, in_every_state: dict[str, str]
) -> None:
    with pytest.raises(ConflictError) as caught:
        slurm.update_nodes(ALL_NODES, state="RESUME")
    assert (caught.value.errno, caught.value.name) == (2180, "ESLURM_INVALID_NODE_STATE_TRANSITION")
    assert set(look(slurm).values()) == {("IDLE", None, None)}


@pytest.mark.parametrize(("unknown", "state"), [("aaa", "IDLE"), ("nosuch", "IDLE+DRAIN")])
def test_an_unknown_node_ends_the_request_where_it_is_in_the_order(slurm: Slurm, unknown: str, state: str) -> None:
    with pytest.raises(SlurmError) as caught:
        slurm.update_nodes(hostlist.fold([*NODES[:2], unknown]), state="DRAIN", reason="asked")
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert [found for found, _reason, _user in look(slurm).values()] == [state] * 2 + ["IDLE"] * 4


def test_no_node_at_all(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        slurm.update_nodes("", state="DRAIN", reason="asked")
    assert caught.value.name == "ESLURM_INVALID_NODE_NAME"


@pytest.mark.parametrize("fields", [{"nonsense": 1}, {"total_cpus": 3}, {"weight": "heavy"}, {"state": "WELL"}])
def test_a_field_that_cannot_be_set(slurm: Slurm, fields: dict[str, Any]) -> None:
    with pytest.raises(SlurmError, match="a node cannot be given") as caught:
        slurm.update_nodes(ALL_NODES, reason="asked", **fields)
    assert caught.value.call == "REQUEST_UPDATE_NODE"
    assert set(look(slurm).values()) == {("IDLE", None, None)}


def test_what_a_node_is(slurm: Slurm) -> None:
    records = slurm.nodes()
    assert set(NODES) <= set(records)
    assert sorted(records[NODES[0]]) == slurm.node_attributes()
    assert {"state", "reason", "reason_user", "partitions", "weight"} <= set(slurm.node_attributes())
    assert isinstance(records[NODES[0]]["partitions"], list)


def test_of_a_node_without_reason_nobody_gave_it(slurm: Slurm) -> None:
    assert slurm.nodes(["reason_user"])[NODES[0]] == {"reason_user": None}


# A reboot is known by its time, and nodes without daemons have none.
@pytest.mark.parametrize("state", [name for name in TASK_STATES if name != "rebooted"])
def test_the_module_predicts_what_it_does(slurm: Slurm, in_every_state: dict[str, str], state: str) -> None:
    params = {**NODE_OPTIONS, "nodes": NODES, "state": state}
    predicted = execute(plan_nodes, slurm, params, check_mode=True)
    before = look(slurm)
    assert {name: in_every_state[name] for name in NODES} == {name: before[name][0] for name in NODES}
    assert execute(plan_nodes, slurm, params, check_mode=False) == predicted
    assert execute(plan_nodes, slurm, params, check_mode=False)["changed"] is False


# Attributes of nodes.


def attributes_of(slurm: Slurm, name: str = NODES[0]) -> dict[str, Any]:
    return slurm.nodes(node_attributes.ATTRIBUTES)[name]


@pytest.fixture
def restored(slurm: Slurm) -> Iterator[Slurm]:
    """The cluster, whose nodes get the attributes back that they had."""
    before = attributes_of(slurm)
    yield slurm
    words = node_attributes.words(node_attributes.record_of(before, before))
    places = {key: words.pop(key) for key in ("nodeaddr", "nodehostname")}
    slurm.update_attributes(ALL_NODES, words)
    slurm.update_attributes(NODES[0], places)
    assert attributes_of(slurm) == before


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ({"comment": "a b = c, \u00fc"}, "comment", "a b = c, \u00fc"),
        ({"extra": "e"}, "extra", "e"),
        ({"weight": "5"}, "weight", 5),
        ({"weight": "0"}, "weight", 0),
        ({"weight": ""}, "weight", 0),
        ({"availablefeatures": "large,x,a"}, "available_features", ["large", "x", "a"]),
        ({"activefeatures": ""}, "active_features", []),
        ({"availablefeatures": "", "activefeatures": ""}, "available_features", []),
        ({"availablefeatures": "a,b", "activefeatures": "b"}, "active_features", ["b"]),
        ({"gres": "gpu:2,gpu:tesla:1"}, "configured_gres", {"gpu": 2, "gpu:tesla": 1}),
        ({"cpubind": "core"}, "cpu_binding", "cores"),
        ({"cpubind": "ldom"}, "cpu_binding", "ldoms"),
        ({"cpubind": "none"}, "cpu_binding", "none"),
    ],
)
def test_an_attribute(restored: Slurm, fields: dict[str, str], attribute: str, value: Any) -> None:
    before = attributes_of(restored, NODES[2])
    restored.update_attributes(f"{NODES[0]},{NODES[1]}", fields)
    assert [attributes_of(restored, name)[attribute] for name in NODES[:2]] == [value] * 2
    assert attributes_of(restored, NODES[2]) == before


def test_attributes_are_cleared(restored: Slurm) -> None:
    restored.update_attributes(ALL_NODES, {"comment": "c", "extra": "e", "gres": "gpu:2", "cpubind": "core"})
    restored.update_attributes(ALL_NODES, {"comment": "", "extra": "", "gres": "", "cpubind": "off"})
    found = attributes_of(restored)
    assert [found[name] for name in ("comment", "extra", "configured_gres", "cpu_binding")] == [None, None, {}, None]


@pytest.mark.parametrize(
    ("names", "fields", "errno", "words"),
    [
        (["nosuch"], {"comment": "x"}, 2018, "Invalid node name specified"),
        ([], {"comment": "x"}, 2018, "Invalid node name specified"),
        (NODES, {"nodeaddr": ""}, 2018, "Invalid node name specified"),
        (NODES, {"nodeaddr": "other"}, 2018, "Invalid node name specified"),
        (NODES, {"nodehostname": ""}, 2018, "Invalid node name specified"),
        (NODES, {"activefeatures": "nosuch"}, 2031, "Active features not subset of available features"),
        (NODES, {"weight": "heavy"}, None, "Invalid value weight=heavy for Weight"),
        (NODES, {"cpubind": "nonsense"}, None, "Invalid input cpubind=nonsense"),
        (NODES, {"nonsense": "1"}, None, "Update of this parameter is not supported: nonsense=1"),
    ],
)
def test_an_attribute_that_is_refused(
    restored: Slurm, names: list[str], fields: dict[str, str], errno: int | None, words: str
) -> None:
    before = attributes_of(restored)
    with pytest.raises(SlurmError, match=words) as caught:
        restored.update_attributes(",".join(names), fields)
    assert caught.value.errno == errno
    assert attributes_of(restored) == before


@pytest.mark.parametrize(
    "attributes",
    [
        {"comment": " spare parts ", "extra": "", "weight": 7},
        {"weight": 0},
        {"available_features": "b,a,large", "active_features": ["large", "a"]},
        {"available_features": [], "active_features": None},
        {"configured_gres": {"gpu": 2, "gpu:tesla": 1}, "cpu_binding": "Core"},
    ],
)
def test_the_module_predicts_the_attributes(restored: Slurm, attributes: dict[str, Any]) -> None:
    params = {**NODE_OPTIONS, "state": "drained", "attributes": attributes}
    predicted = execute(plan_nodes, restored, params, check_mode=True)
    assert execute(plan_nodes, restored, params, check_mode=False) == predicted
    assert predicted["changed_nodes"] == NODES[:2]
    assert execute(plan_nodes, restored, params, check_mode=False)["changed"] is False
    cleared = dict.fromkeys(attributes, "")
    execute(plan_nodes, restored, {**params, "attributes": cleared}, check_mode=False)
    assert execute(plan_nodes, restored, {**params, "attributes": cleared}, False)["changed"] is False


def test_a_node_elsewhere(restored: Slurm) -> None:
    restored.update_attributes(NODES[0], {"nodeaddr": "other", "nodehostname": "elsewhere"})
    found = attributes_of(restored)
    assert (found["address"], found["hostname"]) == ("other", "elsewhere")


# Jobs.


def test_a_held_job(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold", "--nodelist=node4", "--exclude=node[5-6]", "--comment=c")
    (found,) = of(slurm, number)
    assert found == {
        **dict.fromkeys((*job.ID_ATTRIBUTES, *job.NODE_ATTRIBUTES, "batch_host")),
        "id": number,
        "state": "PENDING",
        "user_name": slurm.user(),
        "required_nodes": "node4",
        "excluded_nodes": "node[5-6]",
        "comment": "c",
    }


@pytest.mark.parametrize("tasks", ["0", "1,5,7-9", "0-99:3", "1-2"])
def test_an_array_that_waits_is_one_job(slurm: RealSlurm | FakeSlurm, tasks: str) -> None:
    number = slurm.submit("--hold", f"--array={tasks}")
    (found,) = of(slurm, number)
    ids = [found[name] for name in ("id", "array_id", "array_task_id", "array_tasks_waiting")]
    assert ids == [number, number, None, tasks]


def test_the_tasks_of_an_array_that_run_are_jobs_of_their_own(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--array=0,1", "--nodelist=node4")
    until(lambda: {it["state"] for it in of(slurm, number)} == {"RUNNING"} and len(of(slurm, number)) == 2)
    found = of(slurm, number)
    assert [(it["array_id"], it["array_task_id"], it["array_tasks_waiting"]) for it in found] == [
        (number, 0, None),
        (number, 1, None),
    ]
    assert [it["id"] == number for it in found] == [False, True]
    assert [it["allocated_nodes"] for it in found] == ["node4"] * 2


def test_the_components_of_a_het_job(slurm: RealSlurm | FakeSlurm) -> None:
    number = slurm.submit("--hold --nodelist=node4 : --nodelist=node5")
    found = of(slurm, number)
    assert [(it["id"], it["heterogeneous_id"], it["heterogeneous_offset"]) for it in found] == [
        (number, number, 0),
        (number + 1, number, 1),
    ]
    assert [it["required_nodes"] for it in found] == ["node4", "node5"]


def test_what_a_job_is(slurm: RealSlurm | FakeSlurm) -> None:
    known = slurm.job_attributes()
    assert known == sorted(known)
    assert {*job.ID_ATTRIBUTES, *job.NODE_ATTRIBUTES, "state", "user_name", "partition", "licenses", "gres"} <= set(
        known
    )
    number = slurm.submit("--hold")
    found = slurm.jobs(("id",), lambda it: it["id"] == number, known, steps=True)
    assert found[number][0] == {"id": number}
    assert sorted(found[number][1]) == sorted([*known, "steps"])
    assert (found[number][1]["steps"], found[number][1]["licenses"], found[number][1]["gres"]) == ({}, [], {})


def test_the_module_finds_jobs(slurm: RealSlurm | FakeSlurm) -> None:
    array = slurm.submit("--hold", "--array=0-8:2")
    running = slurm.submit("--nodelist=node5", "--comment=mine")
    until(lambda: [it["state"] for it in of(slurm, running)] == ["RUNNING"])
    asked = [f"{array}_4", f"{array}_5", str(running), f"{running}_0", "99999999"]
    options = dict.fromkeys(("job_ids", "criteria", "nodes", "states", "users", "partitions", "attributes"))

    def ask(**given: Any) -> dict[str, Any]:
        return execute(job.plan_info, slurm, {**options, "steps": False, **given}, check_mode=False)

    found = ask(job_ids=asked, attributes=["comment"])
    assert found["job_ids"] == [array, running]
    assert found["missing"] == [f"{array}_5", f"{running}_0", "99999999"]
    assert found["jobs"] == {str(array): {"comment": None}, str(running): {"comment": "mine"}}
    assert ask(nodes=["node[5-6]"], states=["running"], users=[slurm.user()])["job_ids"] == [running]
    assert ask(criteria={"comment": "mine", "state": "running", "batch_host": "node5"})["job_ids"] == [running]


# A node that jobs hold.


def test_a_node_with_a_job_is_waited_for(slurm: RealSlurm | FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    number = slurm.submit("--nodelist=node6")
    until(lambda: [it["state"] for it in of(slurm, number)] == ["RUNNING"])
    params = {**NODE_OPTIONS, "nodes": ["node6"], "state": "drained", "wait": True}
    with pytest.raises(SlurmError, match="jobs still run or complete on node6") as caught:
        execute(plan_nodes, slurm, {**params, "wait_timeout": 0}, check_mode=False)
    assert caught.value.details.pop("waited") < 5
    assert caught.value.details == {
        "running_jobs": {
            str(number): {"user_name": slurm.user(), "state": "RUNNING", "allocated_nodes": "node6"},
        },
        "changed": True,
    }
    assert look(slurm, ["node6"])["node6"][0] == "MIXED+DRAIN"
    slurm.cancel(number)
    done = execute(plan_nodes, slurm, params, check_mode=False)
    assert (done["changed"], done["nodes"]["node6"]["state"]) == (False, ["IDLE", "DRAIN"])
    assert done["waited"] < 30


# Reservations.


def reserve(slurm: Slurm, **fields: str) -> None:
    defaults = {"nodes": "big[00901-00902]", "users": "root", "starttime": "now", "duration": "60"}
    slurm.create_reservation(RESERVATION, {**defaults, **fields})


def reserved(slurm: Slurm, name: str = RESERVATION) -> dict[str, Any] | None:
    return next((found for found in slurm.reservations() if found["name"] == name), None)


def test_a_reservation_is_made_listed_and_deleted(slurm: Slurm) -> None:
    before = int(time.time())
    reserve(slurm, duration="infinite", flags="MAINT,IGNORE_JOBS,OVERLAP", comment="a = b, c")
    found = reserved(slurm)
    assert found is not None
    assert before <= found.pop("start_time") <= time.time()
    assert found.pop("end_time") >= before + 365 * 24 * 3600
    cores = found.pop("core_count")
    assert cores > 0
    assert found == {
        **{name: field.empty for name, field in FIELDS.items()},
        "name": RESERVATION,
        "state": "ACTIVE",
        "nodes": NODES[:2],
        "node_count": 2,
        "duration": 365 * 24 * 60,
        "flags": ["IGNORE_JOBS", "MAINT", "OVERLAP", "SPEC_NODES"],
        "users": ["root"],
        "tres": {"cpu": str(cores)},
        "comment": "a = b, c",
    }
    slurm.delete_reservation(RESERVATION)
    assert reserved(slurm) is None


@pytest.mark.parametrize(
    ("fields", "errno", "words"),
    [
        ({"nodes": "nosuch"}, 2018, "Invalid node name specified"),
        ({"users": ""}, None, "Either Users/Groups, AllowedPartitions, QOS and/or Accounts must be specified"),
        ({"users": "nosuchuser"}, None, "Unspecified error"),
        ({"users": "root", "groups": "root"}, None, "one or the other"),
        ({"partitionname": "nosuch"}, 2000, "Invalid partition name specified"),
        ({"allowedpartitions": "nosuch"}, 2000, "Invalid partition name specified"),
        ({"qos": "nosuch"}, 2066, "Invalid qos specification"),
        ({"licenses": "nosuch:1"}, 2048, "Invalid license specification"),
        ({"starttime": "2020-01-01T00:00:00"}, 2054, "Invalid time specified"),
        ({"starttime": "nonsense"}, None, "Invalid start time"),
        ({"flags": "NOSUCH"}, None, "Error parsing flags NOSUCH"),
        ({"nonsense": "1"}, None, "Unknown parameter nonsense=1"),
    ],
)
def test_a_reservation_that_is_refused(slurm: Slurm, fields: dict[str, str], errno: int | None, words: str) -> None:
    with pytest.raises(SlurmError, match=words) as caught:
        reserve(slurm, **fields)
    assert caught.value.errno == errno
    assert reserved(slurm) is None


def test_a_reservation_that_ends_before_it_starts(slurm: Slurm) -> None:
    fields = {"nodes": NODES[0], "users": "root", "starttime": "now", "endtime": "2020-01-01T00:00:00"}
    with pytest.raises(SlurmError, match="Start time cannot be after end time"):
        slurm.create_reservation(RESERVATION, fields)


def test_a_reservation_of_no_time_at_all_never_ends(slurm: Slurm) -> None:
    reserve(slurm, duration="0")
    found = reserved(slurm)
    assert found is not None
    assert found["end_time"] == 2**32 - 1


def test_a_name_that_is_taken(slurm: Slurm) -> None:
    reserve(slurm)
    with pytest.raises(ConflictError) as caught:
        reserve(slurm, nodes=NODES[4])
    assert (caught.value.errno, caught.value.name) == (2082, "ESLURM_RESERVATION_NAME_DUP")
    assert caught.value.call == "scontrol create reservation"


@pytest.mark.parametrize("flag", ["", "FLEX", "MAINT", "OVERLAP"])
@pytest.mark.parametrize("there", ["", "MAINT", "OVERLAP"])
def test_nodes_that_are_reserved_already(slurm: Slurm, flag: str, there: str) -> None:
    reserve(slurm, flags=there)
    fields = {"nodes": NODES[1], "users": "root", "starttime": "now", "duration": "60", "flags": flag}
    if flag in ("MAINT", "OVERLAP") or there:
        slurm.create_reservation(f"{RESERVATION}-2", fields)
        assert reserved(slurm, f"{RESERVATION}-2") is not None
    else:
        with pytest.raises(SlurmError) as caught:
            slurm.create_reservation(f"{RESERVATION}-2", fields)
        assert (caught.value.errno, caught.value.name) == (2058, "ESLURM_RESERVATION_OVERLAP")


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"nodes+": "big[00902-00903]"}, "nodes", NODES[:3]),
        ({"nodes-": "big[00902-00903]"}, "nodes", NODES[:1]),
        ({"nodes-": "big00903"}, "nodes", NODES[:2]),
        ({"nodes": "big00904"}, "nodes", [NODES[3]]),
        ({"users": "slurm,root"}, "users", ["root", "slurm"]),
        ({"users": "", "accounts": "physics"}, "accounts", ["physics"]),
        ({"users": "", "groups": "root"}, "users", []),
        ({"allowedpartitions": "main,big"}, "allowed_partitions", ["big", "main"]),
        ({"partitionname": "main"}, "partition", "main"),
        ({"burstbuffer": "x"}, "burst_buffer", "x"),
        ({"features": ""}, "features", None),
        ({"licenses": ""}, "licenses", []),
        ({"comment": "a = b,c"}, "comment", "a = b,c"),
        ({"maxstartdelay": "90"}, "max_start_delay", 5400),
        ({"flags": "+FLEX,-MAINT"}, "flags", ["FLEX", "SPEC_NODES"]),
        ({"flags": "FLEX"}, "flags", ["FLEX", "MAINT", "SPEC_NODES"]),
        ({"flags": "+OVERLAP"}, "flags", ["MAINT", "OVERLAP", "SPEC_NODES"]),
        ({"flags": "-FLEX"}, "flags", ["MAINT", "SPEC_NODES"]),
        ({"flags": "+PURGE_COMP"}, "flags", ["MAINT", "PURGE_COMP=00:05:00", "SPEC_NODES"]),
        ({"flags": "+PURGE_COMP=01:30:00"}, "flags", ["MAINT", "PURGE_COMP=01:30:00", "SPEC_NODES"]),
        ({"flags": ""}, "flags", ["MAINT", "SPEC_NODES"]),
        ({"duration": "30"}, "duration", 30),
        ({"duration": "infinite"}, "duration", 365 * 24 * 60),
        ({"endtime": "now+2hours"}, "duration", 120),
    ],
)
def test_a_field_of_a_reservation(slurm: Slurm, fields: dict[str, str], field: str, value: Any) -> None:
    reserve(slurm, flags="MAINT")
    slurm.update_reservation(RESERVATION, fields)
    found = reserved(slurm)
    assert found is not None
    if field == "duration":  # the clock may have moved on between the two requests
        assert value <= found[field] <= value + 1
    else:
        assert found[field] == value


@pytest.mark.parametrize(
    ("set_to", "cleared", "field", "value"),
    [
        ({"comment": "c"}, {"comment": ""}, "comment", None),
        ({"burstbuffer": "x"}, {"burstbuffer": ""}, "burst_buffer", None),
        ({"maxstartdelay": "90"}, {"maxstartdelay": "0"}, "max_start_delay", None),
        ({"accounts": "physics"}, {"accounts": ""}, "accounts", []),
        ({"flags": "+PURGE_COMP"}, {"flags": "-PURGE_COMP"}, "flags", ["SPEC_NODES"]),
        # Taken, and nothing done: why the module refuses it.
        ({"allowedpartitions": "big"}, {"allowedpartitions": ""}, "allowed_partitions", ["big"]),
    ],
)
def test_a_field_of_a_reservation_is_cleared(
    slurm: Slurm, set_to: dict[str, str], cleared: dict[str, str], field: str, value: Any
) -> None:
    reserve(slurm)
    slurm.update_reservation(RESERVATION, set_to)
    slurm.update_reservation(RESERVATION, cleared)
    found = reserved(slurm)
    assert found is not None
    assert found[field] == value


@pytest.mark.parametrize(
    ("fields", "errno", "words"),
    [
        ({"nodes": "nosuch"}, 2053, "Requested reservation is invalid"),
        ({"nodes+": "nosuch"}, 2018, "Invalid node name specified"),
        ({"nodes-": "big[00901-00902]"}, 2053, "Requested reservation is invalid"),
        ({"users": ""}, 2080, "lacks users, groups or accounts"),
        ({"users": "nosuchuser"}, 2010, "Invalid user id"),
        ({"groups": "root"}, None, "only one or the other"),
        ({"partitionname": ""}, 2000, "Invalid partition name specified"),
        ({"allowedpartitions": "nosuch"}, 2000, "Invalid partition name"),
        ({"qos": ""}, 2066, "Invalid qos"),
        ({"features": "large"}, 2036, "not supported"),
        ({"licenses": "nosuch:5"}, 2048, "Invalid license specification"),
        ({"maxstartdelay": ""}, None, "Invalid duration maxstartdelay="),
        ({"flags": "-OVERLAP"}, None, "Error parsing flags -OVERLAP"),
        ({"flags": "+SPEC_NODES"}, None, "Error parsing flags"),
        ({"starttime": "now+1hour"}, 2104, "Reservation already started"),
        ({"starttime": "now"}, 2104, "Reservation already started"),
        ({"endtime": "2020-01-01T00:00:00"}, 2054, "Invalid time specified"),
        ({"duration": "0"}, 2054, "Invalid time specified"),
        ({"nonsense": "1"}, None, "Unknown parameter nonsense=1"),
    ],
)
def test_a_change_of_a_reservation_that_is_refused(
    slurm: Slurm, fields: dict[str, str], errno: int | None, words: str
) -> None:
    reserve(slurm)
    before = reserved(slurm)
    with pytest.raises(SlurmError, match=words) as caught:
        slurm.update_reservation(RESERVATION, fields)
    assert caught.value.errno == errno
    assert reserved(slurm) == before


@pytest.mark.parametrize(
    ("fields", "start", "duration"),
    [
        ({"starttime": "now+2hours"}, 7200, 60),
        ({"starttime": "now+1hour", "duration": "10"}, 3600, 10),
        ({"starttime": "now+1hour", "endtime": "now+5hours"}, 3600, 240),
        ({"starttime": "now"}, 0, 60),
    ],
)
def test_a_new_start_moves_the_end(slurm: Slurm, fields: dict[str, str], start: int, duration: int) -> None:
    reserve(slurm, starttime="now+3hours")
    before = int(time.time())
    slurm.update_reservation(RESERVATION, fields)
    found = reserved(slurm)
    assert found is not None
    assert before + start <= found["start_time"] <= time.time() + start
    assert duration <= found["duration"] <= duration + 1
    assert found["state"] == ("INACTIVE" if start else "ACTIVE")


def test_a_start_in_the_past(slurm: Slurm) -> None:
    reserve(slurm, starttime="now+3hours")
    with pytest.raises(SlurmError) as caught:
        slurm.update_reservation(RESERVATION, {"starttime": "2020-01-01T00:00:00"})
    assert caught.value.name == "ESLURM_INVALID_TIME_VALUE"


def test_a_reservation_that_is_not_there(slurm: Slurm) -> None:
    changes: list[Callable[[], None]] = [
        lambda: slurm.update_reservation(RESERVATION, {"comment": "x"}),
        lambda: slurm.delete_reservation(RESERVATION),
    ]
    for change in changes:
        with pytest.raises(ConflictError) as caught:
            change()
        assert (caught.value.errno, caught.value.name) == (2053, "ESLURM_RESERVATION_INVALID")


def test_a_reservation_in_use(slurm: RealSlurm | FakeSlurm) -> None:
    reserve(slurm, nodes="node5", users="slurm")
    number = slurm.submit(f"--reservation={RESERVATION}", "--nodelist=node5")
    until(lambda: [it["state"] for it in of(slurm, number)] == ["RUNNING"])
    with pytest.raises(SlurmError) as caught:
        slurm.delete_reservation(RESERVATION)
    assert (caught.value.errno, caught.value.name) == (2055, "ESLURM_RESERVATION_BUSY")


START = int(time.time()) + 7200
STEPS: list[dict[str, Any]] = [
    {"nodes": ["big[00901-00902]"]},
    {"nodes": ["big00903"]},
    {"nodes": ["big00903"], "state": "absent"},
    {"nodes": ["big[00902-00904]"], "purge_nodes": True},
    {"flags": ["MAINT", "OVERLAP", "FLEX", "PURGE_COMP"]},
    {"flags": ["MAINT", "OVERLAP", "PURGE_COMP=90"]},
    {"start_time": str(START), "duration": "2:00:00"},
    {"start_time": str(START + 600)},
    {"end_time": str(START + 6000)},
    {"duration": "infinite"},
    {"users": [], "accounts": ["physics"]},
    {"groups": ["root"], "accounts": []},
    {"groups": [], "users": ["slurm", "root"]},
    {"comment": "why = this", "burst_buffer": "x", "max_start_delay": "90", "partition": "big"},
    {"comment": "", "burst_buffer": "", "max_start_delay": ""},
    {"allowed_partitions": ["main", "big"]},
    {"start_time": "now"},
    {"state": "absent"},
]


def test_the_module_predicts_the_reservation(slurm: Slurm) -> None:
    """One life of a reservation: each step is predicted, done, and then needs nothing."""
    first = {"nodes": ["big00901"], "start_time": str(START - 600), "duration": "60"}
    for number, step in enumerate([first, *STEPS]):
        params = {**RESERVATION_OPTIONS, **step}
        predicted = execute(plan_reservation, slurm, params, check_mode=True)
        done = execute(plan_reservation, slurm, params, check_mode=False)
        if step.get("start_time") == "now":
            for outcome in (predicted, done):
                for field in ("start_time", "end_time"):
                    outcome["reservation"].pop(field)
                    outcome["diff"]["after"][f"reservation {RESERVATION}"].pop(field)
        assert done == predicted, (number, step)
        assert done["changed"] is True, (number, step)
        again = execute(plan_reservation, slurm, params, check_mode=False)
        assert again["changed"] is False, (number, step, again["diff"])
    assert reserved(slurm) is None


def test_the_module_makes_one_with_its_defaults(slurm: Slurm) -> None:
    params = {**RESERVATION_OPTIONS, "nodes": NODES[:2]}
    made = execute(plan_reservation, slurm, params, check_mode=False)["reservation"]
    assert (made["flags"], made["users"]) == (["IGNORE_JOBS", "MAINT", "OVERLAP"], ["root"])
    assert (made["duration"], made["nodes"]) == (365 * 24 * 60, NODES[:2])
    assert execute(plan_reservation, slurm, params, check_mode=False)["changed"] is False


# Triggers.


def test_a_trigger_is_set_listed_and_cleared(slurm: Slurm) -> None:
    set_down(slurm)
    (found,) = ours(slurm)
    assert isinstance(found.pop("id"), int)
    assert found == {
        "event": "down",
        "resource": "node",
        "resource_id": "*",
        "offset": 0,
        "permanent": True,
        "program": PROGRAM,
        "user": slurm.user(),
    }
    slurm.clear_trigger(ours(slurm)[0]["id"])
    assert ours(slurm) == []


def test_to_clear_a_trigger_that_is_gone_is_no_failure(slurm: Slurm) -> None:
    set_down(slurm)
    gone = ours(slurm)[0]["id"]
    slurm.clear_trigger(gone)
    slurm.clear_trigger(gone)
    assert ours(slurm) == []


def test_a_duplicate_is_refused(slurm: Slurm) -> None:
    set_down(slurm)
    with pytest.raises(ConflictError) as caught:
        set_down(slurm)
    assert (caught.value.errno, caught.value.name) == (2089, "ESLURM_TRIGGER_DUP")
    assert len(ours(slurm)) == 1


@pytest.mark.parametrize("differing", [{"permanent": False}, {"permanent": False, "offset": 5}])
def test_one_that_differs_is_no_duplicate(slurm: Slurm, differing: dict[str, Any]) -> None:
    set_down(slurm)
    set_down(slurm, **differing)
    assert [(found["permanent"], found["offset"]) for found in ours(slurm)] == [
        (True, 0),
        (differing["permanent"], differing.get("offset", 0)),
    ]


def test_a_trigger_for_unknown_nodes_is_refused(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(slurm, "--node=big00901,nosuch", "--down")
    assert (caught.value.errno, caught.value.name) == (2018, "ESLURM_INVALID_NODE_NAME")
    assert ours(slurm) == []


def test_a_trigger_for_an_unknown_job_is_refused(slurm: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(slurm, "--jobid=99999999", "--fini", permanent=False)
    assert (caught.value.errno, caught.value.name) == (2017, "ESLURM_INVALID_JOB_ID")


@pytest.mark.parametrize("differing", [{"program": "/no/such/program"}, {"permanent": False, "offset": 32001}])
def test_what_strigger_itself_refuses(slurm: Slurm, differing: dict[str, Any]) -> None:
    with pytest.raises(SlurmError, match="strigger --set: strigger: error: ") as caught:
        set_down(slurm, **differing)
    assert (caught.value.errno, caught.value.call) == (None, "strigger --set")


@pytest.mark.parametrize("event", [*trigger_events.NODE_EVENTS, *trigger_events.OTHER_EVENTS])
def test_every_event_is_listed_as_the_module_describes_it(slurm: Slurm, event: str) -> None:
    params = dict.fromkeys(("nodes", "job_id", "offset", "permanent", "purge_matching", "trigger_ids", "user"))
    params.update(event=event, program=PROGRAM)
    predicted = execute(plan_present, slurm, params, check_mode=True)
    done = execute(plan_present, slurm, params, check_mode=False)
    assert [{**found, "id": None} for found in done["triggers"]] == predicted["triggers"]
    assert (done["diff"], done["changed"], len(done["trigger_ids"])) == (predicted["diff"], True, 1)
    assert execute(plan_present, slurm, params, check_mode=False)["changed"] is False


def test_nodes_are_listed_as_given(slurm: Slurm) -> None:
    set_down(slurm, "--node=big[00901-00903,00905]", "--drained", permanent=False, offset=30)
    (found,) = ours(slurm)
    shown = {name: found[name] for name in ("resource_id", "event", "offset", "permanent")}
    assert shown == {
        "resource_id": "big[00901-00903,00905]",
        "event": "drained",
        "offset": 30,
        "permanent": False,
    }


def test_the_configuration_names_slurm_user(slurm: Slurm) -> None:
    assert slurm.config()["slurm_user_name"] == "slurm"


# An ordinary user.


def test_an_ordinary_user_changes_no_node(ordinary: Slurm) -> None:
    before = look(ordinary)
    with pytest.raises(SlurmError) as caught:
        ordinary.update_nodes(ALL_NODES, state="DRAIN", reason="asked")
    assert (caught.value.errno, caught.value.name) == (2010, "ESLURM_USER_ID_MISSING")
    assert look(ordinary) == before


def test_an_ordinary_user_sets_no_trigger(ordinary: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        set_down(ordinary)
    assert (caught.value.errno, caught.value.name) == (2002, "ESLURM_ACCESS_DENIED")
    assert ours(ordinary) == []


def test_an_ordinary_user_changes_no_attribute(ordinary: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        ordinary.update_attributes(ALL_NODES, {"comment": "mine"})
    assert (caught.value.errno, caught.value.name) == (2010, "ESLURM_USER_ID_MISSING")
    assert attributes_of(ordinary)["comment"] is None


def test_an_ordinary_user_makes_no_reservation(ordinary: Slurm) -> None:
    with pytest.raises(SlurmError) as caught:
        reserve(ordinary)
    assert (caught.value.errno, caught.value.name) == (2010, "ESLURM_USER_ID_MISSING")
    assert reserved(ordinary) is None
