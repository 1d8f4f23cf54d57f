#!/usr/bin/env bash
# boot.sh NAME DISK LAYERS WHEELS: in the new namespaces of a machine, mount its root and become its systemd.
#
# DISK has what the machine has written (upper); LAYERS, joined with ":", are below it and read-only. WHEELS is a folder
# that the machine sees at /srv/wheels.
set -eu
name=$1 disk=$2 layers=$3 wheels=$4

root=$disk/root
mkdir -p "$disk/upper" "$disk/work" "$root"
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$disk/upper,workdir=$disk/work" "$root"
cd "$root"
hostname "$name"
ip link set lo up

# As a container has it: the kernel's settings are read-only but for the network's, and each boot has an id of its own.
mount -t proc proc proc
cat /proc/sys/kernel/random/uuid >"$disk/boot_id"
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,rw proc/sys/net
mount --bind "$disk/boot_id" proc/sys/kernel/random/boot_id
if [ -e proc/sysrq-trigger ]; then mount --bind /dev/null proc/sysrq-trigger; fi
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 none sys/fs/cgroup

mount -t tmpfs -o mode=0755 tmpfs dev
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "console 1 3"; do
    # shellcheck disable=SC2086  # a name and two numbers
    set -- $device
    mknod -m 0666 "dev/$1" c "$2" "$3"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -p mnt srv/wheels
mount --bind "$wheels" srv/wheels
mount -o remount,bind,ro srv/wheels

# machine.sh puts the network card in.
for _try in $(seq 100); do
    if ip link show eth0 >/dev/null 2>&1; then break; fi
    sleep 0.1
done
ip link show eth0 >/dev/null

pivot_root . mnt
cd /
umount -l /mnt
dropped=-sys_time,-sys_module,-sys_rawio,-wake_alarm,-syslog
exec env --ignore-environment container=hpc-slurm LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set="$dropped" --inh-caps="$dropped" \
    /lib/systemd/systemd --show-status=0 systemd.unit=multi-user.target
