# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wiring of the module mail: what it documents is what it accepts, returns and takes from the playbooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.hpc.slurm.plugins.module_utils.common.mail import MailError
from ansible_collections.hpc.slurm.plugins.modules import mail

CHECKOUT = Path(__file__).resolve().parents[4]
SETTINGS = ("type", "elements", "choices", "default", "required")
GIVEN = {"to": ["admins@example.org"], "subject": "s", "text": "t"}
OPTIONS: dict[str, dict[str, Any]] = yaml.safe_load(mail.DOCUMENTATION)["options"]


def settings(option: dict[str, Any]) -> dict[str, Any]:
    return {"required": False, **{key: option[key] for key in SETTINGS if key in option}}


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], check: bool = False
) -> tuple[int, dict[str, Any]]:
    """Run the module in this process, and return its exit status and its result."""
    arguments = {**GIVEN, "_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp"}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
    # How arguments are encoded since ansible-core 2.19.
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit) as ended:
        mail.main()
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


def test_the_documentation_is_what_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    class AcceptedError(Exception):
        """Ends the module."""

    def accept(argument_spec: dict[str, Any], **_others: object) -> None:
        raise AcceptedError(argument_spec)

    monkeypatch.setattr(mail, "AnsibleModule", accept)
    with pytest.raises(AcceptedError) as caught:
        mail.main()
    assert {name: settings(given) for name, given in caught.value.args[0].items()} == {
        name: settings(given) for name, given in OPTIONS.items()
    }


def test_the_variables_of_the_playbooks_are_the_options() -> None:
    """But for what the notification itself has."""
    path = CHECKOUT / "roles/common/meta/argument_specs.yml"
    variables = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["notify"]["options"]
    found = {name.removeprefix("hpc_slurm_mail_"): given for name, given in variables.items() if "_mail_" in name}
    expected = {name: given for name, given in OPTIONS.items() if name not in ("subject", "text")}
    assert {name: settings(given) for name, given in found.items()} == {
        name: {**settings(given), "required": False} for name, given in expected.items()
    }


def test_a_mail_that_was_sent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    monkeypatch.setattr(mail.mail, "send", lambda params: {"refused": {params["to"][0]: "550 no"}})
    status, result = run(monkeypatch, capsys)
    assert (status, result["changed"], result["refused"]) == (0, True, {"admins@example.org": "550 no"})
    assert set(yaml.safe_load(mail.RETURN)) == {"refused"}
    assert warnings == ["the mail server refuses admins@example.org: 550 no"]


def test_a_mail_that_was_not_sent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_params: object) -> None:
        raise MailError("the mail server is on fire")

    monkeypatch.setattr(mail.mail, "send", fail)
    status, result = run(monkeypatch, capsys)
    assert (status, result["failed"], result["msg"]) == (1, True, "the mail server is on fire")


def test_check_mode_sends_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delattr(mail.mail, "send")
    status, result = run(monkeypatch, capsys, check=True)
    assert (status, result["skipped"]) == (0, True)
