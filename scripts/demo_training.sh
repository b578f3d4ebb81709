#!/usr/bin/env bash
# Training in small: a language model of 340,000 parameters learns from examples to answer from its head or to write a
# program, then, by reinforcement learning, to write a program where its head is wrong. Needs scripts/setup.sh llm reason
# report train.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH OMP_NUM_THREADS=1

runs=runs/demo-training-$(date +%Y%m%d-%H%M%S)
task=(--env-arg tasks=mini_sum,mini_product --env-arg difficulty=easy --env-arg rules=false --env-arg max_turns=3)
evaluate() { # evaluate NAME MODEL
    quintain eval CodeReason-v0 -a chat --engine transformers --model "$2" --engine-arg max_batch=256 --concurrency 256 \
        "${task[@]}" --split test --episodes 200 --agent-arg max_tokens=64 --agent-arg temperature=1 \
        --agent-arg extract=false --out "$runs/$1" --no-report
}

printf '\ndemo: a model learns from 12,000 examples, of which 40 %% write a program\n'
quintain model train-nano tools "$runs/nano" --examples 12000 --epochs 2 --env-arg tasks=mini_sum,mini_product
printf '\ndemo: reinforcement learning: 256 episodes a step, rewarded for right answers\n'
quintain train grpo CodeReason-v0 --policy "$runs/nano" "${task[@]}" --env-arg split=train --max-tokens 64 \
    --settings iterations=6 --settings learning_rate=3e-4 --out "$runs/grpo"
printf '\ndemo: 200 questions that neither training has seen, before and after\n'
evaluate before "$runs/nano"
evaluate after "$runs/grpo/model"
quintain compare "$runs/after" "$runs/before"
quintain view "$runs/grpo" >/dev/null
printf '\ndemo: done in %d s. Learning curves and transcripts:\n%s\n' "$SECONDS" "$PWD/$runs/grpo/report.html"
