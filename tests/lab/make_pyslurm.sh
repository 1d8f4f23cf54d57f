#!/usr/bin/env bash
# make_pyslurm.sh ANSIBLE_CORE version=VERSION|source=PATH: inside the root, make /opt/pyslurm as a site would, with the
# role pyslurm. No controller runs yet.
set -eu
export PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
python3 -m venv /tmp/ansible
/tmp/ansible/bin/pip install --quiet "ansible-core==$1"
# scontrol tells its release only where there is a slurm.conf.
install -D -m 0644 "$(dirname -- "$0")/slurm.conf" /etc/slurm/slurm.conf
cd /tmp
/tmp/ansible/bin/ansible-playbook hpc.slurm.pyslurm --inventory localhost, --connection local \
    --extra-vars "hpc_slurm_pyslurm_hosts=localhost hpc_slurm_pyslurm_$2 hpc_slurm_pyslurm_check=false"
