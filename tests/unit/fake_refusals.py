# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors as the fake cluster raises them."""

from __future__ import annotations

from ansible_collections.hpc.slurm.plugins.module_utils.adapter.errors import SlurmError


def refusal(errno: int, name: str, text: str, call: str) -> SlurmError:
    return SlurmError.from_errno(errno, name, text, call)


def denied(call: str) -> SlurmError:
    return refusal(2002, "ESLURM_ACCESS_DENIED", "Access/permission denied", call)
