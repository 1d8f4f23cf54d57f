#!/usr/bin/env bash
# stage.sh ROOT DIRECTORY AT SCRIPT [ARGUMENT...]: run a script of this folder inside ROOT, with DIRECTORY mounted at AT
# for its output, and with the checkout where Ansible finds the collection. It runs in mount and process namespaces of its own, so every mount ends with it.
set -eu
root=$1 directory=$2 at=$3 script=$4
collection=usr/share/ansible/collections/ansible_collections/hpc/slurm
shift 4

# ROOT is read-only: other changes are in memory.
stage=/mnt
mount -t tmpfs tmpfs "$stage"
mkdir "$stage/upper" "$stage/work" "$stage/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$stage/upper,workdir=$stage/work" "$stage/root"
mount -t proc proc "$stage/root/proc"
mount --rbind /dev "$stage/root/dev"
cp /etc/resolv.conf "$stage/root/etc/resolv.conf"
mkdir -p "$stage/root/$at" "$stage/root/$collection"
mount --bind "$directory" "$stage/root/$at"
mount --bind "$(dirname -- "$0")/../.." "$stage/root/$collection"

exec chroot "$stage/root" bash "/$collection/tests/lab/$script" "$@"
