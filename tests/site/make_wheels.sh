#!/usr/bin/env bash
# make_wheels.sh: inside the root, fill /srv with the wheels of its requirements.txt.
set -eu
python3 -m venv /tmp/environment
/tmp/environment/bin/pip wheel --quiet --wheel-dir /srv --requirement /srv/requirements.txt
