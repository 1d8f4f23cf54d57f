#!/usr/bin/env bash
# make_wheel.sh PYSLURM SLURM: inside the root, compile pyslurm against its Slurm; the wheel goes to /wheels.
set -eu
pyslurm=$1 slurm=$2

cd /tmp
python3 -m venv build
export PATH=/tmp/build/bin:$PATH
pip install --quiet 'Cython==3.3.1' setuptools wheel packaging
pip download --quiet --no-deps --no-build-isolation --no-binary :all: "pyslurm==$pyslurm"
tar xf "pyslurm-$pyslurm.tar.gz"
cd "pyslurm-$pyslurm"
# pyslurm's set-up compares its own release with Slurm's; pyslurm_compat.h bridges what differs.
sed -i "s/^__version__.*/__version__ = \"${slurm/.0/.}.0\"/" pyslurm/version.py
export CFLAGS="-O1 -DSLURM_BACKWARD_COMPAT -include /lab/pyslurm_compat.h"
libraries=/usr/lib/$(gcc -print-multiarch)
export SLURM_INCLUDE_DIR=/usr/include SLURM_LIB_DIR=$libraries PYSLURM_BUILD_JOBS=2
pip wheel --quiet --no-build-isolation --no-deps --wheel-dir /wheels .
