#!/usr/bin/env bash
# make_accounting.sh ROOT DIRECTORY: put what Debian's slurmdbd and MariaDB add to ROOT into DIRECTORY, a layer over it.
set -eu
root=$1 directory=$2

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
chroot "$stage/root" apt-get update
chroot "$stage/root" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends mariadb-client-core mariadb-server-core slurmdbd
chroot "$stage/root" useradd --system --home /var/lib/mysql mysql
chroot "$stage/root" apt-get clean
rm -r "$stage/root/var/lib/apt/lists"

# Files only: what marks a removed file in an overlay may not be copied into another overlay.
cd "$stage/upper"
find . ! -type c -print0 | tar --create --null --no-recursion --files-from=- | tar --extract --directory="$directory"
