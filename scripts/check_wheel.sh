#!/usr/bin/env bash
# Build sdist, then the wheel from the sdist, and try that wheel without any extra: on this Python, on this Python with
# the oldest dependencies that pyproject.toml allows, and on the newest Python found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly PYTHON=$PWD/.venv/bin/python CHECK=$PWD/scripts/check_install.py
export PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# try_wheel TITLE PYTHON [pip install arguments]
try_wheel() {
    local title=$1 python=$2
    shift 2
    echo "wheel: $title"
    "$python" -m venv "$work/venv"
    "$work/venv/bin/python" -m pip install -qq --no-compile "$work"/dist/*.whl "$@"
    (cd "$work" && venv/bin/python -I "$CHECK" && venv/bin/quintain --help >/dev/null)
    rm -rf "$work/venv"
}

newest_python() {
    local found
    for found in python3.14 python3.13 python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-4]*/bin/python; do
        if "$found" -c 'import venv' >/dev/null 2>&1; then
            "$found" -c 'import sys; print(*sys.version_info[:2], sys.executable)'
        fi
    done | sort -k 1,1n -k 2,2n | tail -n 1 | cut -d ' ' -f 3
}

"$PYTHON" -m build --outdir "$work/dist" . >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; exit 1; }
echo "wheel: built $(cd "$work/dist" && ls | xargs)"

try_wheel "$("$PYTHON" --version), newest dependencies, no extras" "$PYTHON"

"$PYTHON" - >"$work/oldest.txt" <<'PY'
import re, tomllib
for requirement in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]:
    print(re.sub(r">=([\d.]+).*", r"==\1", requirement))
PY
try_wheel "oldest dependencies: $(xargs <"$work/oldest.txt")" "$PYTHON" --constraint "$work/oldest.txt"

newest=$(newest_python)
if [ -n "$newest" ]; then
    try_wheel "$("$newest" --version), newest dependencies, no extras" "$newest"
else
    echo "wheel: no Python newer than $("$PYTHON" --version) here, so none tried"
fi
