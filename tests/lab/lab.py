"""A real Slurm cluster on this machine, for the demo, the tests and the benchmarks.

    lab up [--accounting]                build what is missing, start the cluster, wait until it responds;
                                         with accounting storage (slurmdbd on MariaDB), or without
       [--suite trixie] [--pyslurm PATH] with Slurm of another Debian release, and pyslurm of a wheel, a source archive
                                         or a folder; trixie without PATH has none
    lab exec [--user NAME] [--host-network] -- COMMAND...   run a command inside
    lab status                           show the cluster (exit status 3 if it is not running)
    lab down                             end every process of the lab; the logs are kept
    lab destroy                          down, and remove the caches and the logs

HPC_SLURM_LAB_NAME in the environment is the lab's name, "lab" by default, for a second one beside the first. The logs
are in tests/output, in a folder of this name.

The lab is one process tree in mount, process, network, IPC and host name namespaces of its own: `unshare` starts
init.sh there as process 1, and when that ends the kernel ends every other process and removes every mount. Its root is
an overlay of a cached root file system (cache.py) with the changes in memory, so only the logs remain. This checkout is
mounted where Ansible finds the collection hpc.slurm.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, Optional

import cache
from progress import LabError, Progress

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
# Several labs of a checkout can run at the same time, each with a name.
NAME = os.environ.get("HPC_SLURM_LAB_NAME", "lab")
IDENTITY = hashlib.sha256(f"{CHECKOUT} {NAME}".encode()).hexdigest()[:12]
STATE = Path("/run/hpc-slurm-lab") / IDENTITY
LOGS = CHECKOUT / "tests" / "output" / NAME

# The logs of a first start that failed.
FIRST_LOGS = LOGS.with_name(f"{NAME}-first")

INSIDE = "/usr/share/ansible/collections/ansible_collections/hpc/slurm"
READY_LIMIT = 60.0
NODES_WITH_DAEMONS = "node[1-8]"
NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--uts")
ENVIRONMENT = {
    "PATH": "/opt/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_LOCALHOST_WARNING": "false",
    # The checkout is shared with the host: compiled files stay out of it.
    "PYTHONPYCACHEPREFIX": "/var/cache/python",
    # That of two_controllers.sh.
    "ANSIBLE_CONNECTION_PLUGINS": f"{INSIDE}/tests/lab/connection",
    # Tells the contract tests that they may change this cluster.
    "HPC_SLURM_LAB": "1",
}


# Process 1 of the lab, as the host sees it.


def started_at(pid: int) -> Optional[str]:
    """Return the start time of a live process in clock ticks since boot (proc(5), field 22), or None."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state == "Z" else rest[18]


def running() -> Optional[int]:
    """Return the process id of the lab's process 1, or None. Its start time tells it from a reused process id."""
    try:
        record = json.loads((STATE / "process").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    pid = int(record["pid"])
    return pid if started_at(pid) == record["started_at"] else None


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Let one `up`, `down` or `destroy` of this checkout run at a time. The lock is on this file."""
    with open(__file__, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_for(what: str, limit: float, condition: object) -> None:
    """Poll a condition (a callable) until it holds; after `limit` seconds raise LabError."""
    assert callable(condition)
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {limit:.0f} s for {what}; see the logs in {LOGS}")
        time.sleep(0.1)


# Commands.


def up(flavour: cache.Flavour) -> None:
    with locked():
        if running() and started_with() != str(flavour):
            stop()
        if running() and (STATE / "ready").exists():
            print("lab: running")
            return
        progress = Progress()
        if not running():
            start_cluster(progress, flavour)
        try:
            wait_for("slurmctld and all slurmds to respond", READY_LIMIT, cluster_responds)
        except LabError as error:
            stop()
            progress.phase(f"starting again: {error}")
            shutil.rmtree(FIRST_LOGS, ignore_errors=True)
            LOGS.rename(FIRST_LOGS)
            start_cluster(progress, flavour)
            wait_for("slurmctld and all slurmds to respond", READY_LIMIT, cluster_responds)
        (STATE / "ready").touch()
        progress.done("lab: up")


def started_with() -> str:
    """Return the flavour of the running lab, as text."""
    return (STATE / "flavour").read_text(encoding="utf-8") if (STATE / "flavour").exists() else ""


def start_cluster(progress: Progress, flavour: cache.Flavour) -> None:
    parts = cache.build(progress, flavour)
    more = ", MariaDB, slurmdbd" if flavour.accounting else ""
    progress.phase(f"cluster: munge{more}, slurmctld, slurmd of node1 to node8")
    clear()
    start(parts)
    (STATE / "flavour").write_text(str(flavour), encoding="utf-8")


def start(parts: cache.Parts) -> None:
    """Start process 1 and record it. Returns before the daemons respond."""
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    (STATE / "root").mkdir(parents=True)
    command = ["unshare", *NAMESPACES, "--fork", "--kill-child", "--propagation", "private"]
    command += ["bash", str(HERE / "init.sh")]
    arguments = [parts.root, str(parts.pyslurm), str(parts.python), str(parts.scratch)]
    arguments += [str(STATE / "root"), str(CHECKOUT), INSIDE, str(LOGS)]
    with open(LOGS / "init.log", "wb") as log:
        outer = subprocess.Popen(
            command + arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
        )
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    wait_for("the lab's first process", 10, lambda: children.read_text().split() or outer.poll() is not None)
    if outer.poll() is not None:
        raise LabError(f"the lab did not start: {(LOGS / 'init.log').read_text(encoding='utf-8').strip()}")
    pid = int(children.read_text().split()[0])
    record = {"pid": pid, "outer": outer.pid, "started_at": started_at(pid)}
    (STATE / "process").write_text(json.dumps(record), encoding="utf-8")


def cluster_responds() -> bool:
    """Return whether the controller responds and every node with a daemon is idle."""
    if running() is None:
        raise LabError(f"the lab ended while starting: {(LOGS / 'init.log').read_text(encoding='utf-8').strip()}")
    if not (LOGS / "started").exists():
        return False
    command = inside(["sinfo", "--noheader", "--nodes", NODES_WITH_DAEMONS, "--format", "%T"], user="root")
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode == 0 and result.stdout.split() == ["idle"]


def inside(command: list[str], user: str, host_network: bool = False) -> list[str]:
    """Return the command line that runs `command` in the lab as `user`."""
    pid = running()
    if pid is None:
        raise LabError("the lab is not running: start it with `tests/lab/lab up`")
    namespaces = [name for name in NAMESPACES if not (host_network and name == "--net")]
    enter = ["nsenter", "--target", str(pid), *namespaces, "--root", f"--wdns={INSIDE}"]
    environment = {**ENVIRONMENT, "HOME": home_of(user, pid), "USER": user, "TERM": os.environ.get("TERM", "dumb")}
    if host_network:
        environment.update(cache.network_environment())
    pairs = [f"{name}={value}" for name, value in environment.items()]
    become = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return [*enter, "env", "--ignore-environment", *pairs, *become, *command]


def home_of(user: str, pid: int) -> str:
    for line in Path(f"/proc/{pid}/root/etc/passwd").read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if fields[0] == user:
            return fields[5]
    raise LabError(f"no user {user!r} in the lab; there are root, slurm and alice (an ordinary user)")


def execute(command: list[str], user: str, host_network: bool) -> NoReturn:
    if not command:
        raise LabError("exec needs a command: lab exec [--user NAME] -- COMMAND...")
    arguments = inside(command, user, host_network)
    os.execvp(arguments[0], arguments)  # noqa: S606


def stop() -> bool:
    """End the lab's processes, and return whether there were any."""
    pid = running()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)  # process 1 of the namespace: the kernel ends all others with it
        wait_for("the lab's processes to end", 20, lambda: started_at(pid) is None)
    clear()
    return pid is not None


def clear() -> None:
    """Remove the state directory of a lab; its mounts ended with its namespace."""
    shutil.rmtree(STATE, ignore_errors=True)


def down() -> None:
    with locked():
        print("lab: down" if stop() else "lab: was not running")
        shutil.rmtree(STATE, ignore_errors=True)
        with contextlib.suppress(OSError):  # another checkout's lab is running
            STATE.parent.rmdir()


def status() -> int:
    pid = running()
    if pid is None:
        print("lab: not running")
        return 3
    print(f"lab: running, process {pid}, logs in {LOGS}")
    return subprocess.run(inside(["sinfo"], user="root"), check=False).returncode


def destroy() -> None:
    down()
    shutil.rmtree(LOGS, ignore_errors=True)
    cache.remove()
    print("lab: caches removed")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="lab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{up,exec,status,down,destroy}")
    start_options = commands.add_parser("up")
    start_options.add_argument("--accounting", action="store_true", help="with accounting storage: slurmdbd on MariaDB")
    start_options.add_argument("--suite", choices=cache.suites(), default=cache.suites()[0], help="Debian's release")
    start_options.add_argument(
        "--pyslurm", type=Path, metavar="PATH", help="a wheel, a source archive or a folder with the sources"
    )
    for name in ("status", "down", "destroy"):
        commands.add_parser(name)
    run = commands.add_parser("exec")
    run.add_argument("--user", default="root", help="root (default), slurm, or alice, an ordinary user")
    run.add_argument("--host-network", action="store_true", help="use the host's network, for tools that download")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND...")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        if os.geteuid() != 0:
            raise LabError("the lab makes namespaces and mounts, so it needs root: run it as root or with sudo")
        if options.command == "exec":
            argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
            execute(argv, options.user, options.host_network)
        if options.command == "status":
            return status()
        if options.command == "up":
            up(cache.Flavour(options.suite, options.pyslurm, options.accounting))
        else:
            {"down": down, "destroy": destroy}[options.command]()
    except LabError as error:
        print(f"lab: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; the next `lab up` or `lab down` removes what is left", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
