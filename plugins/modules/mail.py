#!/usr/bin/python
# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail
short_description: Send a mail by SMTP within a time limit
version_added: 0.1.0
description:
  - Sends a mail of plain text to an SMTP server, with Python's standard library alone.
  - The playbooks of this collection send their notifications with it. Each option is there a variable that begins with
    C(hpc_slurm_mail_), and the messages of errors name these variables.
options:
  to:
    description: The recipients, such as C(admins@example.org) or C(Admins <admins@example.org>).
    type: list
    elements: str
    required: true
  from:
    description: The sender. Without a domain it gets the full name of the machine as its domain.
    type: str
    default: root
  subject:
    description: The subject. Line breaks in it become blanks.
    type: str
    required: true
  text:
    description: The text.
    type: str
    required: true
  server:
    description: The SMTP server, as a name or an address.
    type: str
    default: localhost
  port:
    description: Its port. The default is 25, with O(security=starttls) 587, and with O(security=tls) 465.
    type: int
  security:
    description:
      - Whether the connection is encrypted from the start (V(tls)), after the command STARTTLS (V(starttls)), or not.
      - The default is V(starttls) for O(port=587), V(tls) for O(port=465), and V(none) for all others.
      - With V(starttls), nothing is sent to a server that does not offer it.
    type: str
    choices: [none, starttls, tls]
  user:
    description: A user to log in as. This needs V(starttls) or V(tls), so that the password is encrypted.
    type: str
  password_file:
    description: A file with the password of O(user) on its first line, on the machine where the module runs.
    type: path
  ca_file:
    description:
      - The certificate authority of the server's certificate, in PEM. The default is all that the machine trusts.
      - The certificate is always checked, and has the name or address in O(server).
    type: path
  timeout:
    description: Seconds for the whole, from the connection to the last answer of the server.
    type: int
    default: 20
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: none
    details: The module is skipped.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
    details: A mail has no earlier state.
  idempotent:
    description: A second run with the same options changes nothing.
    support: none
    details: Each run sends a mail.
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
author:
  - hpc.slurm developers (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Send a mail by the server of this machine
  hpc.slurm.mail:
    to: [admins@example.org]
    subject: Maintenance begins
    text: Rack 4 is drained.
  delegate_to: localhost

- name: Send a mail by a server that asks for a user
  hpc.slurm.mail:
    to: [admins@example.org]
    from: slurm@example.org
    subject: Maintenance begins
    text: Rack 4 is drained.
    server: smtp.example.org
    port: 587
    user: slurm
    password_file: /etc/hpc-slurm/mail-password
  delegate_to: localhost
"""

RETURN = r"""
refused:
  description: The recipients that the server refused while it took the mail for others, each with the server's words.
  returned: success
  type: dict
  sample: {"jd@example.org": "550 no such user"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hpc.slurm.plugins.module_utils.common import mail


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "to": {"type": "list", "elements": "str", "required": True},
            "from": {"type": "str", "default": "root"},
            "subject": {"type": "str", "required": True},
            "text": {"type": "str", "required": True},
            "server": {"type": "str", "default": "localhost"},
            "port": {"type": "int"},
            "security": {"type": "str", "choices": ["none", "starttls", "tls"]},
            "user": {"type": "str"},
            "password_file": {"type": "path", "no_log": False},
            "ca_file": {"type": "path"},
            "timeout": {"type": "int", "default": 20},
        },
        required_together=[("user", "password_file")],
    )
    try:
        result = mail.send(module.params)
    except mail.MailError as error:
        module.fail_json(msg=str(error))
    for name, words in result["refused"].items():
        module.warn(f"the mail server refuses {name}: {words}")
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
