#!/usr/bin/env bash
# make_root.sh SUITE DIRECTORY MIRROR PACKAGES USER: a minimal Debian with the packages, and an ordinary user.
set -eu
suite=$1 directory=$2 mirror=$3 packages=$4 user=$5

# A mirror may be a frozen copy, whose index files are past their date.
# shellcheck disable=SC2016  # mmdebstrap's shell expands $1
mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' --include="$packages" \
    --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash '"$user" \
    "$suite" "$directory" "$mirror"
