# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What accounting storage adds: accounts and QOS that Slurm knows, TRES, the account of a job.

The real cluster has it where the lab is started with C(up --accounting), as the suite C(accounting) does.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError
from ansible_collections.hpc.slurm.plugins.module_utils.common.module import execute
from ansible_collections.hpc.slurm.plugins.module_utils.resources.reservation.plan import plan_reservation
from ansible_collections.hpc.slurm.tests.contract.cluster import (
    NODES,
    RESERVATION_OPTIONS,
    RealSlurm,
    clusters_with_accounting,
)
from ansible_collections.hpc.slurm.tests.unit.fake import FakeSlurm

Cluster = RealSlurm | FakeSlurm

pytestmark = pytest.mark.parametrize("slurm", clusters_with_accounting(), indirect=True)


@pytest.fixture
def accounting(slurm: Cluster) -> Cluster:
    """A cluster with accounting storage."""
    if isinstance(slurm, FakeSlurm):
        slurm.reserved.accounts = {"physics", "art", "chemistry"}
        slurm.reserved.qos = {"normal", "high", "low"}
        slurm.reserved.gres = {"gres/gpu"}
    return slurm


def run(slurm: Cluster, **options: Any) -> dict[str, Any]:
    """Run a task, and again, which changes nothing; return the reservation and whether the first run changed it."""
    params = {**RESERVATION_OPTIONS, **options}
    done = execute(plan_reservation, slurm, params, check_mode=False)
    again = execute(plan_reservation, slurm, params, check_mode=False)
    assert again["changed"] is False, (options, again["diff"])
    return {**(done["reservation"] or {}), "changed": done["changed"]}


# A list of names, and the error that it ends in.
Step = tuple[list[str], str | None]
ALLOWED: list[Step] = [
    (["high"], None),
    (["low", "normal"], None),
    (["nosuch"], "Invalid qos specification"),
    (["-low"], "Slurm cannot turn a list of allowed names into one of denied names"),
    ([], "Slurm cannot clear the list"),
]
DENIED: list[Step] = [
    (["-high"], None),
    (["-low"], None),
    (["-low", "-normal"], None),
    (["-nosuch"], "Invalid qos specification"),
    ([], "Slurm cannot clear the list"),
    (["high"], None),
]
ACCOUNTS: list[Step] = [
    (["physics"], None),
    (["art", "chemistry"], None),
    (["nosuch"], "Invalid account"),
    (["-art"], "Slurm cannot turn a list of allowed names into one of denied names"),
    ([], None),
    (["-art"], None),
    (["-physics", "-chemistry"], None),
    (["-nosuch", "-physics"], "Invalid account"),
    (["art"], None),
]


@pytest.mark.parametrize(
    ("field", "steps"),
    [("qos", ALLOWED), ("qos", DENIED), ("accounts", ACCOUNTS)],
    ids=["allowed QOS", "denied QOS", "accounts"],
)
def test_lists(accounting: Cluster, field: str, steps: list[Step]) -> None:
    stored: list[str] = []
    for names, refused in steps:
        task = {"nodes": NODES[:1], "users": ["root"], field: names}
        if refused:
            with pytest.raises(SlurmError, match=refused):
                run(accounting, **task)
        else:
            stored = sorted(names)
            assert run(accounting, **task)["changed"] is True
        assert run(accounting)[field] == stored


def test_denied_qos_cannot_be_added_later(accounting: Cluster) -> None:
    run(accounting, nodes=NODES[:1])
    with pytest.raises(SlurmError, match="qos: Slurm cannot add a list of denied names to an existing reservation"):
        run(accounting, qos=["-high"])
    assert run(accounting, qos=["high"])["qos"] == ["high"]


def test_a_reservation_for_a_qos_only(accounting: Cluster) -> None:
    made = run(accounting, nodes=NODES[:1], qos=["high"])
    assert (made["users"], made["qos"]) == ([], ["high"])


@pytest.mark.parametrize("options", [{}, {"node_count": 1}])
def test_generic_resources(accounting: Cluster, options: dict[str, Any]) -> None:
    made = run(accounting, tres={"gres/gpu": 2}, **options)
    assert (made["tres"], made["node_count"], made["flags"]) == ({"gres/gpu": "2"}, 1, [])
    with pytest.raises(SlurmError, match="Slurm sets tres on a new reservation only"):
        run(accounting, tres={"gres/gpu": 1})
    assert run(accounting, comment="c")["comment"] == "c"


def test_why_changed_resources_are_refused(accounting: Cluster) -> None:
    """Slurm accepts such a request and does nothing."""
    name = RESERVATION_OPTIONS["name"]
    run(accounting, tres={"gres/gpu": 2})
    accounting.update_reservation(name, {"tres": "gres/gpu=1"})
    (found,) = (it for it in accounting.reservations() if it["name"] == name)
    assert found["tres"]["gres/gpu"] == "2"


@pytest.mark.parametrize("tres", [{"gres/gpu": 99}, {"gres/nosuch": 1}])
def test_resources_that_there_are_not(accounting: Cluster, tres: dict[str, int]) -> None:
    with pytest.raises(SlurmError, match="Requested nodes are busy|Invalid Trackable RESource"):
        run(accounting, tres=tres)


def test_why_groups_do_not_replace_users(accounting: Cluster) -> None:
    name = RESERVATION_OPTIONS["name"]
    run(accounting, nodes=NODES[:1])
    with pytest.raises(SlurmError, match="Unspecified error"):
        accounting.update_reservation(name, {"users": "", "groups": "root"})
    with pytest.raises(SlurmError, match="Slurm cannot replace users by groups in one request"):
        run(accounting, users=[], groups=["root"])
    assert run(accounting, users=[], accounts=["art"])["changed"] is True
    assert run(accounting, accounts=[], groups=["root"])["groups"] == ["root"]
    assert run(accounting, users=["root"], groups=[])["users"] == ["root"]


def test_the_account_of_a_job(accounting: Cluster) -> None:
    number = accounting.submit("--hold", "--account=art")
    ((_needed, details),) = accounting.jobs(("id",), lambda it: it["id"] == number, ("account",)).values()
    assert details == {"account": "art"}
