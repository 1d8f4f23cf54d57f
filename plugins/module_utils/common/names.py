# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that a task gives and Slurm does not know: an error that says what was meant, never an empty answer."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Optional

from ..adapter.errors import SlurmError


def expect_known(owner: str, kind: str, names: Optional[Sequence[str]], known: Iterable[str]) -> Optional[list[str]]:
    """Return the names if all are known.

    :param owner: whose names they are, such as C(a job).
    :param kind: what is named, such as C(attribute).
    :raises SlurmError: for one that is not, with those that look like it.
    """
    if names is None:
        return None
    choices = sorted(known)
    for name in names:
        if name not in choices:
            raise SlurmError(f"{owner} has no {kind} {name}: {near(name, choices)}")
    return list(names)


def near(name: str, choices: Sequence[str]) -> str:
    """Return a question or a list that helps whoever misspelled a name."""
    spellings = {choice.lower(): choice for choice in choices}
    matches = [spellings[it] for it in difflib.get_close_matches(name.lower(), spellings, n=3, cutoff=0.5)]
    return f"did you mean {' or '.join(matches)}?" if matches else f"there are {', '.join(choices)}"
