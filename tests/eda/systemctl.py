"""A double of systemctl, for the tests of the role listener: no systemd runs in the lab.

It knows what Ansible's module asks for, and starts the unit's real command as systemd would: its user, its environment,
its working directory. It confines nothing. Each call is logged.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

UNIT = Path("/etc/systemd/system/hpc-slurm-rulebook.service")
STATE = Path("/run/systemd-double")
CALLS = STATE / "calls"
OUTPUT = Path("/var/log/lab/listener-role.log")


def settings(name: str) -> list[str]:
    """Return the values of a setting of the unit."""
    text = UNIT.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name}=(.*)$", text, flags=re.MULTILINE)


def start() -> None:
    """Run the unit's command."""
    [command], [user], [directory] = settings("ExecStart"), settings("User"), settings("WorkingDirectory")
    account = pwd.getpwnam(user)
    environment = dict(shlex.split(line)[0].split("=", 1) for line in settings("Environment"))
    environment |= {"HOME": account.pw_dir, "USER": user, "LOGNAME": user}
    with OUTPUT.open("wb") as output:
        process = subprocess.Popen(
            shlex.split(command),
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            umask=int(settings("UMask")[0], 8),
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (STATE / "pid").write_text(str(process.pid), encoding="ascii")


def running() -> int:
    """Return the process id of the unit's command, or 0."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((STATE / "pid").read_text(encoding="ascii"))
        if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z":
            return pid
    return 0


def stop() -> None:
    """End the unit's command with SIGTERM, and with SIGKILL after a while."""
    pid, deadline = running(), time.monotonic() + 60
    while pid and running():
        os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(1)


def main(words: list[str]) -> int:
    STATE.mkdir(exist_ok=True)
    verb = next(word for word in words if not word.startswith("-"))
    with CALLS.open("a", encoding="ascii") as calls:
        calls.write(f"{verb}\n")
    if verb == "show" and "--value" in words:
        [name] = [word.partition("=")[2] for word in words if word.startswith("--property=")]
        print({"NRestarts": "0"}.get(name, "unknown"))
    elif verb == "show":
        print(f"LoadState={'loaded' if UNIT.exists() else 'not-found'}")
        print(f"ActiveState={'active' if running() else 'inactive'}")
    elif verb == "is-enabled":
        return 0 if (STATE / "enabled").exists() else 1
    elif verb == "enable":
        (STATE / "enabled").touch()
    elif verb in ("start", "restart", "stop"):
        stop()
        if verb != "stop":
            start()
    elif verb != "daemon-reload":
        print(f"the double knows no {verb}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
