#!/usr/bin/env bash
# fresh_root.sh PORT...: inside a root with Debian's Slurm and nothing of this collection, start slurmctld on the first
# PORT, then do what README.md says: the roles, and the first task. /opt/lab has the Ansible of another machine.
set -eu
ports=("$@")
export PATH=/opt/lab/bin:$PATH LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 ANSIBLE_NOCOLOR=1
echo "127.0.0.1 localhost $(hostname)" >/etc/hosts
install -d -o munge -g munge -m 0755 /run/munge
[ -e /etc/munge/munge.key ] || setpriv --reuid=munge --regid=munge --init-groups mungekey --create
setpriv --reuid=munge --regid=munge --init-groups munged
install -d -o slurm -g slurm /var/lib/slurm/slurmctld /run/slurm
cat >/etc/slurm/slurm.conf <<END
ClusterName=fresh
SlurmctldHost=localhost
SlurmctldPort=${ports[0]}
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmctldLogFile=/run/slurm/slurmctld.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
NodeName=node[1-64] State=EXTERNAL
PartitionName=main Nodes=ALL Default=YES
END
setpriv --reuid=slurm --regid=slurm --init-groups slurmctld
until scontrol ping | grep -q UP; do sleep 0.2; done

mkdir /root/site
cd /root/site
cat >inventory.yml <<END
all:
  vars: {ansible_connection: local}
  children:
    slurm_controller:
      hosts:
        ctl1.example.org:
          ansible_python_interpreter: /opt/pyslurm/bin/python3
    slurm_listener:
      hosts:
        eda.example.org:
      vars: {hpc_slurm_cluster: fresh, hpc_slurm_port: ${ports[1]}}
END
ansible-playbook -i inventory.yml hpc.slurm.pyslurm
ansible-playbook -i inventory.yml hpc.slurm.drain \
    -e '{"hpc_slurm_nodes": ["node[1-36]"], "hpc_slurm_reason": "cooling of rack 4, ticket 1234"}'
echo "FIRST TASK: $(sinfo --noheader --states=drained --format='%N %E')"

ansible-playbook -i inventory.yml hpc.slurm.listener
echo "RULEBOOK: $(/opt/rulebook/bin/ansible-rulebook --version | head -1)"
for playbook in pyslurm listener; do
    echo "AGAIN: $(ansible-playbook -i inventory.yml "hpc.slurm.$playbook" | grep changed=)"
done
