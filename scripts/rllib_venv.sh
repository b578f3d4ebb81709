#!/bin/sh
# Makes a virtual environment of its own for RLlib, which pins Gymnasium:
#   sh scripts/rllib_venv.sh [FOLDER]
# and runs the page "Train with RLlib" in it. Naming torch first keeps pip from fetching a CUDA build of gigabytes.
set -eu
folder=${1:-.venv-rllib}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade pip
"$folder/bin/python" -m pip install --quiet "torch==2.13.0+cpu" ||
    "$folder/bin/python" -m pip install --quiet --index-url https://download.pytorch.org/whl/cpu "torch==2.13.0"
"$folder/bin/python" -m pip install --quiet "ray[rllib]==2.60.0" pettingzoo numpy scipy rich typer httpx cloudpickle
QUINTAIN_RLLIB_PYTHON=$folder/bin/python ${PYTHON:-.venv/bin/python} -m pytest -q -rs tests/test_docs.py -k rllib
