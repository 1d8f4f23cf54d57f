# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
short_description: Find misspelled variables of this collection
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Finds the variables that begin with C(hpc_slurm_) and that no playbook, rulebook or role of this collection has. A
    misspelled name would otherwise leave a default in its place.
positional: _input, specs
options:
  _input:
    description: Names of variables.
    type: list
    elements: str
    required: true
  specs:
    description: The file C(meta/argument_specs.yml) of the role C(hpc.slurm.common), which has all variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Check the variables of this host
  ansible.builtin.assert:
    that: vars | list | hpc.slurm.unknown_variables(specs) | length == 0
  vars:
    specs: "{{ lookup('ansible.builtin.file', 'argument_specs.yml') | from_yaml }}"
"""

RETURN = r"""
_value:
  description: The unknown variables, each with similar names.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.common.names import suggest

PREFIX = "hpc_slurm_"


def unknown_variables(names: Iterable[str], specs: Mapping[str, Any]) -> list[str]:
    """Return the unknown ones of these variables, each with similar names.

    :raises AnsibleFilterError: unless this is such a file.
    """
    try:
        known = sorted({option for spec in specs["argument_specs"].values() for option in spec["options"]})
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"unknown_variables needs a file of argument_specs with options: {error!r}") from error
    ours = {str(name) for name in names if str(name).startswith(PREFIX)}
    return [f"{name}: {suggest(name, known, cutoff=0.8)}" for name in sorted(ours - set(known))]


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"unknown_variables": unknown_variables}
