"""A real AWX for the tests, from its sources, on the network of the lab.

    awx.py check PATH    say what is missing in PATH
    awx.py start PATH    build what is missing, start AWX beside the running lab, wait until it responds
    awx.py stop          end every process of it; the logs are kept

PATH has two folders, awx (AWX 24.6.1) and django-ansible-base (2024.7.1), each as its repository has it. Nothing of
them is part of this collection.

AWX runs on this machine's Python 3.11, in a mount namespace of its own, with the processes and the network of the lab:
it ends with the lab. Its folder /run/awx is in the lab, too. Two programs are stand-ins (stand_ins): receptorctl starts
ansible-runner itself, and podman runs a command in the lab, for any image.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

import cache  # noqa: E402 - of the lab
import lab  # noqa: E402
from progress import LabError, Progress, run  # noqa: E402

LOGS = lab.LOGS / "awx"
RECORD = lab.STATE / "awx"
# What a lab has beside it: /run/awx is on both sides the same folder.
SHARED = "/run/awx"
NEEDED = {"awx": "awx/requirements/requirements.txt", "django-ansible-base": "django-ansible-base/pyproject.toml"}
# Debian's packages, by a file that each has.
PACKAGES = {
    "postgresql": "/usr/share/postgresql-common/pg_wrapper",
    "redis-server": "/usr/bin/redis-server",
    "libldap2-dev": "/usr/include/ldap.h",
    "libsasl2-dev": "/usr/include/sasl/sasl.h",
    "libxmlsec1-dev": "/usr/include/xmlsec1/xmlsec/xmlsec.h",
    "libxmlsec1-openssl": "/usr/share/doc/libxmlsec1-openssl",
    "pkg-config": "/usr/bin/pkg-config",
}
START_LIMIT = 180.0


def expect_sources(path: str) -> Path:
    """Return the folder with the sources.

    :raises LabError: with what is missing.
    """
    what = (
        "the folders awx (AWX 24.6.1) and django-ansible-base (2024.7.1), each a checkout of the project's repository"
    )
    if not path:
        raise LabError(f"AWX is not set: run `make test-awx AWX=PATH`, where PATH has {what}")
    missing = [name for name, file in NEEDED.items() if not (Path(path) / file).is_file()]
    if missing:
        raise LabError(f"{path} has no {' and no '.join(NEEDED[name] for name in missing)}: it must have {what}")
    if not shutil.which("python3.11"):
        raise LabError("there is no python3.11, which AWX 24 needs: install it")
    return Path(path).resolve()


def install_packages(log: Path) -> None:
    """Install the packages of Debian that are missing."""
    missing = [name for name, file in PACKAGES.items() if not Path(file).exists()]
    if missing:
        run(["apt-get", "update"], log, "apt-get update")
        run(["apt-get", "install", "--yes", "--no-install-recommends", *missing], log, f"apt-get install {missing}")


def build(sources: Path, progress: Progress) -> Path:
    """Return the cache entry with AWX's code, its Python environment and its database."""
    parts = [(HERE / name).read_text() for name in ("make.sh", "requirements.txt")]
    parts += [(sources / file).read_text() for file in NEEDED.values()]
    return cache.cached("awx", cache.key(*parts), lambda path, log: make(path, log, sources, progress))


def make(path: Path, log: Path, sources: Path, progress: Progress) -> None:
    progress.phase("AWX: its Python environment, and its database, which takes some minutes to migrate")
    install_packages(log)
    path.mkdir()
    command = [*cache.BUILD_NAMESPACES, "bash", str(HERE / "make.sh"), str(path), str(sources)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    run(command, log, "make.sh", env={**kept, **cache.network_environment()})


def start(sources: Path) -> None:
    """Start AWX beside the lab, and wait until it responds."""
    pid = lab.running()
    if pid is None:
        raise LabError("the lab is not running: start it with `tests/lab/lab up`")
    stop()
    progress = Progress()
    (cache.home()).mkdir(parents=True, exist_ok=True)
    made = build(sources, progress)
    progress.phase("AWX: PostgreSQL, redis, the web service, the dispatcher, the callback receiver")
    shutil.rmtree(LOGS, ignore_errors=True)
    (LOGS / "shared").mkdir(parents=True)
    # One that ended has left its folder there.
    share = f"mkdir -p {SHARED}; umount --lazy {SHARED} 2>/dev/null; mount --bind /var/log/lab/awx/shared {SHARED}"
    subprocess.run(lab.inside(["sh", "-c", share], "root"), check=True)
    serve(pid, made)
    lab.wait_for("AWX to respond", START_LIMIT, responds)
    progress.done("AWX: up")


def serve(pid: int, made: Path) -> None:
    """Start serve.sh and record its process."""
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", f"--pid=/proc/{pid}/ns/pid"]
    command += ["unshare", "--mount", "--propagation", "private", "bash", str(HERE / "serve.sh"), str(made), str(LOGS)]
    with open(LOGS / "serve.log", "wb") as log:
        outer = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )
    # nsenter waits for the process that it starts in the other namespace.
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    lab.wait_for("AWX's first process", 10, lambda: children.read_text().split())
    first = int(children.read_text().split()[0])
    RECORD.write_text(json.dumps({"pid": first, "started_at": lab.started_at(first)}), encoding="utf-8")


def responds() -> bool:
    """Return whether AWX runs jobs: it has capacity, which the dispatcher measures."""
    if running() is None:
        raise LabError(f"AWX ended while starting: see {LOGS}")
    probe = ["curl", "--silent", "--fail", "http://127.0.0.1:8052/api/v2/ping/"]
    done = subprocess.run(lab.inside(probe, "root"), capture_output=True, text=True, check=False)
    return done.returncode == 0 and any(it["capacity"] > 0 for it in json.loads(done.stdout)["instances"])


def running() -> int | None:
    """Return the process of serve.sh, or None."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return int(record["pid"]) if lab.started_at(record["pid"]) == record["started_at"] else None


def stop() -> None:
    """End every process that has the mount namespace of AWX."""
    pid = running()
    if pid is None:
        return
    namespace = os.readlink(f"/proc/{pid}/ns/mnt")
    lab.wait_for("AWX to end", 20, lambda: not kill_all(namespace))
    RECORD.unlink()


def kill_all(namespace: str) -> int:
    """Kill the processes in a mount namespace, and return how many there were."""
    killed = 0
    for link in Path("/proc").glob("[0-9]*/ns/mnt"):
        # It may end in between.
        with contextlib.suppress(OSError):
            if os.readlink(link) == namespace:
                os.kill(int(link.parts[2]), signal.SIGKILL)
                killed += 1
    return killed


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["check", path]:
                expect_sources(path)
            case ["start", path]:
                start(expect_sources(path))
            case ["stop"]:
                stop()
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except LabError as error:
        print(f"awx: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
