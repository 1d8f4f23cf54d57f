"""A PostgreSQL server of the tests' own, run by Debian's user postgres in a directory that goes with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from story import free_port

PASSWORD = "password-of-the-lab"


class Postgres:
    """A server with a database and a user C(eda), who has a password; it runs from the start."""

    def __init__(self) -> None:
        self.port = free_port()
        self._programs = next(Path("/usr/lib/postgresql").glob("*/bin"))
        self._directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        secret = self._directory / "password"
        secret.write_text(PASSWORD, encoding="ascii")
        shutil.chown(self._directory, "postgres", "postgres")
        shutil.chown(secret, "postgres", "postgres")
        self._run(
            "initdb", "--username=eda", f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"
        )
        self.start()
        with psycopg.connect(**self._parameters("postgres"), autocommit=True) as session:
            session.execute("CREATE DATABASE eda")

    def start(self) -> None:
        settings = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self._directory}"
        self._run("pg_ctl", "--wait", f"--log={self._directory / 'log'}", f"--options={settings}", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def remove(self) -> None:
        """End it and leave nothing."""
        self.stop("immediate")
        shutil.rmtree(self._directory)

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._directory / 'data'}", *words]
        # A server that it starts keeps the output open: a pipe would wait for it.
        subprocess.run(
            command,
            user="postgres",
            group="postgres",
            extra_groups=[],
            cwd=self._directory,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def variables(self) -> dict[str, Any]:
        """Return what a rulebook's variables say of it."""
        place = {"host": "127.0.0.1", "port": self.port, "name": "eda", "user": "eda", "password": PASSWORD}
        return {f"drools_db_{name}": value for name, value in place.items()}

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self._parameters("eda")) as session:
            return session.execute(query.encode()).fetchall()

    def _parameters(self, name: str) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "dbname": name, "user": "eda", "password": PASSWORD}
