"""Print the lines of this user's known_hosts, and of the system's, for hosts, and which hosts have none.

Standard input has a JSON object of the names by which ssh looks for the keys, by the inventory's hosts. Prints
{"lines": [...], "missing": [HOST...]}.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FILES = [Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts")]


def keys(name: str, file: Path) -> list[str]:
    """Return the lines of a file for a name, also those with hashed names."""
    found = subprocess.run(["ssh-keygen", "-F", name, "-f", str(file)], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if line and not line.startswith("#")]


def main() -> None:
    files = [file for file in FILES if file.is_file()]
    # A certificate authority vouches for hosts that have no line of their own.
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("@")]
    has_authority, missing = bool(lines), []
    for host, name in sorted(json.load(sys.stdin).items()):
        found = [line for file in files for line in keys(name, file)]
        lines += found
        if not found and not has_authority:
            missing.append(host)
    print(json.dumps({"lines": list(dict.fromkeys(lines)), "missing": missing}))


if __name__ == "__main__":
    main()
