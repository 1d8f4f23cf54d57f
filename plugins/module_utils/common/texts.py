# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that a task gives and Slurm keeps, such as comments, reasons and names."""

from __future__ import annotations

from ..adapter.errors import SlurmError


def expect_text(option: str, text: str) -> str:
    """Return a text if a request can carry it and an answer can return it unchanged.

    :raises SlurmError: for a text with NUL, which no argument of a program holds, or with bytes that are not UTF-8.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise SlurmError(f"{option} is not UTF-8: {text!r}; write it in UTF-8") from None
    if "\0" in text:
        raise SlurmError(f"{option} has a NUL character, which Slurm cannot store: {text!r}; leave it out")
    return text
