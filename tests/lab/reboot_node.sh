#!/usr/bin/env bash
# RebootProgram of the lab: end the node's slurmd, the parent process, and start it again with a new boot time.
set -eu
slurmd=$PPID
node=$(tr '\0' '\n' <"/proc/$slurmd/cmdline" | sed -n '/^-N$/{n;p}')

# A node takes a moment to shut down, in which slurmd still forwards the request to other nodes.
setsid --fork bash -c "sleep 1; kill $slurmd; tail --pid=$slurmd --follow /dev/null; exec slurmd -N $node -b" \
    </dev/null >/dev/null 2>&1
