#!/bin/sh
# Makes an image with Python from Debian's packages, for machines that reach no image registry, and tests the sandbox's
# container backend with it:
#   sh scripts/container_image.sh [NAME]
# Needs root, docker or podman, and debootstrap. Where podman says that cgroups in hybrid mode are not supported, install
# runc and write 'runtime = "runc"' below [engine] in /etc/containers/containers.conf.
set -eu
name=${1:-localhost/quintain-python}
engine=docker
docker info >/dev/null 2>&1 || engine=podman
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=python3 bookworm "$folder"
ln -sf python3 "$folder/usr/bin/python"
tar -C "$folder" --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./var/cache -c . | "$engine" import - "$name"
QUINTAIN_TEST_IMAGE=$name ${PYTHON:-.venv/bin/python} -m pytest -q -rs tests/sandbox/test_backends.py
