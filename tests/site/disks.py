"""The disks of the machines: what each has of its own when it boots for the first time."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
KINDS = {"ctl": "ctl", "node1": "node", "node2": "node", "eda": "eda", "admin": "admin"}
MACHINES = list(KINDS)
ADDRESSES = {
    "ctl": "198.51.100.11",
    "node1": "198.51.100.21",
    "node2": "198.51.100.22",
    "eda": "198.51.100.31",
    "admin": "198.51.100.41",
}
# They need what a container lacks.
MASKED = ["console-getty.service", "getty.target", "systemd-timesyncd.service", "systemd-udevd.service"]
NETWORKD = "/usr/lib/systemd/system/systemd-networkd.service"
PIP = "[global]\nno-index = true\nfind-links = /srv/wheels\ndisable-pip-version-check = true\n"


class Account(NamedTuple):
    user: int
    group: int


class Disk:
    """The folder that a machine writes to, above its layers."""

    def __init__(self, directory: Path, layers: str) -> None:
        self.upper, self.layers = directory / "upper", [Path(layer) for layer in layers.split(":")]
        self.upper.mkdir(parents=True)
        (directory / "layers").write_text(layers, encoding="utf-8")

    def account(self, name: str) -> Account:
        """Return the ids of a user, from the uppermost layer that has a passwd."""
        passwd = next(path for path in (layer / "etc/passwd" for layer in self.layers) if path.exists())
        for line in passwd.read_text(encoding="utf-8").splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return Account(int(fields[2]), int(fields[3]))
        raise LookupError(f"no user {name} in {passwd}")

    def folder(self, path: str, owner: str = "root", mode: int = 0o755) -> None:
        """Make a folder. One that a layer has too keeps neither its owner nor its mode."""
        made = self.upper / path
        made.mkdir(parents=True, exist_ok=True)
        os.chown(made, *self.account(owner))
        made.chmod(mode)

    def write(self, path: str, content: str | bytes, owner: str = "root", mode: int = 0o644) -> None:
        file = self.upper / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        os.chown(file, *self.account(owner))
        file.chmod(mode)

    def link(self, path: str, target: str) -> None:
        file = self.upper / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)


def make(directory: Path, lower: dict[str, str]) -> None:
    """Make the disks of all machines."""
    munge_key = secrets.token_bytes(1024)
    made = {name: Disk(directory / name, lower[kind]) for name, kind in KINDS.items()}
    keys = directory / "keys"
    keys.mkdir()
    host_keys = {name: make_key(keys / f"host-{name}") for name in MACHINES}
    make_key(keys / "ops")
    for name, disk in made.items():
        add_system(disk, name)
        add_ssh(disk, keys, name)
        if KINDS[name] in ("ctl", "node"):
            add_slurm(disk, name, munge_key)
    add_admin(made["admin"], keys, host_keys)


def make_key(path: Path) -> str:
    """Make an SSH key, and return its public part."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text(encoding="ascii").strip()


def add_system(disk: Disk, name: str) -> None:
    hosts = "".join(f"{address} {other}.example.org {other}\n" for other, address in ADDRESSES.items())
    disk.write("etc/hostname", f"{name}\n")
    disk.write("etc/hosts", f"127.0.0.1 localhost\n{hosts}")
    network = f"[Match]\nName=eth0\n[Network]\nAddress={ADDRESSES[name]}/24\nIPv6AcceptRA=no\n"
    disk.write("etc/systemd/network/eth0.network", network)
    disk.link("etc/systemd/system/multi-user.target.wants/systemd-networkd.service", NETWORKD)
    for unit in MASKED:
        disk.link(f"etc/systemd/system/{unit}", "/dev/null")
    disk.write("etc/pip.conf", PIP)


def add_ssh(disk: Disk, keys: Path, name: str) -> None:
    key = keys / f"host-{name}"
    disk.write("etc/ssh/ssh_host_ed25519_key", key.read_bytes(), mode=0o600)
    disk.write("etc/ssh/ssh_host_ed25519_key.pub", key.with_suffix(".pub").read_bytes())
    disk.write("etc/ssh/sshd_config.d/site.conf", "PermitRootLogin no\nPasswordAuthentication no\n")
    disk.write("etc/sudoers.d/ops", "ops ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    disk.folder("home/ops", "ops", 0o700)
    disk.folder("home/ops/.ssh", "ops", 0o700)
    disk.write("home/ops/.ssh/authorized_keys", (keys / "ops.pub").read_bytes(), "ops", 0o600)


def add_slurm(disk: Disk, name: str, munge_key: bytes) -> None:
    disk.folder("etc/munge", "munge", 0o700)
    disk.write("etc/munge/munge.key", munge_key, "munge", 0o400)
    disk.write("etc/slurm/slurm.conf", (HERE / "slurm.conf").read_bytes())
    disk.folder("var/log/slurm", "slurm")
    if name == "ctl":
        disk.folder("var/lib/slurm", "slurm")
        disk.folder("var/lib/slurm/slurmctld", "slurm")
    else:
        disk.write("etc/slurm/cgroup.conf", "CgroupPlugin=disabled\n")


def add_admin(disk: Disk, keys: Path, host_keys: dict[str, str]) -> None:
    """Where ops works: an SSH key, the keys of the hosts, a checkout of this collection and an inventory."""
    known = [f"{name}.example.org,{name},{ADDRESSES[name]} {key}" for name, key in host_keys.items()]
    disk.write("home/ops/.ssh/known_hosts", "\n".join([*known, ""]), "ops", 0o600)
    disk.write("home/ops/.ssh/id_ed25519", (keys / "ops").read_bytes(), "ops", 0o600)
    checkout = disk.upper / "home/ops/hpc.slurm"
    checkout.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = checkout / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (CHECKOUT / name).exists():
            shutil.copy2(CHECKOUT / name, target)
    user, group = disk.account("ops")
    subprocess.run(["chown", "--recursive", f"{user}:{group}", str(checkout)], check=True)
