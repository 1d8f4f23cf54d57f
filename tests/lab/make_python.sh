#!/usr/bin/env bash
# make_python.sh ANSIBLE: inside the root, fill /opt/lab with a Python environment of its requirements.txt and the wheel
# of pyslurm, with the collection awx.awx of this release of the package ansible, and /opt/lab/oldest with one of
# oldest.txt.
set -eu
ansible=$1

cd /opt/lab
python3 -m venv .
# There is none in a lab without pyslurm.
shopt -s nullglob
bin/pip install --quiet --requirement requirements.txt wheels/pyslurm-*.whl

# All collections of the package would be half a gigabyte.
bin/pip download --quiet --no-deps --only-binary :all: --dest /tmp/ansible "ansible==$ansible"
bin/python3 - /tmp/ansible/*.whl <<'END'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as package:
    names = [name for name in package.namelist() if name.startswith("ansible_collections/awx/")]
    package.extractall("collections", names)
END

python3 -m venv oldest
oldest/bin/pip install --quiet --requirement oldest.txt
