#!/usr/bin/env bash
# Process 1 of the lab, in namespaces of its own: mounts the root, starts the daemons, and reaps orphaned processes.
# When it ends, the kernel ends every process of the lab.
set -eu
root=$1 pyslurm=$2 python=$3 scratch=$4 mountpoint=$5 checkout=$6 inside=$7 logs=$8

# End unless lab.py has recorded this process: `lab down` could not find it.
record=${mountpoint%/*}/process
for _try in $(seq 100); do
    [ -s "$record" ] && break
    sleep 0.1
done
[ -s "$record" ]

ip link set lo up
# Slurm resolves "any" with AI_ADDRCONFIG, which ignores the loopback addresses: give it another one.
ip address add 192.0.2.1/32 dev lo
hostname lab

# The cached root is read-only: changes are in memory and end with the lab.
mount -t tmpfs -o mode=0755 tmpfs "$mountpoint"
mkdir "$mountpoint/upper" "$mountpoint/work" "$mountpoint/root"
mount -t overlay overlay \
    -o "lowerdir=$root,upperdir=$mountpoint/upper,workdir=$mountpoint/work" "$mountpoint/root"
cd "$mountpoint/root"
mount -t proc proc proc
mount -t sysfs sysfs sys || true
mount --rbind /dev dev
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=0755 tmpfs run

mkdir -p opt/lab opt/pyslurm root/.ansible/test "./$inside" etc/ansible var/log/lab
# As for the root: a test may change what is in them.
in_memory() {
    mkdir "$mountpoint/upper-$2" "$mountpoint/work-$2"
    mount -t overlay overlay \
        -o "lowerdir=$1,upperdir=$mountpoint/upper-$2,workdir=$mountpoint/work-$2" "opt/$2"
}
in_memory "$python" lab
in_memory "$pyslurm" pyslurm
mount --bind "$scratch" root/.ansible/test
mount --bind "$checkout" "./$inside"
mount --bind "$logs" var/log/lab
chmod 1777 var/log/lab
cp /etc/resolv.conf etc/resolv.conf
printf '127.0.0.1 localhost lab\n::1 localhost\n' >etc/hosts
ln -sf "$inside/tests/lab/inventory.yml" etc/ansible/hosts
# awx.awx, beside this collection: in the Python environment it would be the only one that Python finds.
ln -sfn /opt/lab/collections/ansible_collections/awx "./${inside%/*/*}/awx"

pivot_root . mnt
cd /
exec chroot . "$inside/tests/lab/daemons.sh" </dev/null
