# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: pyslurm_choice
short_description: Choose the pyslurm that fits a Slurm
version_added: 0.1.0
author:
  - hpc.slurm developers
description:
  - Chooses the newest pyslurm of Slurm's release X.Y, or else the newest of the release that can be built for this
    Slurm. Fails when there is none, with what was found and what would do.
positional: _input, slurm, bridges, note
options:
  _input:
    description: The versions of pyslurm that can be had.
    type: list
    elements: str
    required: true
  slurm:
    description: The version of Slurm, as C(scontrol --version) prints it.
    type: str
    required: true
  bridges:
    description: Releases of Slurm, and for each the release of pyslurm that can be built for it.
    type: dict
    default: {}
  note:
    description: What to add to the message of a failure.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show which pyslurm is for this Slurm
  ansible.builtin.debug:
    msg: "{{ ['25.11.0', '25.11.2'] | hpc.slurm.pyslurm_choice('26.05.5', {'26.05': '25.11'}) }}"
"""

RETURN = r"""
_value:
  description:
    - The C(version) of pyslurm, C(bridge), whether it is of another release than Slurm, and C(built_as), the version
      under which it is built then.
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from ansible.errors import AnsibleFilterError

from ..module_utils.adapter.releases import numbers


def newest(versions: Iterable[str], release: str) -> Optional[str]:
    """Return the newest version of a release X.Y, or None."""
    of_release = [version for version in versions if numbers(version)[:2] == numbers(release)]
    return max(of_release, key=numbers, default=None)


def pyslurm_choice(
    versions: Iterable[str], slurm: str, bridges: Optional[Mapping[str, str]] = None, note: str = ""
) -> dict[str, Any]:
    """Return the version of pyslurm that fits a Slurm, and how it is built.

    :raises AnsibleFilterError: when none fits.
    """
    release, known, found = ".".join(slurm.split(".")[:2]), bridges or {}, list(versions)
    bridged = known.get(release)
    own = newest(found, release)
    version = own or (newest(found, bridged) if bridged else None)
    if version is None:
        wanted = " or ".join(f"pyslurm {short(one)}" for one in (release, bridged) if one)
        raise AnsibleFilterError(
            f"no pyslurm fits Slurm {slurm}. Found: {', '.join(found) or 'none'}. Needed: {wanted}. Set "
            f"hpc_slurm_pyslurm_source to a wheel, a source archive, or a folder with the sources of it.{suffix(note)}"
        )
    return {"version": version, "bridge": own is None, "built_as": f"{short(release)}.0"}


def short(release: str) -> str:
    """Return a release as pyslurm's versions have it: 26.5 for 26.05."""
    return ".".join(map(str, numbers(release)))


def suffix(note: str) -> str:
    """Return a note, such as pip's error, as a sentence to add."""
    return f" {' '.join(note.split())}" if note.strip() else ""


class FilterModule:
    """The filter by its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"pyslurm_choice": pyslurm_choice}
