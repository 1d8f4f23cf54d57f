#!/usr/bin/env bash
# make_python.sh: inside the root, fill /opt/lab with a Python environment of its requirements.txt and wheels.
set -eu

cd /opt/lab
python3 -m venv .
bin/pip install --quiet --requirement requirements.txt wheels/*.whl
