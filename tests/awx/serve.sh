#!/usr/bin/env bash
# serve.sh MADE LOGS: AWX, in a mount namespace of its own among the processes of the lab.
set -eu
made=$1 logs=$2
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/awx/namespaces.sh
. "$here/namespaces.sh"

mount_all "$made"
mount --bind "$logs/shared" /run/awx
mkdir -p /run/awx/projects /run/awx/jobs
# The database is a copy in memory: it ends with AWX.
cp -a /mnt/database /run/database
start_stores /run/database

gunicorn --workers 2 --threads 4 --bind 127.0.0.1:8052 --timeout 120 awx.wsgi:application >"$logs/web.log" 2>&1 &
manage run_callback_receiver >"$logs/callback_receiver.log" 2>&1 &
manage run_dispatcher >"$logs/dispatcher.log" 2>&1 &
# End when one of the three does.
wait -n
echo "a service of AWX ended" >&2
