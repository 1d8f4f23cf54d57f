"""Five machines, each with systemd as its process 1, OpenSSH and an address of its own: a site on this machine.

    site up                              build what is missing, supply all machines with power, wait until they respond
    site exec [--user NAME] MACHINE -- COMMAND...
                                         run a command on a machine, as root by default
    site on|off|reboot MACHINE           supply a machine with power; shut it down; restart it
    site kill MACHINE                    the power of a machine fails
    site status                          which machines are on (exit status 3 if the site is not up)
    site down                            end every process of the site, and remove its disks
    site destroy                         down, and remove the caches, which are the lab's as well

The machines are ctl (slurmctld), node1 and node2 (slurmd), eda (for the rulebook) and admin, the only one with Ansible,
where the user ops has a checkout of this collection, an SSH key and the keys of all hosts. ops exists on each machine
and may use sudo; nobody logs in as root. They reach each other and nothing else; pip finds what it needs in
/srv/wheels.

A machine is a process tree in namespaces of its own, of the kinds that a container has and of time: its clocks begin
when it boots, so that Slurm and Ansible see a reboot. Its root is an overlay: layers that are kept in the lab's cache
(layers.py), and its disk, which keeps what it writes until `site down`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

import cache
import disks
import layers
from progress import LabError, Progress

CHECKOUT = HERE.parents[1]
IDENTITY = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
NETWORK = f"site-{IDENTITY}"
RUN = Path("/run/hpc-slurm-site") / IDENTITY
LOGS = CHECKOUT / "tests" / "output" / "site"
# Not in memory, and not below an overlay.
DISKS = cache.home() / f"disks-{IDENTITY}"
BOOT_LIMIT = 120.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


# The power of a machine.


def init_of(name: str) -> int:
    """Return the id of a machine's process 1 as this machine sees it, or 0 if the machine is off."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((RUN / f"{name}.pid").read_text(encoding="ascii"))
        os.kill(pid, 0)
        return pid
    return 0


def is_supplied(name: str) -> bool:
    """Return whether the supervisor of a machine runs: it does while the machine reboots, too."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((RUN / f"{name}.supervisor").read_text(encoding="ascii")), 0)
        return True
    return False


def on(name: str) -> None:
    if is_supplied(name):
        raise LabError(f"{name} is on")
    LOGS.mkdir(parents=True, exist_ok=True)
    (RUN / f"{name}.supervisor").unlink(missing_ok=True)
    command = ["bash", str(HERE / "machine.sh"), name, str(RUN), NETWORK, cgroups(), str(DISKS / name)]
    command += [(DISKS / name / "layers").read_text(encoding="utf-8"), str(RUN / "wheels")]
    with open(LOGS / f"{name}.console", "ab") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={"PATH": PATH}
        )
    wait_for(f"{name} to boot", BOOT_LIMIT, lambda: responds(name))


def responds(name: str) -> bool:
    """Return whether a machine has booted: systemd has started what belongs to its target, and sshd listens."""
    if not is_supplied(name) and (RUN / f"{name}.pid").exists():
        raise LabError(f"{name} does not boot: see {LOGS / name}.console")
    if not init_of(name):
        return False
    script = "systemctl is-active --quiet multi-user.target ssh.service"
    done = subprocess.run(inside(name, ["sh", "-c", script]), capture_output=True, check=False)
    return done.returncode == 0


def off(name: str) -> None:
    """Shut a machine down as `systemctl poweroff` does."""
    pid = init_of(name)
    if pid:
        os.kill(pid, signal.SIGRTMIN + 4)
    wait_for(f"{name} to shut down", BOOT_LIMIT, lambda: not is_supplied(name))


def reboot(name: str) -> None:
    pid = init_of(name)
    os.kill(pid, signal.SIGRTMIN + 5)
    wait_for(f"{name} to boot again", BOOT_LIMIT, lambda: init_of(name) not in (0, pid) and responds(name))


def kill(name: str) -> None:
    """End all processes of a machine at once."""
    pid = init_of(name)
    if pid:
        os.kill(pid, signal.SIGKILL)
    wait_for(f"{name} to end", 20, lambda: not is_supplied(name))


def wait_for(what: str, limit: float, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {limit:.0f} s for {what}; see {LOGS}")
        time.sleep(0.2)


def inside(name: str, command: list[str], user: str = "root") -> list[str]:
    """Return the command line that runs a command on a machine."""
    pid = init_of(name)
    if not pid:
        raise LabError(f"{name} is off: {'site on ' + name if RUN.exists() else 'site up'}")
    enter = ["nsenter", "--target", str(pid), "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--time"]
    enter += ["--root", "--wdns=/", "env", "--ignore-environment", f"PATH={PATH}", "LANG=C.UTF-8", "TERM=dumb"]
    if user == "root":
        return [*enter, "HOME=/root", *command]
    return [*enter, "runuser", "--login", user, "--command", 'exec "$@"', "--", "-", *command]


# The site.


def up() -> None:
    progress = Progress()
    if all(is_supplied(name) for name in disks.MACHINES):
        print("site: running")
        return
    check_kernel()
    built = layers.build(progress)
    down()
    RUN.mkdir(parents=True)
    progress.phase("disks, collection, network")
    # Where the supervisors find it.
    (RUN / "wheels").symlink_to(built.wheels)
    disks.make(DISKS, built.lower)
    make_network()
    for name in disks.MACHINES:
        progress.phase(f"{name}: boot")
        on(name)
    progress.done("site: up")


def check_kernel() -> None:
    """Raise LabError if this kernel, or what surrounds this process, cannot run such machines."""
    command = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--time", "--fork"]
    links = "ip link add left type veth peer name right; ip link add over type bridge"
    script = f"{links}; mount -t cgroup2 none /sys/fs/cgroup"
    done = subprocess.run([*command, "sh", "-euc", script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(
            "this kernel cannot run machines of their own: namespaces of mount, pid, net, ipc, uts, cgroup and time, "
            f"veth, bridge and cgroup2 are needed. It says: {done.stderr.strip()}"
        )
    cgroups()


def cgroups() -> str:
    """Return where cgroup v2 is mounted."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _device, mount, kind, *_rest = line.split()
        if kind == "cgroup2":
            return mount
    raise LabError("cgroup v2 is not mounted on this machine: mount -t cgroup2 none /sys/fs/cgroup")


def make_network() -> None:
    for command in (["netns", "add", NETWORK], ["-n", NETWORK, "link", "add", "bridge", "type", "bridge"]):
        subprocess.run(["ip", *command], check=True)
    for device in ("lo", "bridge"):
        subprocess.run(["ip", "-n", NETWORK, "link", "set", device, "up"], check=True)


def down() -> bool:
    """End the site, and return whether there was one."""
    if not RUN.exists() and not DISKS.exists():
        return False
    for name in disks.MACHINES:
        kill(name)
    if Path("/run/netns", NETWORK).exists():
        subprocess.run(["ip", "netns", "delete", NETWORK], check=True)
    # Their mounts were in namespaces that ended with them.
    shutil.rmtree(RUN, ignore_errors=True)
    shutil.rmtree(DISKS, ignore_errors=True)
    return True


def status() -> int:
    if not RUN.exists():
        print("site: not up")
        return 3
    for name in disks.MACHINES:
        print(f"{name:6} {disks.ADDRESSES[name]:16} {'on' if init_of(name) else 'off'}")
    return 0


def execute(name: str, user: str, command: list[str]) -> NoReturn:
    if not command:
        raise LabError("exec needs a command: site exec [--user NAME] MACHINE -- COMMAND...")
    arguments = inside(name, command, user)
    os.execvp(arguments[0], arguments)  # noqa: S606


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="site", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in ("up", "status", "down", "destroy"):
        commands.add_parser(name)
    for name in ("on", "off", "reboot", "kill"):
        commands.add_parser(name).add_argument("machine", choices=disks.MACHINES)
    run_command = commands.add_parser("exec")
    run_command.add_argument("--user", default="root", help="root (default), ops, or another user")
    run_command.add_argument("machine", choices=disks.MACHINES)
    run_command.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND...")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        if os.geteuid() != 0:
            raise LabError("the site makes namespaces and mounts, so it needs root: run it as root or with sudo")
        if options.command == "exec":
            execute(options.machine, options.user, options.argv[1:] if options.argv[:1] == ["--"] else options.argv)
        if options.command == "status":
            return status()
        if options.command == "up":
            up()
        elif options.command in ("down", "destroy"):
            print("site: down" if down() else "site: was not up")
            if options.command == "destroy":
                cache.remove()
        else:
            {"on": on, "off": off, "reboot": reboot, "kill": kill}[options.command](options.machine)
    except LabError as error:
        print(f"site: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
