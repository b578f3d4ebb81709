#!/usr/bin/env bash
# Robustness in small: two policies trained from scratch on Tabletop tasks (a hand that reaches a place, and one that
# slides a handle), and what random noise, MAD, SA-RL, RAT and PGD towards an intention make of them.
# Needs scripts/setup.sh mujoco report rl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

run=runs/robustness-$(date +%Y%m%d-%H%M%S)
# A cache of its own, so that the policies are trained before your eyes whatever was trained before.
export QUINTAIN_CACHE=$PWD/$run/cache

echo "demo: training two victims, then attacking them within l_inf balls; the run goes to $run/"
quintain robustness slide-handle reach --policy-steps 100000 --scenario opposite \
    --attack mad --attack sa-rl --attack rat --epsilon 0.05,0.1,0.15 \
    --attack-steps sa-rl=50000 --attack-steps rat=16000 --train-at 0.15 \
    --episodes 30 --seeds 0 --videos --out "$run/report"

printf '\ndemo: done in %d s. Open this page in a browser:\n' "$SECONDS"
ls "$PWD/$run/report/report.html"
