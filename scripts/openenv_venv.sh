#!/bin/sh
# Makes a virtual environment of its own for OpenEnv, which depends on some 60 packages:
#   sh scripts/openenv_venv.sh [FOLDER]
# and plays served environments with its client: tests/serving/test_openenv_client.py.
set -eu
folder=${1:-.venv-openenv}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade pip
"$folder/bin/python" -m pip install --quiet "openenv==0.10.0"
QUINTAIN_OPENENV_PYTHON=$folder/bin/python ${PYTHON:-.venv/bin/python} -m pytest -q -rs tests/serving/test_openenv_client.py
