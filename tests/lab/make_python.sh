#!/usr/bin/env bash
# make_python.sh: inside the root, fill /opt/lab with a Python environment of its requirements.txt and the wheel of
# pyslurm, and /opt/lab/oldest with one of oldest.txt.
set -eu

cd /opt/lab
python3 -m venv .
bin/pip install --quiet --requirement requirements.txt wheels/pyslurm-*.whl

python3 -m venv oldest
oldest/bin/pip install --quiet --requirement oldest.txt
