# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base states and flags of node_states.py are those of the installed Slurm. Run inside the lab."""

from __future__ import annotations

import ctypes

from ansible_collections.hpc.slurm.plugins.module_utils.common import node_states

# slurm.h: the base state is in the lowest four bits, each other is a flag.
BASES, FLAGS = range(16), [1 << bit for bit in range(4, 32)]
UNKNOWN_TO_SLURM = {"INVALID", "?"}


def test_base_states_and_flags() -> None:
    name = ctypes.CDLL("libslurm.so").slurm_node_state_string_complete
    name.argtypes, name.restype = [ctypes.c_uint32], ctypes.c_char_p
    assert {name(state).decode() for state in BASES} - UNKNOWN_TO_SLURM == node_states.BASES
    shown = [name(flag).decode() for flag in FLAGS]
    assert {text.partition("+")[2] for text in shown} - UNKNOWN_TO_SLURM == node_states.FLAGS
