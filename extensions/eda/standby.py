# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-rulebook on one of several machines, and stand by on the others.

    python3 standby.py ansible-rulebook --rulebook ... --vars VARS --persistence-id NAME

ansible-rulebook elects no leader: two instances with the same NAME would run each other's actions again. So the command
runs only while this machine holds a lock in the PostgreSQL database of VARS (drools_db_host, ...), one lock for each
NAME. While another machine holds it, this program waits. PostgreSQL releases the lock when the program or its machine
has ended. When the database cannot be reached, the command is killed, because another machine may be active by then.

The exit status is the command's. Under systemd, use Restart=always: it then stands by again.
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

# Seconds between two checks of the lock, the command and the session.
PAUSE = 1.0

# When the connection is lost, the session must end here before it ends in PostgreSQL, which then releases the lock.
CLIENT_LIMITS = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
CLIENT_LIMITS["tcp_user_timeout"] = 10_000
SERVER_LIMITS = (
    "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=30000"
)

# More variables of the rulebook for the database, and the PostgreSQL connection parameters for them.
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

    :raises SystemExit: when the command lacks something.
    """
    name, variables = read_command(command)
    session = wait_for_lock(connection_parameters(variables), lock_number(name))
    with session:
        return run_command(command, session)


def read_command(command: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the persistence id and the variables of an ansible-rulebook command."""
    import yaml

    parser = argparse.ArgumentParser(prog="standby.py", add_help=False)
    parser.add_argument("-e", "--vars")
    parser.add_argument("-E", "--env-vars", default="")
    parser.add_argument("--persistence-id")
    given, _others = parser.parse_known_args(command[1:])
    if not given.persistence_id:
        sys.exit("standby.py: the ansible-rulebook command needs --persistence-id")
    variables: dict[str, Any] = {}
    if given.vars:
        variables.update(yaml.safe_load(Path(given.vars).read_text(encoding="utf-8")) or {})
    names = [name.strip() for name in given.env_vars.split(",")]
    variables.update({name: os.environ[name] for name in names if name in os.environ})
    return given.persistence_id, variables


def connection_parameters(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the PostgreSQL connection parameters in the rulebook's variables."""
    try:
        address = {"host": variables["drools_db_host"], "port": variables["drools_db_port"]}
        address["dbname"] = variables["drools_db_name"]
    except KeyError as missing:
        sys.exit(f"standby.py: --vars of the command lacks {missing.args[0]}: a standby needs PostgreSQL")
    others = {option: variables[name] for name, option in OPTIONAL.items() if variables.get(name)}
    return {**address, **others, **CLIENT_LIMITS, "options": SERVER_LIMITS, "target_session_attrs": "read-write"}


def lock_number(name: str) -> int:
    """Return the lock number for a persistence id: 64 bits, signed."""
    return int.from_bytes(hashlib.sha256(f"hpc.slurm standby {name}".encode()).digest()[:8], "big", signed=True)


def wait_for_lock(parameters: Mapping[str, Any], lock: int) -> psycopg.Connection[Any]:
    """Wait until a session holds the lock, and return it."""
    import psycopg

    logged = ""
    while True:
        try:
            session = psycopg.connect(**parameters, autocommit=True)
            while not try_lock(session, lock):
                logged = log_decision("standing by", "another machine holds the lock", unless=logged)
                time.sleep(PAUSE)
            return session
        except psycopg.OperationalError as error:
            logged = log_decision("database unreachable", str(error), unless=logged)
            time.sleep(PAUSE)


def try_lock(session: psycopg.Connection[Any], lock: int) -> bool:
    """Acquire the lock if it is free, and tell whether this session holds it."""
    row = session.execute("SELECT pg_try_advisory_lock(%s)", [lock]).fetchone()
    return bool(row and row[0])


def run_command(command: Sequence[str], session: psycopg.Connection[Any]) -> int:
    """Run the command until it ends or the session is lost, and return an exit status."""
    import psycopg

    process = subprocess.Popen(command, preexec_fn=die_with_parent)  # no threads here
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda received, _frame: process.send_signal(received))
    log_decision("command started", f"process {process.pid}")
    while True:
        try:
            status = process.wait(timeout=PAUSE)
        except subprocess.TimeoutExpired:
            pass
        else:
            log_decision("command ended", f"exit status {status}")
            return status if status >= 0 else 128 - status
        try:
            session.execute("SELECT 1")
        except psycopg.OperationalError as error:
            process.kill()
            process.wait()
            log_decision("command killed", f"the lock is lost: {error}")
            return 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)


def log_decision(decision: str, detail: str, unless: str = "") -> str:
    """Log a decision as a line of JSON, unless it is the last one logged, and return it."""
    if decision != unless:
        line = {"logger": "hpc.slurm.standby", "decision": decision, "detail": " ".join(detail.split())}
        print(json.dumps(line), file=sys.stderr, flush=True)
    return decision


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
