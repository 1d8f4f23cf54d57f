#!/usr/bin/env bash
# Inside the lab's root, still process 1: start munge, slurmctld and the slurmds, then wait.
set -eu
export PATH=/opt/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
umount --recursive --lazy /mnt
here=$(dirname -- "$0")

install -d -m 0755 /etc/slurm
install -m 0644 "$here/slurm.conf" /etc/slurm/slurm.conf
# It has no State=EXTERNAL: a hundred nodes are DOWN in the place of the ten thousand.
case $(slurmctld -V) in
    *" 24.11."*) sed -i 's/big\[00001-10000\]/big[00001-00100]/; s/State=EXTERNAL/State=DOWN/' /etc/slurm/slurm.conf ;;
esac
echo 'CgroupPlugin=disabled' >/etc/slurm/cgroup.conf
install -m 0755 "$here/reboot_node.sh" /usr/local/sbin/reboot-node
install -m 0644 "$here/gres.conf" /etc/slurm/gres.conf
install -m 0755 "$here/power_node.sh" /usr/local/sbin/suspend-node
install -m 0755 "$here/power_node.sh" /usr/local/sbin/resume-node
install -d -o slurm -g slurm -m 0755 /run/slurm /var/lib/slurm /var/lib/slurm/slurmctld

# Files in the place of devices: no job is confined to its devices.
install -d -m 0755 /var/lib/slurm/gpu
touch /var/lib/slurm/gpu/{0..3}

# Ansible run as this user needs a home directory.
usermod --home /var/lib/slurm slurm

install -d -o munge -g munge -m 0755 /run/munge
install -d -o munge -g munge -m 0700 /var/log/munge /var/lib/munge /etc/munge
dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
chown munge:munge /etc/munge/munge.key
chmod 0600 /etc/munge/munge.key
setpriv --reuid=munge --regid=munge --init-groups munged

# It is there in a lab with accounting storage.
if command -v slurmdbd >/dev/null; then
    bash "$here/accounting.sh"
fi
setpriv --reuid=slurm --regid=slurm --init-groups slurmctld -i
for number in 1 2 3 4 5 6 7 8; do
    slurmd -N "node$number"
done
mkfifo /run/slurm/power
chown slurm:slurm /run/slurm/power
"$here/power_daemon.sh" &
touch /var/log/lab/started

# Orphaned processes become children of process 1; bash reaps them while it waits.
trap 'exit 0' TERM
while :; do
    sleep infinity &
    wait $!
done
