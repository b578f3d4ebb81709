#!/bin/sh
# Makes a virtual environment of its own for Meta-World, which pins mujoco==3.3.0:
#   sh scripts/metaworld_venv.sh [FOLDER]
# and runs the tests of its adapter there; papers/rat_targeted_attack/metaworld.py needs it. Naming torch keeps pip from fetching a CUDA build of gigabytes.
set -eu
folder=${1:-.venv-metaworld}
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade pip
"$folder/bin/python" -m pip install --quiet "torch==2.13.0" "metaworld>=3.1.1" stable-baselines3 \
    "gymnasium[mujoco]" pettingzoo numpy scipy rich typer httpx hypothesis pytest pytest-timeout
PYTHONPATH=$PWD "$folder/bin/python" -m pytest -q tests/envs/mujoco/test_metaworld.py
