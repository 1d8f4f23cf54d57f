# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-rulebook on one of several machines, and stand by on the others.

    python3 standby.py ansible-rulebook --rulebook ... --vars VARS --persistence-id NAME

ansible-rulebook elects no leader: of two with the same NAME, each runs again what the other has just begun. So the
command runs only while this machine holds a lock in the PostgreSQL database that VARS name (drools_db_host, ...), one
lock for each NAME. Where it is held elsewhere, this program waits for it. PostgreSQL frees the lock when the program
or its machine has ended; when it cannot be reached, the command is killed, because another may have begun by then.

Its exit status is the command's. Under systemd, let it restart always: it stands by again.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

# Seconds between two looks: for the lock, at the command, at the session.
PAUSE = 1.0

# A session whose other end has gone must end here before it ends there, where the lock is then free.
HERE = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
HERE["tcp_user_timeout"] = 10_000
THERE = "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=30000"

# The rulebook's variables for the database beside host, port and name, and what PostgreSQL calls them.
OPTIONAL = {
    "drools_db_user": "user",
    "drools_db_password": "password",
    "drools_sslmode": "sslmode",
    "drools_sslrootcert": "sslrootcert",
    "drools_sslcert": "sslcert",
    "drools_sslkey": "sslkey",
    "drools_sslpassword": "sslpassword",
}


def main(command: Sequence[str]) -> int:
    """Wait for the lock, run the command, and return its exit status.

    :raises SystemExit: with what is wrong with the command.
    """
    name, variables = read(command)
    session = wait_for_lock(database(variables), number(name))
    with session:
        return run(command, session)


def read(command: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the persistence id and the variables that a command line of ansible-rulebook gives."""
    import yaml

    parser = argparse.ArgumentParser(prog="standby.py", add_help=False)
    parser.add_argument("-e", "--vars")
    parser.add_argument("-E", "--env-vars", default="")
    parser.add_argument("--persistence-id")
    given, _others = parser.parse_known_args(command[1:])
    if not given.persistence_id:
        sys.exit("standby.py: give it an ansible-rulebook command with --persistence-id")
    variables: dict[str, Any] = {}
    if given.vars:
        variables.update(yaml.safe_load(Path(given.vars).read_text(encoding="utf-8")) or {})
    names = [name.strip() for name in given.env_vars.split(",")]
    variables.update({name: os.environ[name] for name in names if name in os.environ})
    return given.persistence_id, variables


def database(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to connect to the database that the rulebook's variables name."""
    try:
        place = {"host": variables["drools_db_host"], "port": variables["drools_db_port"]}
        place["dbname"] = variables["drools_db_name"]
    except KeyError as missing:
        sys.exit(f"standby.py: the command's --vars lack {missing.args[0]}; it takes PostgreSQL to stand by")
    others = {option: variables[name] for name, option in OPTIONAL.items() if variables.get(name)}
    return {**place, **others, **HERE, "options": THERE, "target_session_attrs": "read-write"}


def number(name: str) -> int:
    """Return the number of the lock for a persistence id: 64 bits, signed."""
    return int.from_bytes(hashlib.sha256(f"hpc.slurm standby {name}".encode()).digest()[:8], "big", signed=True)


def wait_for_lock(parameters: Mapping[str, Any], lock: int) -> psycopg.Connection[Any]:
    """Return the session that holds the lock, when there is one."""
    import psycopg

    said = ""
    while True:
        try:
            session = psycopg.connect(**parameters, autocommit=True)
            while not holds(session, lock):
                said = say("standing by", "another machine has the lock", unless=said)
                time.sleep(PAUSE)
            return session
        except psycopg.OperationalError as error:
            said = say("cannot stand by", str(error), unless=said)
            time.sleep(PAUSE)


def holds(session: psycopg.Connection[Any], lock: int) -> bool:
    """Take the lock if it is free, and tell whether this session has it."""
    row = session.execute("SELECT pg_try_advisory_lock(%s)", [lock]).fetchone()
    return bool(row and row[0])


def run(command: Sequence[str], session: psycopg.Connection[Any]) -> int:
    """Run the command while the session lives, and return an exit status."""
    import psycopg

    process = subprocess.Popen(command, preexec_fn=die_with_parent)  # no threads here
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda received, _frame: process.send_signal(received))
    say("leading", f"process {process.pid}")
    while True:
        try:
            status = process.wait(timeout=PAUSE)
        except subprocess.TimeoutExpired:
            pass
        else:
            say("ended", f"exit status {status}")
            return status if status >= 0 else 128 - status
        try:
            session.execute("SELECT 1")
        except psycopg.OperationalError as error:
            process.kill()
            process.wait()
            say("killed", f"the lock is lost: {error}")
            return 1


def die_with_parent() -> None:
    """Let the kernel end this process when its parent is killed, and could not end it (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)


def say(decision: str, detail: str, unless: str = "") -> str:
    """Log a decision as a line of JSON, unless it is the one said last, and return it."""
    if decision != unless:
        line = {"logger": "hpc.slurm.standby", "decision": decision, "detail": " ".join(detail.split())}
        print(json.dumps(line), file=sys.stderr, flush=True)
    return decision


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
