#!/usr/bin/env bash
# make_layer.sh ROOT DIRECTORY SETUP PACKAGE...: put what Debian's packages add to ROOT into DIRECTORY, a layer over it.
# SETUP is a command that runs in the root afterwards.
set -eu
root=$1 directory=$2 setup=$3
shift 3

stage=/mnt
mount -t tmpfs tmpfs "$stage"
mkdir "$stage/upper" "$stage/work" "$stage/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$stage/upper,workdir=$stage/work" "$stage/root"
mount -t proc proc "$stage/root/proc"
mount --rbind /dev "$stage/root/dev"
cp /etc/resolv.conf "$stage/root/etc/resolv.conf"

# No daemon starts when its package is installed.
printf '#!/bin/sh\nexit 101\n' >"$stage/root/usr/sbin/policy-rc.d"
chmod 0755 "$stage/root/usr/sbin/policy-rc.d"
apt=(chroot "$stage/root" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Check-Valid-Until=false)
"${apt[@]}" update
"${apt[@]}" install --yes --no-install-recommends "$@"
"${apt[@]}" clean
chroot "$stage/root" sh -euc "$setup"
rm -r "$stage/root/var/lib/apt/lists" "$stage/root/usr/sbin/policy-rc.d"

# Files only: what marks a removed file in an overlay may not be copied into another overlay.
cd "$stage/upper"
find . ! -type c -print0 | tar --create --null --no-recursion --files-from=- | tar --extract --directory="$directory"
