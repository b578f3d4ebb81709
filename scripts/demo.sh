#!/usr/bin/env bash
# The main job in small: the embedded language model (SmolLM2, 135M parameters) on CodeReason-v0, its programs run in
# the sandbox, beside an upper and a lower bound on the same questions. Needs scripts/setup.sh llm reason report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

runs=runs/demo-$(date +%Y%m%d-%H%M%S)
questions=(--tasks chain_sum,products --difficulty easy --episodes 48 --seed 1 --concurrency 24 --env-arg max_turns=3)
# Greedy decoding, so that the figures are the same on every machine of a kind.
greedy=(--agent-arg temperature=0)

play() { # play NAME AGENT [options]
    local name=$1 agent=$2
    shift 2
    printf '\ndemo: %s\n' "$name"
    quintain eval CodeReason-v0 --agent "$agent" "${questions[@]}" --out "$runs/$name" "$@"
}

echo "demo: 48 sums and products, each posed to four agents; the runs go to $runs/"
quintain model fetch
play random random --no-report
play oracle oracle --no-report
play all-text all-text --no-code --agent-arg max_tokens=64 "${greedy[@]}"
play all-code all-code --agent-arg max_tokens=96 "${greedy[@]}"

printf '\ndemo: what does writing programs bring? The same questions, paired:\n'
quintain compare "$runs/all-code" "$runs/all-text"
printf '\ndemo: done in %d s. Open these pages in a browser; they hold every transcript:\n' "$SECONDS"
ls "$PWD/$runs"/*/report.html
