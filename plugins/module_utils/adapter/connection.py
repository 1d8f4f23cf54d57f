# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to a cluster: slurm.conf, pyslurm and Slurm's commands."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Optional

from .error_numbers import raise_for_output
from .errors import SlurmError
from .releases import SLURM, is_older
from .values import Unreadable

if TYPE_CHECKING:
    from types import ModuleType


DEFAULT_CONF = "the default slurm.conf"


class _Initialised(NamedTuple):
    """pyslurm as it was initialised in this process."""

    pyslurm: ModuleType
    conf: Optional[str]


class Connection:
    """A cluster, found by this host's slurm.conf.

    :param conf: path of a slurm.conf to use instead of the default one.
    """

    _initialised: ClassVar[Optional[_Initialised]] = None

    def __init__(self, conf: Optional[str] = None) -> None:
        self._conf = conf
        self._loaded: Optional[ModuleType] = None
        self._unreadable = Unreadable()

    def user(self) -> str:
        """Return the name of the user that this process runs as, as strigger shows it."""
        uid = os.geteuid()
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)

    def warnings(self) -> list[str]:
        """Return what a module's result has to warn of: the attributes that could not be read until now."""
        return self._unreadable.warnings()

    def _pyslurm(self) -> ModuleType:
        """Return pyslurm, initialised with the cluster's slurm.conf."""
        if self._loaded is None:
            self._check_conf()
            self._loaded = self._initialise_pyslurm()
        return self._loaded

    def _initialise_pyslurm(self) -> ModuleType:
        """Import pyslurm and initialise libslurm, which reads one slurm.conf in a process and ignores any other.

        :raises SlurmError: when this process uses another slurm.conf already.
        """
        conf, imported, initialised = self._conf, sys.modules.get("pyslurm"), Connection._initialised
        known = initialised if initialised and initialised.pyslurm is imported else None
        if (known.conf != conf) if known else (imported and conf):
            raise SlurmError(
                f"cannot use {conf or DEFAULT_CONF}: this process has imported pyslurm with "
                f"{(known.conf if known else None) or DEFAULT_CONF} before, and libslurm cannot change to another one; "
                "run the task in a process of its own"
            )
        if conf:
            # pyslurm before 25.11.1 initialises libslurm when it is imported, with this or with the default.
            os.environ["SLURM_CONF"] = conf
        pyslurm = _import_pyslurm()
        pyslurm.slurm_init(conf)
        Connection._initialised = _Initialised(pyslurm, conf)
        return pyslurm

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of Slurm's commands and return its output.

        :raises SlurmError: when it exits with another status than 0, or is not installed.
        """
        pyslurm = self._pyslurm()
        call = " ".join((program, *arguments[: 1 if program == "strigger" else 2]))
        # With SLURM_TIME_FORMAT scontrol prints times as seconds since the epoch.
        environment = {**os.environ, "LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"}
        if self._conf:
            environment["SLURM_CONF"] = self._conf
        try:
            result = _run_command([program, *arguments], environment)
        except FileNotFoundError:
            raise SlurmError(
                f"the command {program} is not on PATH ({os.environ.get('PATH', '')}): run the task on the controller, "
                "or set PATH with the task's environment",
                call=call,
            ) from None
        if result.returncode:
            raise_for_output(pyslurm, (result.stderr or result.stdout).strip(), call)
        return result.stdout

    def _check_conf(self) -> None:
        """Refuse a slurm.conf that is missing or not readable: libslurm would retry for a minute."""
        path = self._conf or os.environ.get("SLURM_CONF")
        if path and not os.path.isfile(path):
            source = "the option slurm_conf" if self._conf else "the environment variable SLURM_CONF"
            raise SlurmError(f"no slurm.conf at {path}, which {source} names")
        if path and not os.access(path, os.R_OK):
            raise SlurmError(f"{self.user()} may not read {path}: use become, or make it readable")


def _run_command(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    # AnsibleModule.run_command may call fail_json, which would end this child process before it has sent its result
    # (isolation.py).
    # pylint: disable-next=ansible-bad-function
    result = subprocess.run(command, capture_output=True, env=environment, check=False)
    # subprocess would turn each \r\n in a comment or a program into \n.
    stdout, stderr = (output.decode("utf-8", "replace") for output in (result.stdout, result.stderr))
    return subprocess.CompletedProcess(command, result.returncode, stdout, stderr)


def _import_pyslurm() -> ModuleType:
    # Otherwise the import initialises libslurm, which may end the process.
    os.environ["PYSLURM_DISABLE_AUTO_INIT"] = "1"
    # Otherwise libslurm cuts a long list of array tasks off.
    os.environ["SLURM_BITSTR_LEN"] = "0"
    try:
        import pyslurm
    except ImportError as error:
        raise SlurmError(
            f"pyslurm cannot be imported ({error}): install pyslurm of this host's Slurm release for "
            f"{sys.executable}, or set ansible_python_interpreter to the Python that has it; "
            f"{traceback.format_exc().splitlines()[-1]}"
        ) from None
    module: ModuleType = pyslurm
    _check_release(module)
    return module


def _check_release(pyslurm: ModuleType) -> None:
    """Refuse a pyslurm that was built for another Slurm release than the installed one: its calls would crash."""
    if not hasattr(pyslurm, "Nodes"):
        raise SlurmError(
            f"pyslurm {pyslurm.__version__} is too old: it has no Nodes; install pyslurm of this host's Slurm release"
        )
    major, minor, _micro = pyslurm.slurm_api_version()
    built = f"{major}.{minor:02d}"
    try:
        output = _run_command(["scontrol", "--version"], dict(os.environ)).stdout
    except FileNotFoundError:
        return
    if not output:
        return
    installed = output.split()[-1]
    if is_older(installed, SLURM):
        raise SlurmError(f"this host has Slurm {installed}: hpc.slurm needs {SLURM} or later")
    if not installed.startswith(f"{built}."):
        raise SlurmError(
            f"pyslurm {pyslurm.__version__} was built for Slurm {built}, this host has Slurm {installed}: install "
            f"pyslurm {'.'.join(installed.split('.')[:2])}"
        )
