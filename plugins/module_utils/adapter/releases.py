# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smallest releases that the collection works with. docs/releases.md has those that were really run."""

from __future__ import annotations

# Its texts of reasons, states and errors are known from here on (common/reasons.py).
SLURM = "24.11"
ANSIBLE_CORE = "2.18"
# 1.1 does not parse the rulebooks, 1.2 has no option --persistence-id.
ANSIBLE_RULEBOOK = "1.3"
# Where modules run, and where the rulebook runs.
PYTHON = "3.9"
RULEBOOK_PYTHON = "3.11"


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: C(26.05.5) and C(26.5.5) are the same. Words such as C(0rc1) end it."""
    found = []
    for part in version.split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def is_older(found: str, smallest: str) -> bool:
    """Tell whether a version is older than the smallest. One that has no numbers is not."""
    return bool(numbers(found)) and numbers(found) < numbers(smallest)
