#!/bin/sh
# Makes a virtual environment of its own for AgentDojo, which brings the client libraries of many providers:
#   sh scripts/agentdojo_venv.sh [FOLDER]
# and runs the tests of its adapter there.
set -eu
folder=${1:-.venv-agentdojo}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade pip
"$folder/bin/python" -m pip install --quiet "agentdojo==0.1.35" \
    gymnasium pettingzoo numpy scipy rich typer httpx cloudpickle hypothesis pytest pytest-timeout
PYTHONPATH=$PWD "$folder/bin/python" -m pytest -q tests/envs/tools/test_agentdojo.py
