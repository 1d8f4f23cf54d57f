"""What needs no pyslurm, on Slurm 24.11: the package index has no pyslurm for it. Runs inside a lab of Debian trixie.

With a pyslurm (lab up --suite trixie --pyslurm PATH), the other suites can be run there.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from story import CURL_CONFIG, TOKEN, Rulebook, run_command, wait_until

pytestmark = pytest.mark.trixie

AS_SLURM = ("setpriv", "--reuid=slurm", "--regid=slurm", "--init-groups")
COLLECTIONS = "/usr/share/ansible/collections"
# The adapter, with Slurm's library in the place of pyslurm for the texts of errors.
ADAPTER = """
import ctypes, json
from types import SimpleNamespace
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.slurm import Slurm
from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError

library = ctypes.CDLL("/usr/lib/x86_64-linux-gnu/slurm-wlm/libslurmfull.so")
library.slurm_strerror.restype = ctypes.c_char_p
error = SimpleNamespace(slurm_strerror=lambda number: library.slurm_strerror(number).decode())

class Commands(Slurm):
    def _pyslurm(self):
        return SimpleNamespace(error=error, ESLURM_INVALID_NODE_NAME=2018)

slurm = Commands()
"""


@pytest.mark.parametrize("module", ["slurm_node_info", "slurm_trigger_info", "slurm_config_info"])
def test_a_module_says_what_is_missing(module: str) -> None:
    said = run_command("ansible", "controller", "-m", f"hpc.slurm.{module}", status=2)
    assert "pyslurm cannot be imported" in said and "install pyslurm of this host's Slurm release" in said


def test_the_role_says_what_would_do(tmp_path: Path) -> None:
    given = {"hpc_slurm_pyslurm_home": str(tmp_path / "home"), "hpc_slurm_pyslurm_version": "25.11.2"}
    said = run_command("ansible-playbook", "hpc.slurm.pyslurm", "--extra-vars", json.dumps(given), status=2)
    assert "no pyslurm fits Slurm 24.11.5. Found: 25.11.2. Needed: pyslurm 24.11. Set hpc_slurm_pyslurm_source" in said


def test_triggers_are_set_read_and_cleared() -> None:
    script = f"""{ADAPTER}
for kind in ("down", "drained", "resume"):
    slurm.set_trigger(selectors=["--node", f"--{{kind}}"], offset=0, permanent=True, program="/usr/bin/true --test")
slurm.set_trigger(selectors=["--node=node1", "--up"], offset=60, permanent=False, program="/usr/bin/true --test")
print(json.dumps(slurm.triggers()))
for trigger in slurm.triggers():
    slurm.clear_trigger(trigger["id"])
    slurm.clear_trigger(trigger["id"])
try:
    slurm.set_trigger(selectors=["--node=nowhere", "--up"], offset=0, permanent=True, program="/usr/bin/true")
except SlurmError as error:
    print(json.dumps([slurm.triggers(), error.name]))
"""
    there, rest = run_command(*AS_SLURM, "env", f"PYTHONPATH={COLLECTIONS}", "python3", "-c", script).splitlines()
    keys = ("resource", "resource_id", "event", "offset", "permanent", "program")
    program = "/usr/bin/true --test"
    assert [tuple(it[key] for key in keys) for it in json.loads(there)] == [
        *(("node", "*", kind, 0, True, program) for kind in ("down", "drained", "resume")),
        ("node", "node1", "up", 60, False, program),
    ]
    assert json.loads(rest) == [[], "ESLURM_INVALID_NODE_NAME"]


def test_the_inventory_plugin_reads_scontrol(tmp_path: Path) -> None:
    source = tmp_path / "slurm.yml"
    source.write_text("plugin: hpc.slurm.slurm\ncommand: [scontrol, show, nodes, --json]\n", encoding="ascii")
    command = ["ansible-inventory", "-i", str(source), "--list"]
    made = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    names, variables = {f"node{number}" for number in range(1, 9)}, made["_meta"]["hostvars"]
    assert set(made["partition_main"]["hosts"]) == names <= set(variables)
    assert variables["node8"]["slurm_configured_gres"] == {"gpu:tesla": 4, "bandwidth:lustre:no_consume": 4 << 30}
    assert "big00001" in made["state_down"]["hosts"]


def test_a_trigger_reaches_the_rules(tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents[:3]):
        path.chmod(0o755)
    rulebook = Rulebook(tmp_path, sync_interval=0)
    try:
        wait_until("the listener", 60, lambda: rulebook.decisions("listener started") or not rulebook.running())
        given = yaml.safe_load((tmp_path / "vars.yml").read_text(encoding="utf-8"))
        lines = ["silent", "fail", f'cacert = "{given["hpc_slurm_ca_file"]}"']
        CURL_CONFIG.parent.mkdir(exist_ok=True)
        CURL_CONFIG.write_text("\n".join([*lines, f'header = "Authorization: Bearer {TOKEN}"', ""]), encoding="ascii")
        identity = (tmp_path / "state/id").read_text(encoding="ascii").strip()
        address = f"https://127.0.0.1:{rulebook.port}/{identity}/node/down"
        program = f"/usr/bin/curl --config {CURL_CONFIG} {address} --data-raw"
        run_command(*AS_SLURM, "strigger", "--set", "--node", "--down", "--flags=perm", f"--program={program}")
        run_command(*AS_SLURM, "scontrol", "update", "nodename=node2", "state=down", "reason=a test")
        wait_until("the notification", 60, lambda: rulebook.decisions("notification stored", hostlist="node2"))
        wait_until("the event", 60, lambda: rulebook.decisions("event delivered", type="node_state"))
    finally:
        rulebook.stop()
        run_command("scontrol", "update", "nodename=node2", "state=resume")
