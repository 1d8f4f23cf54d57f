# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a file that ansible-rulebook runs by its path reaches the other files of this collection.

Such a file has no package to import relatively from, and the name ansible_collections may belong to another
installation. So the folder plugins/ is made a package of its own name, by its location, and imported from there.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

PLUGINS = Path(__file__).resolve().parent.parent
# Two installations of the collection in one process are two packages.
PACKAGE = f"hpc_slurm_{hashlib.sha256(str(PLUGINS).encode()).hexdigest()[:8]}"


def load(part: str) -> ModuleType:
    """Import a module of plugins/plugin_utils, such as C(trigger_listener.source)."""
    if PACKAGE not in sys.modules:
        package = ModuleType(PACKAGE)
        package.__path__ = [str(PLUGINS)]
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.plugin_utils.{part}")
