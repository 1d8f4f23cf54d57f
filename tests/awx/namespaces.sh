#!/usr/bin/env bash
# Sourced by make.sh and serve.sh, in a mount namespace of AWX's own: its mounts, PostgreSQL and redis.

# The cache entry is at /mnt, and /run and /etc can be written, in memory.
mount_all() {
    local made=$1
    mount --bind "$made" /mnt
    mount -t tmpfs tmpfs /run
    mkdir -p /run/redis /run/postgresql /run/awx /run/etc /run/etc-work
    mount -t proc proc /proc
    mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work /etc
    mkdir /etc/receptor
    printf -- '- control-service: {filename: /run/receptor.sock}\n' >/etc/receptor/receptor.conf
    chown postgres: /run/postgresql
}

programs=$(echo /usr/lib/postgresql/*/bin)

# Run a program of PostgreSQL on the database in a directory.
postgres() {
    local program=$1 directory=$2
    shift 2
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "${programs##* }/$program" "--pgdata=$directory" "$@")
}

# Start PostgreSQL and redis; only a socket of each, no port.
start_stores() {
    postgres pg_ctl "$1" --wait --log=/run/postgresql/log -o "-c listen_addresses= -c unix_socket_directories=/run/postgresql -c fsync=off" start
    redis-server --port 0 --unixsocket /run/redis/redis.sock --save '' --daemonize yes --dir /run/redis
}

# shellcheck disable=SC2154 # of what sources this
export AWX_SETTINGS_FILE=$here/settings.py PYTHONPATH=$here/stand_ins:/mnt/source PYTHONDONTWRITEBYTECODE=1
export AWX_LOGGING_MODE=stdout
export PATH=/mnt/python/bin:$here/stand_ins:$PATH

manage() {
    awx-manage "$@"
}
