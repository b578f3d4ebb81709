#!/bin/sh
# Makes a virtual environment of its own for verifiers, which cannot be installed beside OpenEnv 0.10 (it brings 0.4.1):
#   sh scripts/verifiers_venv.sh [FOLDER]
# and plays served environments with its own OpenEnv environment: tests/serving/test_openenv_client.py.
set -eu
folder=${1:-.venv-verifiers}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade pip
"$folder/bin/python" -m pip install --quiet "verifiers[openenv]==0.4.0"
QUINTAIN_VERIFIERS_PYTHON=$folder/bin/python ${PYTHON:-.venv/bin/python} -m pytest -q -rs tests/serving/test_openenv_client.py
