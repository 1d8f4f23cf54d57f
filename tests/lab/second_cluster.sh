#!/usr/bin/env bash
# Inside the lab: a second cluster beside the lab's own, whose nodes have the same names. They have no daemons.
#
#   second_cluster.sh start    prints the path of its slurm.conf
#   second_cluster.sh silence  its slurmctld no longer responds
#   second_cluster.sh wake     it does again
#   second_cluster.sh stop
set -eu
# shellcheck source=tests/lab/shared.sh
. "$(dirname -- "$(readlink -f -- "$0")")/shared.sh"
name=second
etc=/etc/slurm-$name
state=/var/lib/slurm/$name
pid_file=/run/slurm/$name.pid
export SLURM_CONF=$etc/slurm.conf LC_ALL=C.UTF-8

responds() { scontrol ping | grep " is UP"; }

start() {
    install -d -m 0755 "$etc"
    install -d -o slurm -g slurm -m 0755 "$state"
    echo 'CgroupPlugin=disabled' >"$etc/cgroup.conf"
    cat >"$SLURM_CONF" <<END
ClusterName=$name
SlurmctldHost=localhost
SlurmctldPort=6917
SlurmUser=slurm
AuthType=auth/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
ReturnToService=1
SlurmctldPidFile=$pid_file
SlurmctldLogFile=/var/log/lab/slurmctld-$name.log
StateSaveLocation=$state
MessageTimeout=5
NodeName=node[1-8] NodeHostname=localhost Port=38100 CPUs=4 RealMemory=1000 State=EXTERNAL
PartitionName=main Nodes=ALL Default=YES
END
    as_slurm slurmctld -i -f "$SLURM_CONF"
    wait_for responds
    echo "$SLURM_CONF"
}

silence() { kill -STOP "$(cat "$pid_file")"; }

wake() { kill -CONT "$(cat "$pid_file")"; }

stop() {
    [ -e "$pid_file" ] || return 0
    pid=$(cat "$pid_file")
    kill -KILL "$pid"
    wait_for [ ! -e "/proc/$pid" ]
    rm -rf "$pid_file" "$state" "$etc"
}

case $1 in
    start | silence | wake | stop) "$1" ;;
    *) exit 2 ;;
esac
