# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that the role listener runs: what they say of certificates, host keys and a listener's sync."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.feed.events import EventBuilder
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.receive.snapshot_body import parse_snapshot
from ansible_collections.hpc.slurm.tests.unit.listener import ME, served, snapshot_body

FILES = Path(__file__).resolve().parents[3] / "roles/listener/files"
ADDRESS = "https://198.51.100.31:32000"


def run(name: str, *arguments: str, stdin: str = "", **environment: str) -> tuple[int, str]:
    """Return the status and the output of a program."""
    done = subprocess.run(
        [sys.executable, FILES / name, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.strip()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


def check(folder: Path, certificate: bytes, address: str = ADDRESS, **more: str) -> tuple[int, str]:
    (folder / "listener.pem").write_bytes(certificate)
    files = {"hpc_slurm_certfile": str(folder / "listener.pem"), **more}
    return run("check_certificates.py", json.dumps(files), address)


def pem(authority: trustme.CA, *names: str, key: bool = True) -> bytes:
    issued = authority.issue_cert(*names)
    blobs = [*([issued.private_key_pem] if key else []), *issued.cert_chain_pems]
    return b"".join(blob.bytes() for blob in blobs)


@pytest.mark.parametrize(
    ("names", "address"),
    [
        (["198.51.100.31"], ADDRESS),
        (["eda.example.org"], "https://eda.example.org:32000"),
        (["*.example.org", "198.51.100.31"], "https://eda.example.org"),
    ],
)
def test_a_certificate_that_fits(tmp_path: Path, authority: trustme.CA, names: list[str], address: str) -> None:
    found = check(tmp_path, pem(authority, *names), address, hpc_slurm_ca_file=str(tmp_path / "ca.pem"))
    assert found == (0, "")


def test_a_certificate_for_another_name(tmp_path: Path, authority: trustme.CA) -> None:
    status, said = check(tmp_path, pem(authority, "eda"), hpc_slurm_ca_file=str(tmp_path / "ca.pem"))
    assert status == 1 and "is not valid for 198.51.100.31" in said and "It is valid for: DNS eda." in said
    assert "Set hpc_slurm_url" in said


def test_a_certificate_of_another_authority(tmp_path: Path, authority: trustme.CA) -> None:
    other = pem(trustme.CA(), "198.51.100.31")
    status, said = check(tmp_path, other, hpc_slurm_ca_file=str(tmp_path / "ca.pem"))
    assert status == 1 and "ca.pem, must have the certificate authority that issued it" in said
    status, said = check(tmp_path, other)
    assert status == 1 and "Set hpc_slurm_ca_file to the certificate authority that issued it" in said


@pytest.mark.parametrize("content", [b"", b"no certificate"])
def test_a_file_that_is_no_certificate(tmp_path: Path, content: bytes) -> None:
    status, said = check(tmp_path, content)
    assert status == 1 and "is not a certificate in PEM with its private key in the same file" in said


def test_a_certificate_without_its_key(tmp_path: Path, authority: trustme.CA) -> None:
    status, said = check(tmp_path, pem(authority, "198.51.100.31", key=False))
    assert status == 1 and "hpc_slurm_keyfile is not set" in said


def test_the_keys_of_hosts(tmp_path: Path) -> None:
    """Also those whose names are hashed, and with other ports."""
    (tmp_path / ".ssh").mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    key = " ".join((tmp_path / "key.pub").read_text(encoding="ascii").split()[:2])
    known = tmp_path / ".ssh/known_hosts"
    known.write_text(f"ctl,192.0.2.1 {key}\n[node1]:2222 {key}\n", encoding="ascii")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    asked = {"node1": "[node1]:2222", "ctl": "192.0.2.1", "node2": "node2", "node3": "node1"}
    status, said = run("host_keys.py", stdin=json.dumps(asked), HOME=str(tmp_path))
    found = json.loads(said)
    assert status == 0 and found["missing"] == ["node2", "node3"]
    assert len(found["lines"]) == 2 and all(key in line and line.startswith("|1|") for line in found["lines"])
    known.write_text(f"@cert-authority *.example.org {key}\n", encoding="ascii")
    status, said = run("host_keys.py", stdin=json.dumps(asked), HOME=str(tmp_path))
    assert json.loads(said) == {"lines": [f"@cert-authority *.example.org {key}"], "missing": []}


@pytest.fixture
def systemctl(tmp_path: Path) -> str:
    """A PATH with commands of systemd that tell of a unit which was never restarted."""
    for name in ("systemctl", "journalctl"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
        (tmp_path / name).chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def wait_for_sync(address: str, path: str, seconds: str = "20") -> tuple[int, str]:
    files = json.dumps({"cafile": None, "certfile": None})
    return run("await_sync.py", address, seconds, "a.service", files, stdin="the-token", PATH=path)


@pytest.mark.parametrize("failure", ["", "ctl1: sudo: a password is required"])
def test_a_sync_that_is_requested(tmp_path: Path, systemctl: str, failure: str) -> None:
    (tmp_path / "listener").mkdir()
    with served(tmp_path / "listener") as listener:

        def sync() -> None:
            if failure:
                listener.core.resolver.add_sync_failure(failure)
            else:
                taken = parse_snapshot(snapshot_body(age=0), time.time())
                listener.core.resolver.apply_snapshot(taken, EventBuilder("node", ME).count)

        listener.on_sync = sync
        status, said = wait_for_sync(f"http://127.0.0.1:{listener.port}", systemctl)
    if failure:
        assert (status, said) == (1, f"The listener runs, but its sync failed: {failure}")
    else:
        assert status == 0 and said.endswith(": a sync has succeeded")


def test_a_listener_that_does_not_answer(systemctl: str) -> None:
    status, said = wait_for_sync("http://127.0.0.1:9", systemctl, "0.2")
    assert status == 1 and said.startswith("Nothing answers at http://127.0.0.1:9: ") and "refused" in said
    assert "journalctl --unit a.service" in said
