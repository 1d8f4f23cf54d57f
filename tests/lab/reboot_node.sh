#!/usr/bin/env bash
# RebootProgram of the lab: a reboot of a node is its slurmd, our parent, ended and started again with a new boot time.
set -eu
slurmd=$PPID
node=$(tr '\0' '\n' <"/proc/$slurmd/cmdline" | sed -n '/^-N$/{n;p}')

setsid --fork bash -c "kill $slurmd; tail --pid=$slurmd --follow /dev/null; exec slurmd -N $node -b" \
    </dev/null >/dev/null 2>&1
