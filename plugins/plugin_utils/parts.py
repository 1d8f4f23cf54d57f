# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports for files that ansible-rulebook runs by path.

Such a file is in no package, and the package ansible_collections may be another installation. So the folder plugins/ is
registered as a package under a name of its own, by its location, and modules are imported from there.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

PLUGINS = Path(__file__).resolve().parent.parent
# Each installation of the collection in a process is a package of its own.
PACKAGE = f"hpc_slurm_{hashlib.sha256(str(PLUGINS).encode()).hexdigest()[:8]}"


def load(part: str) -> ModuleType:
    """Import a module of plugins/plugin_utils, such as C(trigger_listener.source)."""
    if PACKAGE not in sys.modules:
        package = ModuleType(PACKAGE)
        package.__path__ = [str(PLUGINS)]
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.plugin_utils.{part}")
