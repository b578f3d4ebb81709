#!/usr/bin/env bash
# Reward design in small: a reward for walking up to a tree is designed offline, an agent is trained with it, failures are
# analyzed, and the next round follows. Needs scripts/setup.sh minecraft rl report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH OMP_NUM_THREADS=1

run=runs/demo-minecraft-$(date +%Y%m%d-%H%M%S)
printf 'demo: a reward for ApproachTree by the offline template designer (no language model): two rounds of design,\n'
printf 'training and analysis in a MineDojo-compatible voxel simulator; the first minute compiles it\n(one training a round, with a seed whose second round shows a change of the design: no measurement)\n'
quintain reward design Minecraft/ApproachTree-v0 --rounds 2 --episodes 128 --seed 1 --out "$run"

printf '\ndemo: done in %d s. Every round with its source, curve, deaths and clips:\n%s\n' "$SECONDS" "$PWD/$run/report.html"
