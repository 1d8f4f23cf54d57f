#!/usr/bin/env bash
# SuspendProgram and ResumeProgram of the lab, under the names suspend-node and resume-node: they run as SlurmUser, so root
# ends and starts the slurmds (power_daemon.sh).
set -eu
echo "${0##*/} $1" >/run/slurm/power
