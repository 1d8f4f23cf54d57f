"""Ten thousand nodes in one notification, with real curl and a real ansible-rulebook. Runs inside the lab.

How long it takes is measured by tests/bench/under_load.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from listening import Listening, Sender

NODES = 10000
HOSTLIST = f"big[00001-{NODES}]"


@pytest.fixture
def listening(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Listening]:
    made = Listening(tmp_path, granularity=request.param)
    try:
        yield made
    finally:
        made.stop()


def other(number: int) -> str:
    """Return the hostlist of ten thousand nodes without earlier notifications."""
    return f"other{number}x[00001-{NODES}]"


@pytest.mark.parametrize("listening", ["batch"], indirect=True)
def test_notifications_in_succession_are_all_answered(listening: Listening) -> None:
    wanted = [other(number) for number in range(20)]
    for hostlist in wanted:
        listening.send(hostlist)
    # They are too large to be merged, and each waits some seconds after the one before.
    listening.wait("all at the rule", lambda: len(listening.nodes()) == len(wanted), limit=300)
    assert set(listening.nodes()) == set(wanted)


@pytest.mark.parametrize("listening", ["batch"], indirect=True)
def test_a_batch_is_one_event_at_the_rule(listening: Listening) -> None:
    wanted = ["warm[1-100]", *(other(number) for number in range(5))]
    for number, hostlist in enumerate(wanted, 1):
        listening.send(hostlist)
        listening.wait("the batch at the rule", lambda number=number: len(listening.nodes()) == number)
    assert listening.nodes() == wanted


@pytest.mark.parametrize("listening", ["node"], indirect=True)
def test_every_node_is_at_the_rule_and_other_senders_do_not_wait_for_that(listening: Listening) -> None:
    large = {f"big{number:05}" for number in range(1, NODES + 1)}
    with Sender(listening, "small") as small:
        listening.send(HOSTLIST)
        sent = len(small.times)
        listening.wait("the answer to another sender", lambda: len(small.times) > sent + 1)
        assert not large <= set(listening.nodes()), "another sender had to wait for all events"
        listening.wait("every node at the rule", lambda: large <= set(listening.nodes()), limit=300)
    wanted = large | set(small.nodes)
    listening.wait("the small ones at the rule", lambda: wanted <= set(listening.nodes()))
    assert sorted(listening.nodes()) == sorted(wanted)
