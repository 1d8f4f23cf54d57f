# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that break careless code: each is stored and read exactly, or refused, and nothing else is affected."""

from __future__ import annotations

ODD_TEXTS = {
    "quotes": """it's "quoted", `so` and \\ with \\" a backslash""",
    "equal sign": "why=this",
    "key and value": "x Users=bob State=DOWN Reason=none",
    "record": "x\nReservationName=y StartTime=1 EndTime=2 Duration=0 Nodes=node1\nNodeName=y State=DOWN",
    "blanks": "two  words",
    "blanks around": "  inside ",
    "one blank": " ",
    "tab": "a\tb",
    "line breaks": "one\ntwo\r\nthree\n",
    "null": "(null)",
    "none": "None",
    "long": "x" * 20_000,
    "Jinja": "{{ 7 * 7 }} {% raw %} {# gone #}",
    "commas": "a,b,,c",
    "signs": "-x,+y",
    "option": "--help",
    "format": "%s%n%d",
    "shell": "$(id); `id` | a & b > c",
    "hostlist": "node[1-3]",
    "Unicode": "prüfung ✓ 日本 \U0001f600 a\u0308",
    "Unicode blanks": "a\u00a0b\u2028c\u0085d",
    "control characters": "a\x01\x1b[31mred\x7f",
    # As Python and Ansible hold bytes that are not UTF-8: here 0xe9 and 0xff.
    "not UTF-8": "caf\udce9 \udcff",
    # The kernel ends a program's argument there.
    "NUL": "a\0b",
}
"""A short name of each text, for the test's id, and the text."""
