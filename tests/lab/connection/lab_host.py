"""A connection to a host of the lab with namespaces of its own (two_controllers.sh); one that is off is unreachable."""

from __future__ import annotations

import shlex
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = r"""
name: lab_host
short_description: Run tasks on a host of the lab
author: hpc.slurm developers
description: The id of the host's first process is in /run/lab-hosts/NAME. Its files are those of the lab.
extends_documentation_fragment:
  - connection_pipelining
# What a local connection asks for.
options:
  become_success_timeout:
    description: Seconds for become.
    type: int
    default: 10
  become_strip_preamble:
    description: Whether the output before become is removed.
    type: bool
    default: true
"""
HOSTS = Path("/run/lab-hosts")
NAMESPACES = ("--net", "--uts", "--mount", "--pid")


class Connection(LocalConnection):  # type: ignore[misc]
    """A local connection that runs commands in the namespaces of a host."""

    transport = "lab_host"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        name = self._play_context.remote_addr
        try:
            pid = (HOSTS / name).read_text(encoding="ascii").strip()
        except OSError:
            raise AnsibleConnectionFailure(f"the host {name} is off") from None
        inside = ["nsenter", f"--target={pid}", *NAMESPACES, "--", "/bin/sh", "-c", cmd]
        result: tuple[int, bytes, bytes] = super().exec_command(shlex.join(inside), in_data, sudoable)
        return result
