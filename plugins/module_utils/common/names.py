# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unknown names in a task: an error with suggestions instead of an empty result."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Optional

from ..adapter.errors import SlurmError


def expect_known(owner: str, kind: str, names: Optional[Sequence[str]], known: Iterable[str]) -> Optional[list[str]]:
    """Return the names if all are known.

    :param owner: what has these names, such as C(a job).
    :param kind: what they are names of, such as C(attribute).
    :raises SlurmError: for an unknown name; the message suggests similar ones.
    """
    if names is None:
        return None
    choices = sorted(known)
    for name in names:
        if name not in choices:
            raise SlurmError(f"{owner} has no {kind} {name}: {suggest(name, choices)}")
    return list(names)


def suggest(name: str, choices: Sequence[str], cutoff: float = 0.5) -> str:
    """Return the known names that are similar to a misspelled one, or all of them.

    :param cutoff: how similar, up to 1; higher for names that begin alike.
    """
    spellings = {choice.lower(): choice for choice in choices}
    matches = [spellings[match] for match in difflib.get_close_matches(name.lower(), spellings, n=3, cutoff=cutoff)]
    return f"did you mean {' or '.join(matches)}?" if matches else f"there are {', '.join(choices)}"
