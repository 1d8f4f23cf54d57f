#!/usr/bin/env bash
# As root in the lab: powers nodes down and up as power_node.sh asks. A node is its slurmd, which boots when it starts.
set -eu
while read -r action hostlist; do
    for node in $(scontrol show hostnames "$hostlist"); do
        case $action in
            suspend-node) pkill -xf "slurmd -N $node( -b)?" || true ;;
            resume-node) slurmd -N "$node" -b ;;
        esac
    done
done <>/run/slurm/power
