#!/usr/bin/env bash
# Inside the lab: run slurmctld on two hosts, ctl1 (primary) and ctl2 (backup), instead of beside the slurmds. Each is a
# process tree in namespaces of its own on a bridge, and has its own /etc/slurm; they share the StateSaveLocation and munge's key.
#
#   two_controllers.sh start       with both hosts
#   two_controllers.sh stop        the lab as it was
#   two_controllers.sh on HOST     switch a host on; its slurmctld starts
#   two_controllers.sh off HOST    switch it off, as a power failure would
#   two_controllers.sh run HOST COMMAND...
#
# tests/lab/inventory_two_controllers.yml has both hosts in the group slurm_controller.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/shared.sh
. "$here/shared.sh"
hosts=/run/lab-hosts
network=198.51.100
export LC_ALL=C.UTF-8

is_gone() { ! pgrep --exact "$1"; }
responds() { scontrol ping | grep "($1).* is UP"; }
all_idle() { [ "$(sinfo --noheader --nodes 'node[1-8]' --format %T)" = idle ]; }

restart_slurmds() {
    pkill --exact slurmd || true
    wait_for is_gone slurmd
    for number in 1 2 3 4 5 6 7 8; do slurmd -N "node$number"; done
    scontrol update nodename='node[1-8]' state=resume 2>/dev/null || true
    wait_for all_idle
}

# The first process of a host.
boot() {
    hostname "$1"
    mount -t proc proc /proc
    mount -t tmpfs -o mode=0755 tmpfs /run/slurm
    chown slurm:slurm /run/slurm
    mkdir -p "/run/lab-etc/$1"
    cp -a /etc/slurm/. "/run/lab-etc/$1"
    mount --bind "/run/lab-etc/$1" /etc/slurm
    wait_for ip link show eth0
    ip link set lo up
    ip address add "$network.1${1#ctl}/24" dev eth0
    ip link set eth0 up
    ip route add default via "$network.1"
    as_slurm slurmctld -L "/var/log/lab/slurmctld-$1.log"
    # Orphaned processes become children of this one; bash reaps them while it waits.
    while :; do
        sleep infinity &
        wait $!
    done
}

on() {
    [ ! -e "$hosts/$1" ] || return 0
    setsid unshare --net --uts --mount --pid --fork --kill-child bash "$0" boot "$1" \
        </dev/null >"/var/log/lab/$1.log" 2>&1 &
    outer=$!
    wait_for pgrep --parent "$outer"
    pid=$(pgrep --parent "$outer")
    ip link add "$1" type veth peer name eth0 netns "$pid"
    ip link set "$1" master hosts up
    echo "$pid" >"$hosts/$1"
}

off() {
    [ -e "$hosts/$1" ] || return 0
    pid=$(cat "$hosts/$1")
    rm "$hosts/$1"
    kill -KILL "$pid"
    wait_for [ ! -e "/proc/$pid" ]
    # The kernel removes the interface with the namespace, some time after.
    ip link delete "$1" 2>/dev/null || true
    wait_for [ ! -e "/sys/class/net/$1" ]
}

run() {
    name=$1
    shift
    nsenter --target "$(cat "$hosts/$name")" --net --uts --mount --pid -- "$@"
}

start() {
    mkdir -p "$hosts"
    sed "s/^SlurmctldHost=.*/SlurmctldHost=ctl1($network.11)\nSlurmctldHost=ctl2($network.12)/
        /^NodeName=node/s/ Port=/ NodeAddr=192.0.2.1 Port=/" "$here/slurm.conf" >/etc/slurm/slurm.conf
    grep -q ctl1 /etc/hosts || printf '%s ctl1\n%s ctl2\n' "$network.11" "$network.12" >>/etc/hosts
    # With an address of its own: a bridge takes that of one of its ports, and changes it when the port is removed.
    ip link add hosts address 02:00:00:00:00:01 type bridge
    ip address add "$network.1/24" dev hosts
    ip link set hosts up
    pkill --exact slurmctld || true
    wait_for is_gone slurmctld
    on ctl1
    wait_for responds primary
    on ctl2
    restart_slurmds
    wait_for responds backup
}

stop() {
    off ctl2
    off ctl1
    ip link delete hosts 2>/dev/null || true
    install -m 0644 "$here/slurm.conf" /etc/slurm/slurm.conf
    as_slurm slurmctld
    wait_for responds primary
    restart_slurmds
}

command=$1
shift
case $command in
    start | stop | on | off | run | boot) "$command" "$@" ;;
    *) exit 2 ;;
esac
