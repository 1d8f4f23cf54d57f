"""The caches of the lab: a root file system, the environment of the role pyslurm and a Python environment.

They are under ${XDG_CACHE_HOME:-~/.cache}/hpc-slurm, each in a directory named by a hash of its inputs. A build runs
under a lock, in a directory that is renamed when complete: checkouts share the caches, and an interrupted build is
never used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from progress import LabError, Progress, run

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
KEPT_DAYS = 30
BUILD_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "cert", "proxy")


class Parts(NamedTuple):
    root: str
    """The root file system, Debian with Slurm, as the lower directories of an overlay."""
    pyslurm: Path
    """The environment that the role pyslurm made, mounted at /opt/pyslurm."""
    python: Path
    """The Python environment of the tests, mounted at /opt/lab."""
    scratch: Path
    """The environments of ansible-test, mounted at /root/.ansible/test."""


def home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "hpc-slurm"


def versions() -> dict[str, str]:
    """Return versions.env as a mapping."""
    lines = (HERE / "versions.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def suites() -> list[str]:
    """Return the Debian releases that the lab can have, the default one first."""
    return [versions()["DEBIAN_SUITE"], "trixie"]


class Flavour(NamedTuple):
    """What a lab is made of.

    :param suite: the Debian release, and with it Slurm's.
    :param pyslurm: a wheel, a source archive or a folder, in the place of the package index.
    :param accounting: whether the root has slurmdbd and MariaDB too.
    """

    suite: str
    pyslurm: Optional[Path]
    accounting: bool

    def slurm(self) -> str:
        """Return the release of Slurm that the tests are for."""
        return versions()["SLURM_RELEASE" if self.is_default() else f"SLURM_RELEASE_OF_{self.suite.upper()}"]

    def has_pyslurm(self) -> bool:
        return self.pyslurm is not None or self.is_default()

    def is_default(self) -> bool:
        return self.suite == suites()[0]


def build(progress: Progress, flavour: Flavour) -> Parts:
    """Build what is missing and return the directories."""
    home().mkdir(parents=True, exist_ok=True)
    release = versions()
    root_key = key(flavour.suite, flavour.slurm(), content("packages.txt"), content("make_root.sh"))
    root = cached("root", root_key, lambda path, log: make_root(path, log, progress, flavour))
    built_against = [installed(root, package) for package in ("libslurm-dev", "python3")]
    pyslurm_key = key(*built_against, *wanted_pyslurm(flavour), *role("pyslurm"), content("make_pyslurm.sh"))
    pyslurm = cached("pyslurm", pyslurm_key, lambda path, log: make_pyslurm(path, log, root, progress, flavour))
    python_key = key(
        pyslurm_key,
        release["ANSIBLE_CORE"],
        release["OLDEST_ANSIBLE_CORE"],
        release["ANSIBLE_RULEBOOK"],
        release["ANSIBLE"],
        content("requirements.txt"),
        content("../../requirements.txt"),
        content("make_python.sh"),
    )
    python = cached("python", python_key, lambda path, log: make_python(path, log, root, pyslurm, progress))
    scratch = cached("ansible-test", python_key, lambda path, log: path.mkdir())
    layers = with_accounting(root, root_key, progress) if flavour.accounting else str(root)
    return Parts(layers, pyslurm, python, scratch)


def wanted_pyslurm(flavour: Flavour) -> list[str]:
    """Return what tells one pyslurm from another: the version, or the content of what is given."""
    if flavour.pyslurm is None:
        return [versions()["PYSLURM"] if flavour.has_pyslurm() else "none"]
    files = sorted(flavour.pyslurm.rglob("*")) if flavour.pyslurm.is_dir() else [flavour.pyslurm]
    if not files or not files[0].exists():
        raise LabError(f"--pyslurm: there is no {flavour.pyslurm}, or it is empty")
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()]


def with_accounting(root: Path, root_key: str, progress: Progress) -> str:
    """Return the root with a layer of its own over it, so that the lab without accounting is as before."""
    what = "accounting storage: Debian's slurmdbd and MariaDB (about a minute)"
    packages = ["mariadb-client-core", "mariadb-server-core", "slurmdbd"]
    setup = "useradd --system --home /var/lib/mysql mysql"
    return f"{layer('accounting', root, root_key, packages, setup, what, progress)}:{root}"


def layer(kind: str, root: Path, root_key: str, packages: list[str], setup: str, what: str, progress: Progress) -> Path:
    """Return what packages and a command of setup add to a root, as a directory of an overlay."""
    name = key(root_key, content("make_layer.sh"), *packages, setup)

    def make(path: Path, log: Path) -> None:
        progress.phase(what)
        path.mkdir()
        script = ["bash", str(HERE / "make_layer.sh"), str(root), str(path), setup, *packages]
        run([*BUILD_NAMESPACES, *script], log, script[1], env={"PATH": os.environ["PATH"], **network_environment()})

    return cached(kind, name, make)


def remove() -> None:
    shutil.rmtree(home(), ignore_errors=True)


def content(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def role(name: str) -> list[str]:
    """Return the content of a role of the collection, and of the filters and the tasks that it uses."""
    files = [*(CHECKOUT / "roles" / name).rglob("*"), *(CHECKOUT / "plugins/filter").glob(f"{name}*.py")]
    files += [CHECKOUT / "plugins/module_utils/adapter/releases.py", CHECKOUT / "roles/common/tasks/packages.yml"]
    return [path.read_text(encoding="utf-8") for path in sorted(files) if path.is_file()]


def key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def cached(kind: str, name: str, make: Callable[[Path, Path], None]) -> Path:
    """Return the cache entry `kind`-`name`, made by `make(path, log)` if it is not there yet."""
    final = home() / f"{kind}-{name}"
    with locked(kind):
        if final.exists():
            os.utime(final)  # in use
            return final
        partial, log = home() / f"{kind}-{name}.partial", home() / f"{kind}-{name}.log"
        # Older entries of this kind were built from something else; an interrupted build is no use to anybody.
        for stale in home().glob(f"{kind}-*.partial"):
            shutil.rmtree(stale)
        log.unlink(missing_ok=True)
        make(partial, log)
        partial.rename(final)
        log.unlink(missing_ok=True)
        forget(kind)
    return final


def forget(kind: str) -> None:
    """Remove the entries of a kind that no checkout has used for a while: each is up to a gigabyte."""
    for entry in home().glob(f"{kind}-*"):
        if entry.is_dir() and time.time() - entry.stat().st_mtime > KEPT_DAYS * 86400:
            shutil.rmtree(entry)


@contextlib.contextmanager
def locked(kind: str) -> Iterator[None]:
    with open(home() / f"{kind}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# The three builds.


def make_root(path: Path, log: Path, progress: Progress, flavour: Flavour) -> None:
    lines = content("packages.txt").splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    progress.phase(f"root file system: Debian {flavour.suite} with Slurm (about a minute)")
    make_debian(path, log, flavour.suite, packages, "alice", progress)
    expect_release(path, flavour)


def make_debian(path: Path, log: Path, suite: str, packages: list[str], user: str, progress: Progress) -> None:
    """Make a root file system with Debian's packages, and an ordinary user."""
    install_on_host(["mmdebstrap"], log, progress)
    script = [str(HERE / "make_root.sh"), suite, str(path), mirror(), ",".join(packages), user]
    run(script, log, "building the root file system")
    # Programs inside use the host's certificate authorities and package index.
    shutil.copy(CERTIFICATES, path / "etc/ssl/certs")
    (path / "etc/pip.conf").write_text(pip_configuration(), encoding="utf-8")


def install_on_host(packages: list[str], log: Path, progress: Progress) -> None:
    """Install Debian's packages on this machine, each of which has a command of its name, unless they are there."""
    missing = [name for name in packages if not shutil.which(name)]
    if missing:
        progress.phase(f"{', '.join(missing)}: installing Debian's package")
        run(["apt-get", "update"], log, "apt-get update")
        command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
        run(command, log, " ".join(["apt-get install", *missing]))


def make_pyslurm(path: Path, log: Path, root: Path, progress: Progress, flavour: Flavour) -> None:
    release = versions()
    (path / "wheel").mkdir(parents=True)
    if not flavour.has_pyslurm():
        return
    what = flavour.pyslurm.name if flavour.pyslurm else release["PYSLURM"]
    progress.phase(f"pyslurm {what} for Slurm {flavour.slurm()}: the role compiles it (two to four minutes)")
    choice = f"version={release['PYSLURM']}"
    if flavour.pyslurm:
        copy = shutil.copytree if flavour.pyslurm.is_dir() else shutil.copy
        copy(flavour.pyslurm, path / flavour.pyslurm.name)
        choice = f"source=/opt/pyslurm/{flavour.pyslurm.name}"
    in_root(str(root), path, "/opt/pyslurm", ["make_pyslurm.sh", release["ANSIBLE_CORE"], choice], log)


def make_python(path: Path, log: Path, root: Path, pyslurm: Path, progress: Progress) -> None:
    release = versions()
    progress.phase("Python environments: ansible-core, ansible-rulebook, awx.awx, libraries, test tools")
    shutil.copytree(pyslurm / "wheel", path / "wheels")
    requirements = [
        f"ansible-core=={release['ANSIBLE_CORE']}",
        f"ansible-rulebook=={release['ANSIBLE_RULEBOOK']}",
        content("../../requirements.txt"),
        content("requirements.txt"),
    ]
    (path / "requirements.txt").write_text("\n".join(requirements), encoding="utf-8")
    oldest = [f"ansible-core=={release['OLDEST_ANSIBLE_CORE']}", content("../../requirements.txt")]
    (path / "oldest.txt").write_text("\n".join(oldest), encoding="utf-8")
    in_root(str(root), path, "/opt/lab", ["make_python.sh", release["ANSIBLE"]], log)


def in_root(root: str, directory: Path, at: str, script: list[str], log: Path) -> None:
    """Run a build step inside the root; its mounts and processes always end with it (see stage.sh)."""
    command = [*BUILD_NAMESPACES, "bash", str(HERE / "stage.sh"), root, str(directory), at, *script]
    run(command, log, f"{script[0]} in the root", env={"PATH": os.environ["PATH"], **network_environment()})


def expect_release(root: Path, flavour: Flavour) -> None:
    """Raise LabError if Debian has another Slurm release than the tests are for."""
    found = installed(root, "slurmctld")
    if not found.startswith(f"{flavour.slurm()}."):
        raise LabError(
            f"Debian {flavour.suite} has Slurm {found}, the lab needs {flavour.slurm()}: set the releases in "
            f"{HERE / 'versions.env'}, and see roles/pyslurm/vars"
        )


def installed(root: Path, package: str) -> str:
    """Return the version of a Debian package in the root."""
    command = ["dpkg-query", f"--root={root}", "--showformat=${Version}", "--show", package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Package sources of the host.


def mirror() -> str:
    """Return the Debian mirror that the host's own package sources name."""
    wanted = "$(ORIGIN) $(LABEL) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in result.stdout.splitlines():
        origin, label, address = line.rsplit(maxsplit=2)[-3:]
        if (origin, label) == ("Debian", "Debian"):
            return address
    raise LabError("no Debian mirror in this machine's package sources: run `apt-get update` and read its errors")


def pip_configuration() -> str:
    """Return the settings of the host's pip for package sources, as a pip.conf."""
    command = ["python3", "-m", "pip", "config", "list"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    settings = {}
    for line in result.stdout.splitlines():
        name, _equals, value = line.partition("=")
        setting, value = name.rpartition(".")[2], value.strip("'\"")
        if setting in PIP_SETTINGS and not value.startswith("file:"):
            settings[setting] = value
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""])


def network_environment() -> dict[str, str]:
    """Return the host's environment variables for proxies and package sources."""
    names = {"http_proxy", "https_proxy", "no_proxy", "pip_index_url", "pip_trusted_host"}
    found = {name: value for name, value in os.environ.items() if name.lower() in names}
    return {**found, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
