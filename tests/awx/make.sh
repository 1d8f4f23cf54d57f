#!/usr/bin/env bash
# make.sh DIRECTORY SOURCES: AWX's code, its Python environment and its migrated database in DIRECTORY.
set -eu
directory=$1 sources=$2
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/awx/namespaces.sh
. "$here/namespaces.sh"

# At its final path; before /run is replaced, which may have the resolver's configuration.
mount --bind "$directory" /mnt
mkdir /mnt/source
cp -a "$sources/awx/awx" /mnt/source
# As AWX's own package leaves it out.
rm /mnt/source/awx/devonly.py
echo 24.6.1 >/mnt/source/VERSION

python3.11 -m venv /mnt/python
# Without what only builds packages, and with a pure Python server instead of uwsgi.
grep -vE '^ *#|^ *$|^(uwsgi|uwsgitop|maturin|setuptools-rust|setuptools-scm|setuptools|wheel|pip|receptorctl)(\[.*\])?==' \
    "$sources/awx/requirements/requirements.txt" >/mnt/requirements.txt
cp -a "$sources/django-ansible-base" /mnt/django-ansible-base
export SETUPTOOLS_SCM_PRETEND_VERSION_FOR_DJANGO_ANSIBLE_BASE=2024.7.1
/mnt/python/bin/pip install --quiet -r /mnt/requirements.txt -r "$here/requirements.txt" \
    '/mnt/django-ansible-base[rest_filters,jwt_consumer,resource_registry,rbac]'

mount_all "$directory"
mkdir /mnt/database
chown postgres: /mnt/database
postgres initdb /mnt/database --auth=trust --username=awx --encoding=UTF8 --no-sync
start_stores /mnt/database
"${programs##* }/createdb" --host=/run/postgresql --username=awx awx
manage migrate --no-input
export DJANGO_SUPERUSER_PASSWORD=password-of-the-lab
manage createsuperuser --no-input --username admin --email admin@lab.example
manage create_preload_data
manage register_default_execution_environments
manage provision_instance --hostname=awx --node_type=hybrid
manage register_queue --queuename=controlplane --instance_percent=100
manage register_queue --queuename=default --instance_percent=100
postgres pg_ctl /mnt/database --wait --mode=fast stop
