# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make this checkout the collection hpc.slurm, wherever it lies."""

from __future__ import annotations

import atexit
import importlib.util
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROBE = "plugins/module_utils/adapter/errors.py"


def is_this_checkout() -> bool:
    """Tell whether Python finds the collection in this checkout already, as under ansible-test."""
    try:
        spec = importlib.util.find_spec("ansible_collections.hpc.slurm." + PROBE.removesuffix(".py").replace("/", "."))
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == CHECKOUT / PROBE


def make_importable() -> None:
    # Not at the top: where ansible-test runs modules' tests, this part of ansible-core is not there.
    from ansible.plugins.loader import init_plugin_loader

    tree = tempfile.TemporaryDirectory(prefix="hpc-slurm-")
    atexit.register(tree.cleanup)
    namespace = Path(tree.name) / "ansible_collections" / "hpc"
    namespace.mkdir(parents=True)
    (namespace / "slurm").symlink_to(CHECKOUT)
    init_plugin_loader([tree.name])


if not is_this_checkout():
    make_importable()
