#!/usr/bin/env bash
# machine.sh NAME RUN NETWORK CGROUPS DISK LAYERS WHEELS: supply a machine with power. It boots again when it reboots;
# this ends when the machine is off, or when its process 1 is killed, as when the power fails.
#
# RUN/NAME.pid has the process id of its process 1 while it is on. NETWORK is the network namespace with the bridge,
# CGROUPS a mounted cgroup v2. The rest is for boot.sh.
set -u
name=$1 run=$2 network=$3 cgroups=$4
shift 4
here=$(dirname -- "$0")
cgroup=$cgroups/$network-$name
port=${name:0:15}

remove_cgroup() {
    for _try in $(seq 50); do
        find "$cgroup" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
        rmdir "$cgroup" 2>/dev/null && return
        sleep 0.1
    done
}

boot() {
    mkdir -p "$cgroup"
    # Its clocks since boot begin here: Slurm and Ansible tell a reboot by the uptime.
    local uptime init=''
    uptime=$(cut -d. -f1 /proc/uptime)
    (
        echo "$BASHPID" >"$cgroup/cgroup.procs"
        exec unshare --mount --pid --net --ipc --uts --cgroup --time --boottime "-$((uptime - 1))" \
            --monotonic "-$((uptime - 1))" --fork --kill-child --propagation private \
            bash "$here/boot.sh" "$name" "$@"
    ) </dev/null &
    local outer=$!
    for _try in $(seq 100); do
        read -r init <"/proc/$outer/task/$outer/children" 2>/dev/null
        [ -n "$init" ] && break
        sleep 0.05
    done
    init=${init%% *}
    ip netns exec "$network" ip link delete "$port" 2>/dev/null
    ip netns exec "$network" ip link add "$port" type veth peer name eth0 netns "$init" &&
        ip netns exec "$network" ip link set "$port" master bridge up
    echo "$init" >"$run/$name.pid"
    # Bash would report the signal that a reboot ends it with.
    wait $outer 2>/dev/null
    local status=$?
    rm -f "$run/$name.pid"
    remove_cgroup
    return $status
}

echo $$ >"$run/$name.supervisor"
while :; do
    boot "$@"
    status=$?
    echo "machine.sh: $name ended with status $status"
    # The kernel ends process 1 of a namespace with SIGHUP for a reboot, with SIGINT for a halt: reboot(2).
    [ $status = 129 ] || break
done
rm -f "$run/$name.supervisor"
