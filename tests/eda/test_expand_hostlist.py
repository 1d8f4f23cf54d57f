"""End to end: hostlists that come through eda.builtin.webhook, and what the rules see of them. Runs inside the lab."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from story import free_port

LIMIT = 60

RULEBOOK = """
- name: Notifications through a webhook
  hosts: all
  sources:
    - name: hook
      eda.builtin.webhook:
        host: 127.0.0.1
        port: {port}
      filters:
        - hpc.slurm.expand_hostlist:
            hostlist_path: payload.nodes
            state_path: payload.state
            cluster: lab
            granularity: {granularity}
  rules:
    - name: Nodes went down
      condition: event.type == "node_state" and event.state == "down"
      action: &show
        debug:
          msg: "seen {{{{ event | tojson }}}}"
    - name: Nobody understands it
      condition: event.hostlist_error is defined
      action: *show
"""


class Hook:
    """ansible-rulebook with a webhook, our filter, and rules that print the events that they see."""

    def __init__(self, directory: Path, granularity: str) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}/slurm"
        (directory / "rulebook.yml").write_text(RULEBOOK.format(port=port, granularity=granularity), encoding="utf-8")
        (directory / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"node1": None}}}), encoding="utf-8")
        self.log = directory / "log"
        command = ["ansible-rulebook", "--rulebook", "rulebook.yml", "--inventory", "inventory.yml"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=subprocess.STDOUT)

    def post(self, body: Any) -> int:
        """Post JSON as an administrator would try it out, and return the status of the answer."""
        command = ["curl", "--silent", "--show-error", "--retry", str(LIMIT), "--retry-delay", "1", "--max-time", "10"]
        command += ["--retry-connrefused", "--retry-max-time", str(LIMIT), "--json", json.dumps(body)]
        command += ["--output", "/dev/null", "--write-out", "%{http_code}", self.url]
        return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def seen(self) -> list[dict[str, Any]]:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [json.loads(line) for line in re.findall(r"^seen (\{.*\})$", text, re.MULTILINE)]

    def wait(self, what: str, came: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        until = time.monotonic() + LIMIT
        while not came(seen := self.seen()):
            assert self.process.poll() is None, f"ansible-rulebook ended before {what}: {self.log.read_text()[-3000:]}"
            assert time.monotonic() < until, f"waited {LIMIT} s in vain for {what}: {self.log.read_text()[-3000:]}"
            time.sleep(0.1)
        return seen

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        finally:
            self.process.kill()


@pytest.fixture
def hook(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hook]:
    started: Optional[Hook] = None
    try:
        started = Hook(tmp_path, request.param)
        yield started
    finally:
        if started is not None:
            started.stop()


@pytest.mark.parametrize("hook", ["node"], indirect=True)
def test_the_rules_see_an_event_a_node_and_what_is_no_hostlist_harms_nobody(hook: Hook) -> None:
    assert hook.post({"nodes": "node[1-", "state": "down"}) == 200
    assert hook.post({"nodes": "node[1-3],gpu07", "state": "down"}) == 200
    refused, *events = hook.wait("five events", lambda seen: len(seen) == 5)
    assert refused["hostlist_error"].startswith("payload.nodes is not a hostlist: 'node[1-'")
    assert refused["payload"] == {"nodes": "node[1-", "state": "down"}
    assert f"not expanded: {refused['hostlist_error']}" in hook.log.read_text()
    assert [event["node"] for event in events] == ["gpu07", "node1", "node2", "node3"]
    assert len({event["meta"]["uuid"] for event in events}) == 4
    for event in events:
        meta = event["meta"]
        assert (event["type"], event["state"], event["cluster"]) == ("node_state", "down", "lab")
        assert (meta["hosts"], meta["endpoint"]) == ([event["node"]], "slurm")
        assert meta["source"] == {"name": "hook", "type": "eda.builtin.webhook"}


@pytest.mark.parametrize("hook", ["batch"], indirect=True)
def test_the_rules_see_one_event_of_ten_thousand_nodes(hook: Hook) -> None:
    assert hook.post({"nodes": "big[00001-10000]", "state": "DOWN"}) == 200
    (event,) = hook.wait("the event", lambda seen: len(seen) == 1)
    assert (event["hostlist"], len(event["nodes"])) == ("big[00001-10000]", 10000)
    assert event["meta"]["hosts"] == event["nodes"]
