# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What standby.py reads from its command; tests/eda tests what it does."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[3] / "extensions/eda/standby.py"
SPEC = importlib.util.spec_from_file_location("standby", PATH)
assert SPEC and SPEC.loader
standby = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(standby)

DATABASE = {"drools_db_host": "db.example.org", "drools_db_port": 5432, "drools_db_name": "eda"}


@pytest.fixture
def vars_file(tmp_path):
    path = tmp_path / "vars.yml"
    path.write_text(json.dumps(DATABASE), encoding="utf-8")
    return str(path)


def test_the_command_of_ansible_rulebook_is_read(vars_file, monkeypatch):
    monkeypatch.setenv("drools_db_password", "secret")
    command = ["ansible-rulebook", "-r", "hpc.slurm.node_events", "-v", "-i", "inventory.yml", "--persistence-id", "a"]
    name, variables = standby.read_command([*command, "-e", vars_file, "-E", "drools_db_password,not_there"])
    assert (name, variables) == ("a", {**DATABASE, "drools_db_password": "secret"})


@pytest.mark.parametrize("command", [[], ["ansible-rulebook"], ["ansible-rulebook", "--vars", "nothing"]])
def test_a_command_without_persistence_is_refused(command):
    with pytest.raises(SystemExit, match="--persistence-id"):
        standby.read_command(command)


@pytest.mark.parametrize("missing", sorted(DATABASE))
def test_a_store_that_is_not_postgresql_is_refused(missing):
    variables = {name: value for name, value in DATABASE.items() if name != missing}
    with pytest.raises(SystemExit, match=missing):
        standby.connection_parameters({**variables, "drools_db_file_path": "/var/lib/engine"})


def test_the_database_is_that_of_the_engine():
    optional = {"drools_db_user": "eda", "drools_sslmode": "verify-full", "drools_sslrootcert": "/ca.pem"}
    parameters = standby.connection_parameters({**DATABASE, **optional, "drools_db_password": ""})
    wanted = {"host": "db.example.org", "port": 5432, "dbname": "eda", "user": "eda", "sslmode": "verify-full"}
    assert {name: parameters[name] for name in wanted} == wanted
    assert parameters["sslrootcert"] == "/ca.pem"
    assert "password" not in parameters


def test_a_lock_for_each_persistence_id():
    numbers = {standby.lock_number(name) for name in ("a", "b", "c")}
    assert len(numbers) == 3
    assert all(-(1 << 63) <= number < 1 << 63 for number in numbers)
    assert standby.lock_number("a") in numbers


def test_a_lost_session_ends_on_the_client_before_it_ends_on_the_server():
    client, server = (
        standby.CLIENT_LIMITS,
        dict(word.split("=") for word in standby.SERVER_LIMITS.replace("-c ", "").split()),
    )
    client_silence = client["keepalives_idle"] + client["keepalives_interval"] * client["keepalives_count"]
    server_silence = int(server["tcp_keepalives_idle"])
    assert max(client_silence, client["tcp_user_timeout"] / 1000) + standby.PAUSE < server_silence
    assert client["tcp_user_timeout"] < int(server["tcp_user_timeout"])
