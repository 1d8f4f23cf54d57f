"""What the machines have before anybody has installed anything: layers of files, kept in the lab's cache."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
LAB = HERE.parent / "lab"
sys.path.insert(0, str(LAB))

import cache
from progress import Progress

BASE = [
    *("ca-certificates", "curl", "dbus", "iproute2", "iputils-ping", "less", "libpam-systemd", "openssh-server"),
    *("procps", "python3", "sudo", "systemd", "systemd-sysv"),
]
SLURM = ["munge", "slurm-client", "slurm-wlm-basic-plugins"]
# With what the roles would install: the machines reach nothing but each other.
PACKAGES = {
    "ctl": [*SLURM, "slurmctld", "python3-venv"],
    "node": [*SLURM, "slurmd"],
    "eda": ["openjdk-21-jre-headless", "openssh-client", "python3-venv"],
    "admin": ["openssh-client", "openssl", "python3-venv"],
}


class Layers(NamedTuple):
    lower: dict[str, str]
    """By the kind of machine: its layers, the uppermost first, joined as overlay takes them."""
    wheels: Path
    """A folder that pip takes for its package index: ansible-core, ansible-rulebook, what they need, and pyslurm."""


def build(progress: Progress) -> Layers:
    """Build what is missing, and return the directories."""
    cache.home().mkdir(parents=True, exist_ok=True)
    suite = cache.suites()[0]
    name = cache.key(suite, *BASE, cache.content("make_root.sh"))
    base = cache.cached("site", name, lambda path, log: make_base(path, log, suite, progress))
    made = {
        kind: cache.layer(f"site-{kind}", base, name, packages, ":", f"packages of {kind}", progress)
        for kind, packages in PACKAGES.items()
    }
    pyslurm = cache.build(progress, cache.Flavour(suite, None, accounting=False)).pyslurm / "wheel"
    root = f"{made['admin']}:{base}"
    wheels = cache.cached(
        "wheels",
        cache.key(name, pyslurm.parent.name, *requirements(), cache.content("../site/make_wheels.sh")),
        lambda path, log: make_wheels(path, log, root, pyslurm, progress),
    )
    return Layers({kind: f"{layer}:{base}" for kind, layer in made.items()}, wheels)


def make_base(path: Path, log: Path, suite: str, progress: Progress) -> None:
    progress.phase(f"root file system: Debian {suite} with systemd and OpenSSH (about a minute)")
    cache.make_debian(path, log, suite, BASE, "ops", progress)
    for secret in (path / "etc/ssh").glob("ssh_host_*"):
        secret.unlink()
    (path / "etc/machine-id").write_text("", encoding="ascii")


def requirements() -> list[str]:
    release = cache.versions()
    chosen = [f"ansible-core=={release['ANSIBLE_CORE']}", f"ansible-rulebook=={release['ANSIBLE_RULEBOOK']}"]
    return [*chosen, cache.content("../../requirements.txt")]


def make_wheels(path: Path, log: Path, root: str, pyslurm: Path, progress: Progress) -> None:
    progress.phase("wheels of ansible-core, ansible-rulebook and what they need")
    shutil.copytree(pyslurm, path)
    (path / "requirements.txt").write_text("\n".join(requirements()), encoding="utf-8")
    cache.in_root(root, path, "/srv", ["../site/make_wheels.sh"], log)
