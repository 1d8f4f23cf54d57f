# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that touches Slurm: pyslurm, and the command strigger for what pyslurm cannot do soundly.

Everything is given and returned as plain values (strings, numbers, lists, mappings), and every failure is a
L(SlurmError). What libslurm does to the process it runs in is the concern of C(isolation).
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Optional

from ..common import hostlist
from . import output
from .errors import SlurmError

if TYPE_CHECKING:
    from types import ModuleType

# Attributes of pyslurm's jobs and steps that want requests of their own, or are asked for otherwise.
_NOT_OF_JOBS = frozenset(("stats", "steps", "pids"))
# Attributes of nodes and jobs that pyslurm splits at the commas.
_LISTS = frozenset(
    (
        *("active_features", "available_features"),
        *("batch_constraints", "cluster_constraints", "constraints", "mail_user", "preferred_features"),
    )
)


class Slurm:
    """A Slurm cluster, as this host's configuration names it.

    :param conf: path of another slurm.conf than the default one.
    """

    def __init__(self, conf: Optional[str] = None) -> None:
        self._conf = conf
        self._loaded: Optional[ModuleType] = None

    # Configuration.

    def config(self) -> dict[str, Any]:
        """Return the controller's configuration: pyslurm's names (C(kill_wait_time)) with plain values."""
        pyslurm = self._pyslurm()
        with _Calls(pyslurm, "REQUEST_BUILD_INFO"):
            loaded = pyslurm.slurmctld.Config.load()
            return _record(loaded, _properties(type(loaded)))

    # Nodes.

    def nodes(self, attributes: Optional[Iterable[str]] = None) -> dict[str, dict[str, Any]]:
        """Return every node of the cluster: its name with its attributes.

        C(state) is a list: the base state, then the flags, sorted.

        :param attributes: which attributes to evaluate; all when not given.
        """
        pyslurm = self._pyslurm()
        with _Calls(pyslurm, "REQUEST_NODE_INFO"):
            loaded = pyslurm.Nodes.load()
        names = _properties(pyslurm.Node) if attributes is None else list(attributes)
        return {name: _node(node, names) for name, node in loaded.items()}

    def node_attributes(self) -> list[str]:
        """Return the names of the attributes that a node has, sorted."""
        return _properties(self._pyslurm().Node)

    def update_nodes(self, names: Iterable[str], **fields: Any) -> None:
        """Change fields of nodes with one request.

        It is not all or nothing: slurmctld goes through the nodes in order, passes over those that cannot make the
        transition, stops at one that it does not know, and answers with an error when it did either.

        :param fields: as C(scontrol update nodename) has them, C(state) in its words (DOWN, DRAIN, RESUME, ...).
        :raises SlurmError: also for a field that a node does not have or that cannot be set, nothing sent then.
        """
        pyslurm = self._pyslurm()
        call = "REQUEST_UPDATE_NODE"
        try:
            change = pyslurm.Node(**fields)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SlurmError(f"{call}: a node cannot be given {fields}: {error}", call=call) from error
        with _Calls(pyslurm, call):
            pyslurm.Node(hostlist.fold(names)).modify(change)

    def update_attributes(self, names: Iterable[str], fields: Mapping[str, str]) -> None:
        """Change attributes of nodes with one request, through scontrol: pyslurm cannot clear one.

        :param fields: by their names in C(scontrol update nodename); empty to clear.
        """
        self._run("scontrol", "update", f"nodename={hostlist.fold(names)}", *_words(fields))

    def reboot_nodes(self, names: Iterable[str], reason: str, next_state: str) -> None:
        """Have nodes rebooted as soon as their jobs have ended; scontrol passes over those that are about to be.

        :param next_state: RESUME or DOWN, what they are afterwards.
        """
        self._run("scontrol", "reboot", "ASAP", f"nextstate={next_state}", f"reason={reason}", hostlist.fold(names))

    # Jobs.

    def jobs(
        self,
        needed: Collection[str],
        keep: Callable[[dict[str, Any]], bool],
        attributes: Collection[str],
        steps: bool = False,
    ) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        """Return jobs by their ids: what was needed to choose them, and what is asked of them.

        :param needed: the attributes that C(keep) looks at; no other is evaluated for a job that is not kept.
        :param keep: tells of each job whether to return it.
        :param attributes: the attributes to return.
        :param steps: whether to return the steps too.
        """
        pyslurm = self._pyslurm()
        with _Calls(pyslurm, "REQUEST_JOB_INFO"):
            loaded = pyslurm.Jobs.load()
        if steps:
            with _Calls(pyslurm, "REQUEST_JOB_STEP_INFO"):
                loaded.load_steps()
        found = {}
        users: dict[int, Any] = {}
        for number, job in loaded.items():
            record = _job(job, needed, users)
            if keep(record):
                details = _job(job, attributes, users)
                if steps:
                    details["steps"] = {str(name): _step(step) for name, step in job.steps.items()}
                found[int(number)] = (record, details)
        return found

    def job_attributes(self) -> list[str]:
        """Return the names of the attributes that a job has, sorted."""
        return [name for name in _properties(self._pyslurm().Job) if name not in _NOT_OF_JOBS]

    # Reservations: through scontrol, which names every flag and changes them one by one.

    def reservations(self) -> list[dict[str, Any]]:
        """Return the reservations; their fields are told in C(output.py)."""
        return output.reservations(self._run("scontrol", "show", "reservation", "--all", "--oneliner"))

    def create_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        """Make a reservation.

        :param fields: by their names in C(scontrol create reservation).
        """
        self._run("scontrol", "create", "reservation", f"reservationname={name}", *_words(fields))

    def update_reservation(self, name: str, fields: Mapping[str, str]) -> None:
        """Change a reservation with one request. C(nodes+) and C(nodes-) are carried out by the controller itself."""
        self._run("scontrol", "update", f"reservationname={name}", *_words(fields))

    def delete_reservation(self, name: str) -> None:
        self._run("scontrol", "delete", f"reservationname={name}")

    # Triggers.

    def triggers(self) -> list[dict[str, Any]]:
        """Return the triggers that are set, of all users.

        Each with C(id), C(resource) (C(node), C(job), C(slurmctld), ...), C(resource_id) (C(*) for all nodes),
        C(event), C(offset) in seconds, C(user), C(permanent) and C(program).
        """
        return [output.trigger(line) for line in self._run("strigger", "--get", "--noheader").splitlines()]

    def set_trigger(self, *, selectors: Iterable[str], offset: int, permanent: bool, program: str) -> None:
        """Set a trigger. The controller does not tell its id: L(triggers) does.

        :param selectors: the options of strigger that say what fires it, such as C(--node) and C(--down).
        """
        options = ["--set", *selectors, f"--program={program}"]
        options += [f"--offset={offset}"] if offset else []
        options += ["--flags=perm"] if permanent else []
        self._run("strigger", *options)

    def clear_trigger(self, trigger_id: int) -> None:
        """Remove a trigger; one that is gone already is no failure."""
        try:
            self._run("strigger", "--clear", f"--id={trigger_id}")
        except SlurmError as error:
            if "No such process" not in error.message:  # ESRCH
                raise

    def user(self) -> str:
        """Return the name of the user that asks, as triggers carry it."""
        uid = os.geteuid()
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)

    def executable(self, path: str) -> bool:
        """Tell whether a trigger's program can be run on this host by this user."""
        return os.path.isfile(path) and os.access(path, os.X_OK)

    # How pyslurm and the commands are reached.

    def _run(self, program: str, *words: str) -> str:
        """Run one of Slurm's commands and return what it prints."""
        pyslurm = self._pyslurm()
        call = " ".join((program, *words[: 1 if program == "strigger" else 2]))
        # The times that scontrol prints are then seconds since the epoch.
        environment = {**os.environ, "LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"}
        if self._conf:
            environment["SLURM_CONF"] = self._conf
        try:
            result = _command([program, *words], environment)
        except FileNotFoundError:
            raise SlurmError(
                f"the command {program} is not on PATH ({os.environ.get('PATH', '')}): run the task on the controller, "
                "or set PATH with the task's environment",
                call=call,
            ) from None
        if result.returncode:
            _raise_for_words(pyslurm, (result.stderr or result.stdout).strip(), call)
        return result.stdout

    def _pyslurm(self) -> ModuleType:
        if self._loaded is None:
            self._expect_conf()
            pyslurm = _load_pyslurm()
            pyslurm.slurm_init(self._conf)
            self._loaded = pyslurm
        return self._loaded

    def _expect_conf(self) -> None:
        """Say at once what libslurm says after a minute of waiting."""
        path = self._conf or os.environ.get("SLURM_CONF")
        if path and not os.path.isfile(path):
            source = "the option slurm_conf" if self._conf else "the environment variable SLURM_CONF"
            raise SlurmError(f"no slurm.conf at {path}, which {source} names")
        if path and not os.access(path, os.R_OK):
            raise SlurmError(f"{self.user()} may not read {path}: use become, or make it readable")


def _command(words: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    # Not AnsibleModule.run_command, which would end this process, a child without the right to answer.
    # pylint: disable-next=ansible-bad-function
    return subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", env=environment, check=False)


def _load_pyslurm() -> ModuleType:
    # Without this libslurm starts, and may end the process, while the module is being imported.
    os.environ["PYSLURM_DISABLE_AUTO_INIT"] = "1"
    try:
        import pyslurm
    except ImportError as error:
        raise SlurmError(
            f"pyslurm cannot be imported ({error}): install pyslurm of this host's Slurm release for "
            f"{sys.executable}, or set ansible_python_interpreter to the Python that has it; "
            f"{traceback.format_exc().splitlines()[-1]}"
        ) from None
    module: ModuleType = pyslurm
    _expect_release(module)
    return module


def _expect_release(pyslurm: ModuleType) -> None:
    """Refuse a pyslurm that was built for another Slurm than the one that is installed: its calls would crash."""
    if not hasattr(pyslurm, "Nodes"):
        raise SlurmError(
            f"pyslurm {pyslurm.__version__} is too old: it has no Nodes; install pyslurm of this host's Slurm release"
        )
    major, minor, _micro = pyslurm.slurm_api_version()
    built = f"{major}.{minor:02d}"
    try:
        said = _command(["scontrol", "--version"], dict(os.environ)).stdout
    except FileNotFoundError:
        return
    if not said:
        return
    installed = said.split()[-1]
    if not installed.startswith(f"{built}."):
        raise SlurmError(
            f"pyslurm {pyslurm.__version__} was built for Slurm {built}, this host has Slurm {installed}: install "
            f"pyslurm {'.'.join(installed.split('.')[:2])}"
        )


class _Calls:
    """Turns pyslurm's errors during a call into ours."""

    def __init__(self, pyslurm: ModuleType, call: str) -> None:
        self._pyslurm, self._call = pyslurm, call

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if isinstance(error, self._pyslurm.RPCError):
            raise SlurmError.of(error.errno, _errno_name(self._pyslurm, error.errno), str(error), self._call) from error


def _errno_name(pyslurm: ModuleType, errno: int) -> Optional[str]:
    return _errnos(pyslurm).get(errno)


def _errnos(pyslurm: ModuleType) -> dict[int, str]:
    """Return the names of Slurm's error numbers, which pyslurm holds as constants."""
    prefixes = ("ESLURM_", "SLURM_PROTOCOL_", "SLURM_COMMUNICATIONS_", "SLURMCTLD_COMMUNICATIONS_")
    named = {
        value: name for name, value in vars(pyslurm).items() if name.startswith(prefixes) and isinstance(value, int)
    }
    # slurm_errno.h of 25.05 and later; pyslurm 25.11 has no constant for it.
    return {2180: "ESLURM_INVALID_NODE_STATE_TRANSITION", **named}


def _raise_for_words(pyslurm: ModuleType, words: str, call: str) -> NoReturn:
    """Raise the error that a command of Slurm printed: known by its text, which is slurm_strerror's."""
    text = words.splitlines()[-1].rpartition(": ")[2] if words else "no message"
    for errno, name in _errnos(pyslurm).items():
        if pyslurm.error.slurm_strerror(errno) == text:
            raise SlurmError.of(errno, name, text, call)
    raise SlurmError(f"{call}: {words or text}", call=call)


def _properties(kind: type) -> list[str]:
    """Return the names of what a class of pyslurm tells of its objects."""
    return sorted(name for name, value in vars(kind).items() if not name.startswith("_") and not callable(value))


def _record(source: Any, attributes: Collection[str]) -> dict[str, Any]:
    """Return attributes of one of pyslurm's objects as plain values, whatever bytes somebody has put into them."""
    try:
        return {name: plain(getattr(source, name)) for name in attributes}
    except UnicodeDecodeError:
        return {name: _attribute(source, name) for name in attributes}


def _attribute(source: Any, name: str) -> Any:
    """Return an attribute as a plain value; of one that is not UTF-8, the text with U+FFFD for what cannot be read."""
    try:
        return plain(getattr(source, name))
    except UnicodeDecodeError as error:
        text = error.object.decode("utf-8", "replace")
        return text.split(",") if name in _LISTS else text


def _node(node: Any, attributes: Collection[str]) -> dict[str, Any]:
    record = _record(node, attributes)
    if "state" in record:
        base, *flags = record["state"].split("+")
        record["state"] = [base, *sorted(flags)]
    if "reason_user" in record and not _attribute(node, "reason"):
        record["reason_user"] = None  # uid 0 is what an unset one reads as
    if "weight" in record and record["weight"] is None:
        record["weight"] = 0  # which pyslurm takes for one that is not set
    return record


def _job(job: Any, attributes: Collection[str], users: dict[int, Any]) -> dict[str, Any]:
    """:param users: the names of the users met so far: pyslurm asks the system for each job's anew."""
    record = _record(job, [name for name in attributes if name != "user_name"])
    if "user_name" in attributes:
        if job.user_id not in users:
            users[job.user_id] = plain(job.user_name)
        record["user_name"] = users[job.user_id]
    # pyslurm takes the number 0 for one that is not set.
    if "array_task_id" in record and record["array_task_id"] is None and job.array_id and not job.array_tasks_waiting:
        record["array_task_id"] = 0
    if "heterogeneous_offset" in record and record["heterogeneous_offset"] is None and job.heterogeneous_id:
        record["heterogeneous_offset"] = 0
    return record


def _step(step: Any) -> dict[str, Any]:
    return _record(step, [name for name in _properties(type(step)) if name not in _NOT_OF_JOBS])


def _words(fields: Mapping[str, str]) -> list[str]:
    """Return fields as scontrol takes them: a name with a sign, C(nodes+), keeps it before the equal sign."""
    return [f"{name}={value}" for name, value in fields.items()]


def plain(value: Any) -> Any:
    """Return a value of pyslurm as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    return str(value)
