#!/bin/sh
# Makes a virtual environment of its own for the axelrod library, whose requirements (torch, dask, pandas) are heavy:
#   sh scripts/axelrod_venv.sh [FOLDER]
# and runs the tests that compare with it turn by turn. Naming torch keeps pip from fetching a CUDA build of gigabytes.
set -eu
folder=${1:-.venv-axelrod}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade pip
"$folder/bin/python" -m pip install --quiet "torch==2.13.0" axelrod nashpy open-spiel \
    gymnasium pettingzoo numpy scipy rich typer httpx pytest pytest-timeout
PYTHONPATH=$PWD "$folder/bin/python" -m pytest -q tests/agents/games/test_axelrod.py tests/experiments/games
