"""Let nodes fail for a while, and print what became of the service: its restarts, its memory, its exposure.

    failures.py MINUTES

The site must be up, with the service as tests/site/test_1_first_steps.py leaves it. A node that fails for the fourth
time within an hour stays drained: then it is resumed here, as a person would.
"""

from __future__ import annotations

import sys
import time

from administrator import UNIT, nodes, run, status, unit


def memory() -> int:
    """Return the resident memory of the service's processes, in MiB."""
    script = f"ps -u {UNIT} -o rss= | awk '{{ sum += $1 }} END {{ print int(sum / 1024) }}'"
    return int(run("eda", "sh", "-c", script))


def is_settled(node: str) -> bool:
    state, reason = nodes().get(node, ("unknown", ""))
    return state == "idle" or (state.startswith("drained") and "within an hour" in reason)


def fail(node: str) -> str:
    """Let a node fail, wait until its reaction is over, and return its state and reason."""
    run(node, "sh", "-c", "pkill -9 slurmd; systemctl stop slurmd")
    deadline = time.monotonic() + 300
    while not nodes().get(node, ("",))[0].startswith("down") and time.monotonic() < deadline:
        time.sleep(1)
    while not is_settled(node) and time.monotonic() < deadline:
        time.sleep(1)
    shown = " ".join(nodes().get(node, ("unknown", "")))
    run(node, "systemctl", "start", "slurmd")
    if not shown.startswith("idle"):
        run("ctl", "scontrol", "update", f"nodename={node}", "state=resume", status=None)
    return shown


def main() -> None:
    end, number = time.monotonic() + 60 * float(sys.argv[1]), 0
    while time.monotonic() < end:
        node = f"node{number % 2 + 1}"
        print(f"{time.strftime('%T')} {node}: {fail(node)}; {memory()} MiB, restarts {unit('NRestarts')}", flush=True)
        number += 1
    exposure = run("eda", "systemd-analyze", "security", "--no-pager", UNIT).rstrip().splitlines()[-1]
    print(f"{number} failures, restarts {unit('NRestarts')}, {memory()} MiB, health {status()['health']}, {exposure}")


if __name__ == "__main__":
    main()
