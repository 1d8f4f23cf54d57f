#!/usr/bin/env bash
# RebootProgram of the lab: end the node's slurmd, the parent process, and start it again with a new boot time.
set -eu
slurmd=$PPID
node=$(tr '\0' '\n' <"/proc/$slurmd/cmdline" | sed -n '/^-N$/{n;p}')

# When this script ends, slurmd kills its process group: wait until the other process has left it. A node takes a moment to
# shut down.
read -r _ < <(setsid --fork bash -c "
    echo left
    exec </dev/null >/dev/null 2>&1
    sleep 1
    kill $slurmd
    tail --pid=$slurmd --follow /dev/null
    exec slurmd -N $node -b")
