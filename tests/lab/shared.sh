# shellcheck shell=bash
# Functions that the scripts of this folder share, inside the lab.

as_slurm() { setpriv --reuid=slurm --regid=slurm --init-groups "$@"; }

# Wait up to a minute for a command to succeed.
wait_for() {
    for _try in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    echo "${0##*/}: waited a minute for: $*" >&2
    return 1
}
